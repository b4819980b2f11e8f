// `scanlogctl top`: the most frequent.
#include <string>

#include "core/json_writer.h"
#include "core/table.h"
#include "ctl/subcommands.h"
#include "ctl/wording.h"

namespace scanlogd::ctl {
namespace {

constexpr std::size_t kDefaultLimit = 10;

std::string_view title_of(TopBy by) noexcept {
  switch (by) {
    case TopBy::source:
      return "SOURCE";
    case TopBy::target:
      return "TARGET";
    case TopBy::port:
      return "PORT";
    case TopBy::network:
      return "NETWORK";
    case TopBy::technique:
      return "TECHNIQUE";
    case TopBy::tool:
      break;
  }
  return "TOOL";
}

}  // namespace

Result<void> show_top(const StoreReader& store, const Request& request, const Emit& emit) {
  const auto top =
      store.top(request.by, request.filter.since, request.limit.value_or(kDefaultLimit));
  if (!top) return std::unexpected(top.error());
  if (request.json) {
    for (const TopEntry& entry : *top) {
      std::string text;
      JsonWriter json(text);
      json.open_object();
      json.member("name", entry.name);
      json.member("scans", entry.scans);
      json.close_object();
      emit(text += '\n');
    }
    return {};
  }
  Table table({{.title = "SCANS", .is_number = true}, {.title = title_of(request.by)}});
  for (const TopEntry& entry : *top) table.add({format_count(entry.scans), entry.name});
  emit(table.empty() ? "no scans\n" : table.format(request.width));
  return {};
}

}  // namespace scanlogd::ctl
