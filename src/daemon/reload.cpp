// See reload.h.
#include "daemon/reload.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace scanlogd {
namespace {

/// Members of `Options` that take a new start, and their names in the file.
void compare_fixed(const Options& running, const Options& wanted,
                   std::vector<std::string>& restart) {
  const auto compare = [&](const auto& one, const auto& other, std::string_view name) {
    if (one != other) restart.emplace_back(name);
  };
  compare(running.user, wanted.user, "daemon.user");
  compare(running.chroot, wanted.chroot, "daemon.chroot");
  compare(running.state, wanted.state, "daemon.state");
  compare(running.control, wanted.control, "daemon.control");
  compare(running.control_group, wanted.control_group, "daemon.control_group");
  compare(running.engines, wanted.engines, "daemon.engines");
  compare(running.single, wanted.single, "daemon.single");
  compare(running.sandbox, wanted.sandbox, "daemon.sandbox");
  compare(running.capture, wanted.capture, "capture.backend");
  compare(running.interfaces, wanted.interfaces, "capture.interfaces");
  compare(running.outgoing, wanted.outgoing, "capture.outgoing");
  for (const std::string& key : running.capture_options.differences(wanted.capture_options)) {
    restart.push_back("capture." + key);
  }
  compare(running.profile, wanted.profile, "detect.profile");
  compare(running.sinks, wanted.sinks, "log.sinks");
}

/// Of the sections of sinks: those in use are open, and stay as they were opened.
void compare_sinks(const Options& running, const Options& wanted,
                   std::vector<std::string>& restart) {
  static const Section nothing;
  const auto section = [](const Options& options, const std::string& name) -> const Section& {
    const auto found = options.sink_options.find(name);
    return found == options.sink_options.end() ? nothing : found->second;
  };
  for (const std::string& sink : running.sinks) {
    for (const std::string& key : section(running, sink).differences(section(wanted, sink))) {
      restart.push_back(fmt::format("log.{}.{}", sink, key));
    }
  }
}

/// The options of the detector that runs, with those of `wanted` that it can take.
Section tuned(Section running, const Section& wanted, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    if (const auto value = wanted.text(key)) {
      running.set(key, *value, wanted.origin(key));
    } else {
      running.erase(key);
    }
  }
  return running;
}

void append(std::array<char, EngineSettings::kMostText>& text, std::uint16_t& size,
            std::string_view part) {
  std::ranges::copy(part, text.begin() + size);
  size = static_cast<std::uint16_t>(size + part.size() + 1);  // with the zero that is there
}

}  // namespace

std::optional<EngineSettings> EngineSettings::pack(const Options& options) {
  EngineSettings settings;
  if (options.local.size() > kMostNetworks) return std::nullopt;
  settings.network_count_ = static_cast<std::uint16_t>(options.local.size());
  std::ranges::copy(options.local, settings.networks_.begin());
  bool fits = true;
  options.detector_options.for_each([&](std::string_view key, std::string_view value) {
    fits = fits && settings.text_size_ + key.size() + value.size() + 2 <= kMostText;
    if (!fits) return;
    append(settings.text_, settings.text_size_, key);
    append(settings.text_, settings.text_size_, value);
  });
  if (!fits) return std::nullopt;
  return settings;
}

std::span<const Network> EngineSettings::local() const noexcept {
  return {networks_.data(), std::min<std::size_t>(network_count_, kMostNetworks)};
}

Section EngineSettings::detector() const {
  Section section;
  std::string_view rest(text_.data(), std::min<std::size_t>(text_size_, kMostText));
  const auto take = [&] {
    const std::string_view part = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    return part;
  };
  while (!rest.empty()) {
    const std::string_view key = take();
    section.set(key, take(), "configuration");
  }
  return section;
}

std::string Reload::summary() const {
  if (changed.empty() && restart.empty()) return "configuration read again: nothing has changed";
  std::string text = "configuration read again";
  if (!changed.empty()) {
    fmt::format_to(std::back_inserter(text), ": now in force: {}", fmt::join(changed, ", "));
  }
  if (!restart.empty()) {
    fmt::format_to(std::back_inserter(text), "{} after a new start only: {}",
                   changed.empty() ? ":" : ";", fmt::join(restart, ", "));
  }
  return text;
}

Reload plan_reload(const Options& running, const Options& wanted,
                   std::span<const std::string_view> tunable) {
  Reload reload{.options = running, .changed = {}, .restart = {}, .engines = {}};
  compare_fixed(running, wanted, reload.restart);
  compare_sinks(running, wanted, reload.restart);
  if (running.accounts != wanted.accounts) {
    reload.options.accounts = wanted.accounts;
    reload.changed.emplace_back("daemon.accounts");
  }
  std::vector<std::string> for_engines;
  if (running.local != wanted.local) {
    reload.options.local = wanted.local;
    for_engines.emplace_back("capture.local");
  }
  // With another profile these are the options of another detector.
  if (running.profile == wanted.profile) {
    std::vector<std::string> keys;
    for (std::string& key : running.detector_options.differences(wanted.detector_options)) {
      std::string name = "detect." + running.profile + "." + key;
      if (std::ranges::find(tunable, std::string_view(key)) == tunable.end()) {
        reload.restart.push_back(std::move(name));
      } else {
        for_engines.push_back(std::move(name));
        keys.push_back(std::move(key));
      }
    }
    reload.options.detector_options =
        tuned(running.detector_options, wanted.detector_options, keys);
  }
  if (for_engines.empty()) return reload;
  reload.engines = EngineSettings::pack(reload.options);
  auto& names = reload.engines ? reload.changed : reload.restart;
  std::ranges::move(for_engines, std::back_inserter(names));
  if (!reload.engines) {
    reload.options.local = running.local;
    reload.options.detector_options = running.detector_options;
  }
  return reload;
}

}  // namespace scanlogd
