// See reloader.h.
#include "daemon/reloader.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "detect/detector.h"

namespace scanlogd {
namespace {

/// What detectors say to their options: those of the profile, and those that the file has for
/// others.
Result<void> check_detectors(const Options& options) {
  static const Section nothing;
  for (const DetectorPlugin* const plugin : detector_table()) {
    const auto found = options.profile_options.find(plugin->name);
    const Section& other = found == options.profile_options.end() ? nothing : found->second;
    const bool is_chosen = plugin->name == options.profile;
    const auto made = plugin->make(is_chosen ? options.detector_options : other);
    if (!made) return std::unexpected(made.error());
  }
  return {};
}

/// Which options the detector that was started with `started` can take from `wanted`: those that it
/// takes while it runs, or none, if their values need other tables.
std::span<const std::string_view> tunable_to(const Options& started, const Options& wanted) {
  const auto plugin = std::ranges::find(detector_table(), started.profile, &DetectorPlugin::name);
  if (plugin == detector_table().end() || started.profile != wanted.profile) return {};
  const auto one_like_it = (*plugin)->make(started.detector_options);
  if (!one_like_it || !(*one_like_it)->tune(wanted.detector_options)) return {};
  return (*plugin)->tunable;
}

}  // namespace

Result<Reload> Reloader::plan() const {
  const auto wanted = configuration_.reread();
  if (!wanted) return std::unexpected(wanted.error());
  if (auto sound = check_detectors(*wanted); !sound) return std::unexpected(sound.error());
  return plan_reload(running_, *wanted, tunable_to(configuration_.options(), *wanted));
}

Reloaded Reloader::reload() {
  if (!configuration_.has_file()) {
    return {.orders = {}, .said = "there is no configuration file: logs opened anew"};
  }
  notifier_.reloading();
  auto planned = plan();
  Reloaded reloaded;
  if (planned) {
    reloaded.said = planned->summary();
    reporter_.notify(planned->restart.empty() ? Severity::info : Severity::warning, reloaded.said);
  } else {
    reloaded.is_refused = true;
    reloaded.said = planned.error().what + "; the configuration stays as it was";
    reporter_.notify(Severity::error, reloaded.said);
  }
  notifier_.ready(status_);
  if (!planned) return reloaded;
  running_ = std::move(planned->options);
  reloaded.orders = {.accounts = running_.accounts, .engines = planned->engines};
  return reloaded;
}

}  // namespace scanlogd
