// `scanlogctl top`: the most frequent.
#include <string>

#include "core/json_writer.h"
#include "core/table.h"
#include "ctl/countries.h"
#include "ctl/subcommands.h"
#include "ctl/wording.h"

namespace scanlogd::ctl {
namespace {

constexpr std::size_t kDefaultLimit = 10;
constexpr std::size_t kLeastName = 20;

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

Result<void> show_countries(const StoreReader& store, const Request& request, const Emit& emit) {
  const auto locator = open_locator(locator_table(), request.locations);
  if (!locator) return std::unexpected(locator.error());
  const auto top =
      top_countries(store, request.filter.since, **locator, request.limit.value_or(kDefaultLimit));
  if (!top) return std::unexpected(top.error());
  Table table({{.title = "SCANS", .is_number = true},
               {.title = "SOURCES", .is_number = true},
               {.title = "CODE"},
               {.title = "COUNTRY", .least = kLeastName}});
  for (const CountryCount& each : *top) {
    const std::string code = text_of(each.code);
    const std::string name = name_country(**locator, each.code);
    if (request.json) {
      std::string text;
      JsonWriter json(text);
      json.open_object();
      json.member("name", name);
      if (!code.empty()) json.member("code", code);
      json.member("scans", each.scans);
      json.member("sources", each.sources);
      json.close_object();
      emit(text += '\n');
    } else {
      table.add({format_count(each.scans), format_count(each.sources), code, name});
    }
  }
  if (!request.json) emit(table.empty() ? "no scans\n" : table.format(request.width));
  return {};
}

}  // namespace

Result<void> show_top(const StoreReader& store, const Request& request, const Emit& emit) {
  if (request.by_country) return show_countries(store, request, emit);
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
