// `scanlogctl tail`: the latest events, scans and notices alike.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <variant>

#include "core/eve.h"
#include "core/scan_names.h"
#include "ctl/subcommands.h"
#include "ctl/wording.h"

namespace scanlogd::ctl {
namespace {

constexpr std::size_t kDefaultLines = 10;

/// At most so many are read at once.
constexpr std::size_t kPage = 1000;

std::string describe(const Notice& notice) {
  return fmt::format("{}  {}: {}", format_time(notice.at), name_of(notice.severity), notice.view());
}

std::string describe(const Scan& scan) {
  std::string text = fmt::format("{}  scan {} {}: {} from {} to {}, {} ports", format_time(scan.at),
                                 scan.id, name_of(scan.event.phase), summarise(scan),
                                 name_source(scan), name_targets(scan), count_ports(scan));
  if (scan.event.open_total != 0) text += fmt::format(", {} open", scan.event.open_total);
  return text.append(", ").append(name_of(scan.event.verdict));
}

std::string format(const Message& message, bool json) {
  std::string text;
  if (const auto* const scan = std::get_if<Scan>(&message.content)) {
    if (json) {
      append_eve(text, *scan, message.stamp);
    } else {
      text = describe(*scan);
    }
  } else {
    const auto& notice = std::get<Notice>(message.content);
    if (json) {
      append_eve(text, notice, message.stamp);
    } else {
      text = describe(notice);
    }
  }
  return text += '\n';
}

}  // namespace

Result<void> show_tail(const StoreReader& store, const Request& request, const Emit& emit,
                       const Wait& wait) {
  const auto summary = store.summary();
  if (!summary) return std::unexpected(summary.error());
  const std::uint64_t lines = request.limit.value_or(kDefaultLines);
  std::uint64_t last = summary->last_sequence - std::min(summary->last_sequence, lines);
  do {
    for (;;) {
      const auto messages = store.messages(last, kPage);
      if (!messages) return std::unexpected(messages.error());
      std::string text;
      for (const Message& message : *messages) {
        text += format(message, request.json);
        last = message.stamp.sequence;
      }
      if (!text.empty()) emit(text);
      if (messages->size() < kPage) break;
    }
  } while (request.follow && wait());
  return {};
}

}  // namespace scanlogd::ctl
