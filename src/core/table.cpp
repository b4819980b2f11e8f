// See table.h.
#include "core/table.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace scanlogd {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::string_view kCut = "..";

void put(std::string& out, std::string_view cell, std::size_t width, bool is_number, bool is_last) {
  std::string shown(cell);
  if (shown.size() > width) {
    shown.resize(width - std::min(width, kCut.size()));
    shown += kCut.substr(0, width);
  }
  const std::string padding(width - shown.size(), ' ');
  if (is_number) out += padding;
  out += shown;
  if (is_last) return;
  if (!is_number) out += padding;
  out.append(kGap, ' ');
}

}  // namespace

void Table::add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  lines_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::widths(std::size_t width) const {
  std::vector<std::size_t> widths;
  for (std::size_t at = 0; at < columns_.size(); ++at) {
    std::size_t widest = columns_[at].title.size();
    for (const auto& line : lines_) widest = std::max(widest, line[at].size());
    widths.push_back(widest);
  }
  if (width == 0) return widths;
  std::size_t sum =
      std::accumulate(widths.begin(), widths.end(), std::size_t{0}) + kGap * (columns_.size() - 1);
  // Column by column the widest that may give gives one, until it fits.
  while (sum > width) {
    std::size_t giver = columns_.size();
    for (std::size_t at = 0; at < columns_.size(); ++at) {
      if (widths[at] > columns_[at].least &&
          (giver == columns_.size() || widths[at] > widths[giver])) {
        giver = at;
      }
    }
    if (giver == columns_.size()) break;
    --widths[giver];
    --sum;
  }
  return widths;
}

std::string Table::format(std::size_t width) const {
  const std::vector<std::size_t> wide = widths(width);
  std::string out;
  const auto put_line = [&](auto cell_of) {
    for (std::size_t at = 0; at < columns_.size(); ++at) {
      put(out, cell_of(at), wide[at], columns_[at].is_number, at + 1 == columns_.size());
    }
    // An empty last cell leaves blanks.
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  };
  put_line([&](std::size_t at) { return columns_[at].title; });
  for (const auto& line : lines_) {
    put_line([&](std::size_t at) { return std::string_view(line[at]); });
  }
  return out;
}

}  // namespace scanlogd
