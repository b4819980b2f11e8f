// Reads an input as a configuration file: it gives options or a complaint with file and line, in
// printable characters; what it gives can be put under a command line, compared with what runs, and
// told to engines, which understand the same.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/command_line.h"
#include "daemon/config_file.h"
#include "daemon/reload.h"
#include "detect/detector.h"
#include "detect/egress.h"
#include "detect/selection.h"

namespace scanlogd {
namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

void check_complaint(std::string_view text) {
  require(text.starts_with("s.toml:"));
  text.remove_prefix(7);
  require(!text.empty() && text[0] >= '1' && text[0] <= '9');
  require(std::ranges::all_of(text, [](char c) { return c >= 0x20 && c <= 0x7e; }));
}

void check_reload(const Options& running, const Options& wanted) {
  for (const DetectorPlugin* const plugin : detector_table()) {
    const Reload reload = plan_reload(running, wanted, plugin->tunable);
    require((reload.engines || reload.options.local == running.local));
    if (reload.engines) require(reload.engines->detector() == reload.options.detector_options);
    // What has changed is not changed once more.
    require(plan_reload(reload.options, wanted, plugin->tunable).changed.empty());
  }
  require(plan_reload(wanted, wanted, {}).restart.empty());
}

/// The lists, as the profile `full` reads them when it starts.
void check_lists(const Section& options) {
  const auto selection = Selection::parse(options);
  if (!selection) check_complaint(selection.error().what);
  const auto egress = EgressOptions::parse(options);
  if (!egress) check_complaint(egress.error().what);
}

}  // namespace
}  // namespace scanlogd

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace scanlogd;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto base = parse_config(text, "s.toml", default_options());
  if (!base) {
    check_complaint(base.error().what);
    return 0;
  }
  const char* const arguments[] = {"scanlogd"};
  const auto running = parse_command_line(1, arguments);
  require(running.has_value());
  const auto wanted = parse_command_line(1, arguments, *base);
  if (!wanted) return 0;  // such as one process and several engines
  check_lists(wanted->detector_options);
  check_reload(*running, *wanted);
  check_reload(*wanted, *running);
  return 0;
}
