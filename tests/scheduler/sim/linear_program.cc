#include "tests/scheduler/sim/linear_program.h"

#include <Clp_C_Interface.h>

#include <cmath>
#include <cstddef>
#include <memory>

#include "scheduler/base/check.h"

namespace heliotrope::sim {
namespace {

constexpr int kOptimal = 0;
constexpr int kInfeasible = 1;
constexpr double kNearInteger = 1e-4;

}  // namespace

int LinearProgram::AddRow(int64_t least, int64_t most) {
  rows_.push_back({least, most});
  return static_cast<int>(rows_.size()) - 1;
}

void LinearProgram::AddColumn(int64_t most, int64_t cost, const std::vector<Entry>& entries) {
  columns_.push_back({most, cost, entries});
}

std::optional<int64_t> LinearProgram::LeastCost() const {
  std::vector<double> row_least;
  std::vector<double> row_most;
  for (const Row& row : rows_) {
    row_least.push_back(static_cast<double>(row.least));
    row_most.push_back(static_cast<double>(row.most));
  }
  std::vector<CoinBigIndex> starts = {0};
  std::vector<int> entry_rows;
  std::vector<double> entry_values;
  std::vector<double> most;
  std::vector<double> costs;
  for (const Column& column : columns_) {
    for (const Entry& entry : column.entries) {
      entry_rows.push_back(entry.row);
      entry_values.push_back(static_cast<double>(entry.value));
    }
    starts.push_back(static_cast<CoinBigIndex>(entry_rows.size()));
    most.push_back(static_cast<double>(column.most));
    costs.push_back(static_cast<double>(column.cost));
  }
  const std::vector<double> least(columns_.size(), 0.0);
  const std::unique_ptr<Clp_Simplex, decltype(&Clp_deleteModel)> model(Clp_newModel(),
                                                                       &Clp_deleteModel);
  Clp_setLogLevel(model.get(), 0);
  Clp_loadProblem(model.get(), static_cast<int>(columns_.size()), static_cast<int>(rows_.size()),
                  starts.data(), entry_rows.data(), entry_values.data(), least.data(), most.data(),
                  costs.data(), row_least.data(), row_most.data());
  Clp_dual(model.get(), 0);
  if (Clp_status(model.get()) == kInfeasible) return std::nullopt;
  HT_CHECK_EQ(Clp_status(model.get()), kOptimal);
  const double* solution = Clp_primalColumnSolution(model.get());
  std::vector<int64_t> amounts;
  for (size_t i = 0; i < columns_.size(); ++i) {
    HT_CHECK_LE(std::abs(solution[i] - std::round(solution[i])), kNearInteger);
    amounts.push_back(std::llround(solution[i]));
  }
  return CostOf(amounts);
}

int64_t LinearProgram::CostOf(const std::vector<int64_t>& amounts) const {
  int64_t cost = 0;
  std::vector<int64_t> sums(rows_.size(), 0);
  for (size_t i = 0; i < columns_.size(); ++i) {
    HT_CHECK_LE(0, amounts[i]);
    HT_CHECK_LE(amounts[i], columns_[i].most);
    cost += columns_[i].cost * amounts[i];
    for (const Entry& entry : columns_[i].entries) {
      sums[static_cast<size_t>(entry.row)] += entry.value * amounts[i];
    }
  }
  for (size_t i = 0; i < rows_.size(); ++i) {
    HT_CHECK_LE(rows_[i].least, sums[i]);
    HT_CHECK_LE(sums[i], rows_[i].most);
  }
  return cost;
}

}  // namespace heliotrope::sim
