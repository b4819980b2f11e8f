// See settings.h.
#include "daemon/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <utility>

namespace scanlogd {
namespace {

/// More processes than this gain nothing and cost tables each.
constexpr std::uint64_t kMostEngines = 64;

/// What `--state` calls no directory.
constexpr std::string_view kNoState = "none";

constexpr std::string_view kWhatIf = "--what-if";

using Assignments = std::vector<std::pair<std::string, std::string>>;

Result<Assignments> parse_assignments(std::span<const std::string> settings) {
  Assignments given;
  for (const std::string& text : settings) {
    bool is_first = true;
    for (const std::string& part : split(text)) {
      const std::size_t equals = part.find('=');
      if (equals == std::string::npos && is_first) {
        return fail(fmt::format("{}: '{}' must be KEY=VALUE", kWhatIf, part));
      }
      is_first = false;
      if (equals == std::string::npos) {
        given.back().second.append(",").append(part);
        continue;
      }
      std::string key = part.substr(0, equals);
      // Options are written with the one, keys of the file with the other.
      std::ranges::replace(key, '-', '_');
      if (std::ranges::find(given, key, &Assignments::value_type::first) != given.end()) {
        return fail(fmt::format("{}: {} is given twice", kWhatIf, key));
      }
      given.emplace_back(std::move(key), part.substr(equals + 1));
    }
  }
  return given;
}

}  // namespace

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

Result<void> set_accounts(Options& options, std::string_view value, std::string_view origin) {
  const auto interval = parse_duration(value);
  const bool is_none = interval && *interval == std::chrono::milliseconds::zero();
  if (!interval || (*interval < kLeastAccounts && !is_none)) {
    return fail(fmt::format("{}: '{}' must be a time of at least 1s, or 0", origin, value));
  }
  options.accounts = *interval;
  return {};
}

Result<void> set_engines(Options& options, std::string_view value, std::string_view origin) {
  if (value == "auto") {
    // What this process may use, not what there is.
    options.engines = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMostEngines);
    return {};
  }
  Section section;
  section.set("engines", value, origin);
  const auto number = section.number("engines", 1, 1, kMostEngines);
  if (!number) return std::unexpected(number.error());
  options.engines = static_cast<std::size_t>(*number);
  return {};
}

Result<void> set_local(Options& options, std::string_view value, std::string_view origin) {
  auto networks = parse_networks(value);
  if (!networks) return fail(fmt::format("{}: {}", origin, networks.error().what));
  options.local = std::move(*networks);
  return {};
}

Result<void> set_state(Options& options, std::string_view value, std::string_view origin) {
  if (value.empty()) return fail(fmt::format("{}: must be a directory or none", origin));
  options.state = value == kNoState ? "" : value;
  return {};
}

Result<void> set_control(Options& options, std::string_view value, std::string_view origin) {
  const bool is_none = value == kNoState;
  if (!is_none && (value.empty() || value.front() != '/')) {
    return fail(fmt::format("{}: must be the full path of a socket or none", origin));
  }
  options.control = is_none ? "" : value;
  options.control_given = !is_none;
  return {};
}

Result<void> set_memory(Section& detector, std::string_view value, std::string_view origin) {
  const auto bytes = parse_size(value);
  if (!bytes) {
    return fail(
        fmt::format("{}: '{}' is not a size such as 16M, 512k, 1G or small", origin, value));
  }
  detector.set("memory", std::to_string(*bytes), origin);
  return {};
}

Result<void> set_threshold(Section& detector, std::string_view value, std::string_view origin) {
  constexpr std::array<std::string_view, 4> kKeys = {"threshold", "delay", "low_weight",
                                                     "high_weight"};
  const std::vector<std::string> parts = split(value);
  if (parts.size() > kKeys.size()) {
    return fail(fmt::format("{}: '{}' must be N[,DELAY[,LOW[,HIGH]]]", origin, value));
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (detector.has(kKeys[i])) return fail(fmt::format("{}: {} is given twice", origin, kKeys[i]));
    detector.set(kKeys[i], parts[i], origin);
  }
  return {};
}

void override_detector(Section& detector, const Section& given) {
  for (const std::string_view size : {"memory", "sources"}) {
    if (!given.has(size)) continue;
    detector.erase("memory");
    detector.erase("sources");
  }
  detector.update(given);
}

Result<WhatIfSettings> parse_what_if(const Options& options,
                                     std::span<const std::string> settings) {
  auto given = parse_assignments(settings);
  if (!given) return std::unexpected(given.error());
  WhatIfSettings result;
  result.said = fmt::format("{}", fmt::join(settings, ","));
  result.profile = options.profile;
  result.detector_options = options.detector_options;
  result.local = options.local;
  Section for_detector;
  for (auto& [key, value] : *given) {
    if (key == "profile") {
      if (value == result.profile) continue;
      const auto section = options.profile_options.find(value);
      const bool is_known = section != options.profile_options.end();
      result.detector_options = is_known ? section->second : Section();
      result.profile = std::move(value);
    } else if (key == "local") {
      auto networks = value.empty() ? std::vector<Network>() : parse_networks(value);
      if (!networks) return fail(fmt::format("{}: local: {}", kWhatIf, networks.error().what));
      result.local = std::move(*networks);
    } else if (key == "memory") {
      if (auto set = set_memory(for_detector, value, kWhatIf); !set) {
        return std::unexpected(set.error());
      }
    } else if (key == "threshold") {
      if (auto set = set_threshold(for_detector, value, kWhatIf); !set) {
        return std::unexpected(set.error());
      }
    } else if (for_detector.has(key)) {
      return fail(fmt::format("{}: {} is given twice", kWhatIf, key));
    } else {
      for_detector.set(key, value, kWhatIf);
    }
  }
  override_detector(result.detector_options, for_detector);
  return result;
}

Result<void> require_built_in(std::string_view name, std::span<const std::string_view> known,
                              std::string_view origin) {
  if (std::ranges::find(known, name) != known.end()) return {};
  return fail(
      fmt::format("{}: '{}' is not built in; there is {}", origin, name, fmt::join(known, ", ")));
}

}  // namespace scanlogd
