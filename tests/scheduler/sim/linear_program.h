// Linear programs with integer data whose optimum is integer too, by a solver that shares nothing
// with the one of the flow: Clp's simplex.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace heliotrope::sim {

class LinearProgram {
 public:
  struct Entry {
    int row = 0;
    int64_t value = 0;
  };

  // A sum of columns that is to be from `least` to `most`. Returns its index.
  int AddRow(int64_t least, int64_t most);
  // An amount from 0 to `most` with its share in rows that are there already.
  void AddColumn(int64_t most, int64_t cost, const std::vector<Entry>& entries);

  // The least cost, counted in integers of the solution rounded to them; nothing if no solution
  // keeps all bounds. REQUIRES: the optimum is of integers, as flows have it. Dies if the solver
  // ends otherwise, or if what it returns is not integer or breaks a bound.
  std::optional<int64_t> LeastCost() const;

 private:
  struct Row {
    int64_t least = 0;
    int64_t most = 0;
  };
  struct Column {
    int64_t most = 0;
    int64_t cost = 0;
    std::vector<Entry> entries;
  };

  // What an integer solution costs. Dies if it breaks a bound.
  int64_t CostOf(const std::vector<int64_t>& amounts) const;

  std::vector<Row> rows_;
  std::vector<Column> columns_;
};

}  // namespace heliotrope::sim
