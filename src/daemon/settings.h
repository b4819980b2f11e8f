// Single options as text: what the command line and the configuration file have in common.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/section.h"
#include "daemon/options.h"

namespace scanlogd {

/// How long a time between two accounts has to be at least.
inline constexpr std::chrono::seconds kLeastAccounts{1};

/// Takes a list apart at its commas; an empty text is one empty part.
[[nodiscard]] std::vector<std::string> split(std::string_view text);

/// The accounts' interval: a time of at least a second, or 0 for none. As all that follow it says
/// `origin` ("--accounts", "FILE:LINE") before a complaint, and changes nothing then.
[[nodiscard]] Result<void> set_accounts(Options& options, std::string_view value,
                                        std::string_view origin);

/// The number of engines, from 1 to 64, or `auto` for one on each processor.
[[nodiscard]] Result<void> set_engines(Options& options, std::string_view value,
                                       std::string_view origin);

/// The local networks, separated by commas.
[[nodiscard]] Result<void> set_local(Options& options, std::string_view value,
                                     std::string_view origin);

/// The state directory, or `none`.
[[nodiscard]] Result<void> set_state(Options& options, std::string_view value,
                                     std::string_view origin);

/// The control socket, or `none`.
[[nodiscard]] Result<void> set_control(Options& options, std::string_view value,
                                       std::string_view origin);

/// Passes a size on to a detector, in bytes, so that it need not know the units.
[[nodiscard]] Result<void> set_memory(Section& detector, std::string_view value,
                                      std::string_view origin);

/// `21,3s,3,1`: threshold, delay, weight of ports below 1024, weight of the others; any prefix of
/// it. What `detector` has already must not be given once more.
[[nodiscard]] Result<void> set_threshold(Section& detector, std::string_view value,
                                         std::string_view origin);

/// Puts `given` over the options of a detector; of two ways to say the size of the same tables the
/// one given counts.
void override_detector(Section& detector, const Section& given);

/// How `options` would judge with other settings, `KEY=VALUE,...` each: keys of the detector of the
/// profile, which judges them when it is made; `local`; and `profile`, whose options then are those
/// that the configuration file has for it. A part without `=` belongs to the value before it.
[[nodiscard]] Result<WhatIfSettings> parse_what_if(const Options& options,
                                                   std::span<const std::string> settings);

/// An error that lists the `known` names unless `name` is one of them.
[[nodiscard]] Result<void> require_built_in(std::string_view name,
                                            std::span<const std::string_view> known,
                                            std::string_view origin);

}  // namespace scanlogd
