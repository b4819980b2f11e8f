// Tables of text that fit a terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace scanlogd {

/// What a column looks like.
struct Column {
  std::string_view title;
  bool is_number = false;        ///< to the right
  std::size_t least = SIZE_MAX;  ///< may be cut to this width where the terminal is narrow
};

/// Lines of cells below titles.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// Appends a line; as many cells as columns, of one byte a character.
  void add(std::vector<std::string> cells);

  [[nodiscard]] bool empty() const noexcept { return lines_.empty(); }

  /// The table, no line longer than `width` as far as columns may be cut, the widest first; a cell
  /// that is cut ends in `..`. `width` 0: as wide as it takes.
  [[nodiscard]] std::string format(std::size_t width) const;

 private:
  [[nodiscard]] std::vector<std::size_t> widths(std::size_t width) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> lines_;
};

}  // namespace scanlogd
