// See notice_board.h. Blind intervals come as text, from engines that send no more than that; the
// forms are those of core/blind_interval.h.
#include "daemon/notice_board.h"

#include <string_view>

namespace scanlogd {

void NoticeBoard::add(const Notice& notice) {
  constexpr std::string_view kBlind = "blind on ";
  if (notice.severity != Severity::error && notice.severity != Severity::warning) return;
  troubles_.push_back(notice);
  if (troubles_.size() > kMostTroubles) troubles_.pop_front();
  std::string_view text = notice.view();
  if (!text.starts_with(kBlind)) return;
  text.remove_prefix(kBlind.size());
  const std::size_t since = text.find(" since ");
  const std::size_t from = text.find(" from ");
  if (since < from) {
    if (blind_.size() < kMostBlind) blind_[std::string(text.substr(0, since))] = notice.view();
  } else if (from != std::string_view::npos) {
    blind_.erase(std::string(text.substr(0, from)));
    ++blind_before_;
  }
}

}  // namespace scanlogd
