// Tables for people: aligned columns, titles in capitals, two spaces between. Pure.
#pragma once

#include <string>
#include <vector>

#include "scheduler/cli/look.h"

namespace heliotrope::cli {

enum class Align { kLeft, kRight };

struct Column {
  std::string title;
  Align align = Align::kLeft;
};

struct Cell {
  std::string text;
  Style style = Style::kPlain;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // A missing cell is empty. REQUIRES: no more cells than columns.
  void Add(std::vector<Cell> row);

  bool empty() const { return rows_.empty(); }

  // The table with its titles, each line ended. In a terminal the last column is cut to fit.
  std::string Render(const Look& look) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

// "name   value" lines with the values under each other; empty values are left out.
class Facts {
 public:
  void Add(std::string name, std::string value, Style style = Style::kPlain);
  std::string Render(const Look& look) const;

 private:
  struct Fact {
    std::string name;
    Cell value;
  };
  std::vector<Fact> facts_;
};

}  // namespace heliotrope::cli
