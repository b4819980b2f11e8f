// The pieces of a page of HTML that stands by itself: no script, nothing loaded, and a policy that
// forbids both (CSP level 3) but for the one style sheet, which it knows by its hash.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/table.h"

namespace scanlogd::ctl {

/// `text` as it may stand in an element or between the quotes of an attribute. What is not
/// printable ASCII becomes a question mark: nothing that we write has any.
[[nodiscard]] std::string escape(std::string_view text);

/// Everything up to the content of the body.
[[nodiscard]] std::string open_page(std::string_view title);

/// Everything after it.
[[nodiscard]] std::string_view close_page() noexcept;

/// A table with a caption; cells are text, which is escaped here.
class HtmlTable {
 public:
  HtmlTable(std::string_view caption, std::vector<Column> columns);

  /// Appends a line; as many cells as columns.
  void add(const std::vector<std::string>& cells);

  /// The whole table.
  [[nodiscard]] std::string finish() &&;

 private:
  std::vector<Column> columns_;
  std::string out_;
};

}  // namespace scanlogd::ctl
