// See scan_names.h. One table for each enumeration, in its order.
#include "core/scan_names.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>

namespace scanlogd {
namespace {

template <class Value>
constexpr auto kNames = 0;

template <>
constexpr std::array<std::string_view, 3> kNames<Phase> = {"begin", "update", "end"};

template <>
constexpr std::array<std::string_view, 4> kNames<EndReason> = {"none", "idle", "shutdown",
                                                               "evicted"};

template <>
constexpr std::array<std::string_view, 10> kNames<ScanKind> = {
    "vertical",   "horizontal", "block", "distributed", "decoys",
    "idle_probe", "ftp_bounce", "flood", "backscatter", "egress"};

template <>
constexpr std::array<std::string_view, 9> kNames<ScanRule> = {
    "classic", "fast",       "slow",    "glacial",    "prefix",
    "novelty", "same_probe", "answers", "new_sources"};

template <>
constexpr std::array<std::string_view, 20> kNames<Technique> = {
    "unknown",   "syn",       "connect",          "syn_or_connect", "fin",       "null",
    "xmas",      "maimon",    "ack_or_window",    "syn_ack",        "odd_flags", "fragments",
    "udp",       "sctp_init", "sctp_cookie_echo", "ip_protocol",    "icmp_echo", "icmp_timestamp",
    "icmp_mask", "ftp_bounce"};

template <>
constexpr std::array<std::string_view, 7> kNames<Tool> = {"unknown", "nmap",  "masscan", "zmap",
                                                          "hping",   "nping", "mirai"};

template <>
constexpr std::array<std::string_view, 5> kNames<Verdict> = {"unverified", "proven", "answered",
                                                             "suspect", "impossible"};

template <>
constexpr std::array<std::string_view, 4> kNames<Announce> = {"line", "more_follow", "held_back",
                                                              "digest"};

// The syslog severities (RFC 5424 6.2.1); those without a name are none of ours.
template <>
constexpr std::array<std::string_view, 7> kNames<Severity> = {"",        "alert", "",    "error",
                                                              "warning", "",      "info"};

}  // namespace

template <class Value>
std::string_view name_of(Value value) noexcept {
  const auto index = static_cast<std::size_t>(static_cast<std::underlying_type_t<Value>>(value));
  return index < kNames<Value>.size() ? kNames<Value>[index] : std::string_view();
}

template <class Value>
std::optional<Value> value_of(std::string_view name) noexcept {
  const auto& names = kNames<Value>;
  const auto found = std::ranges::find(names, name);
  if (name.empty() || found == names.end()) return {};
  return static_cast<Value>(found - names.begin());
}

template std::string_view name_of(Phase value) noexcept;
template std::string_view name_of(EndReason value) noexcept;
template std::string_view name_of(ScanKind value) noexcept;
template std::string_view name_of(ScanRule value) noexcept;
template std::string_view name_of(Technique value) noexcept;
template std::string_view name_of(Tool value) noexcept;
template std::string_view name_of(Verdict value) noexcept;
template std::string_view name_of(Announce value) noexcept;
template std::string_view name_of(Severity value) noexcept;
template std::optional<Phase> value_of(std::string_view name) noexcept;
template std::optional<EndReason> value_of(std::string_view name) noexcept;
template std::optional<ScanKind> value_of(std::string_view name) noexcept;
template std::optional<ScanRule> value_of(std::string_view name) noexcept;
template std::optional<Technique> value_of(std::string_view name) noexcept;
template std::optional<Tool> value_of(std::string_view name) noexcept;
template std::optional<Verdict> value_of(std::string_view name) noexcept;
template std::optional<Announce> value_of(std::string_view name) noexcept;
template std::optional<Severity> value_of(std::string_view name) noexcept;

}  // namespace scanlogd
