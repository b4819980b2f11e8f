// See needs.h.
#include "daemon/needs.h"

#include <utility>

namespace scanlogd {
namespace {

/// Files that are made anew, sockets, whatever SQLite opens.
constexpr int kNewDescriptors = 32;

template <class Values>
void append(Values& values, const Values& more) {
  values.insert(values.end(), more.begin(), more.end());
}

}  // namespace

Needs engine_needs(const Captures& captures, const std::optional<InterfaceMonitor>& interfaces,
                   int signals) {
  Needs needs{.calls = {{"read", {is(0, signals)}}}};
  for (const auto& capture : captures) append(needs.calls, capture->calls());
  if (interfaces) append(needs.calls, interfaces->calls());
  return needs;
}

Needs recorder_needs(std::span<const Recorder::Child> engines, std::vector<int> writable) {
  const auto calls = recorder_calls();
  Needs needs{.calls = {calls.begin(), calls.end()},
              .writable = std::move(writable),
              .new_descriptors = kNewDescriptors,
              .writes_files = true,
              .sends_signals = !engines.empty()};
  for (const Recorder::Child& engine : engines) {
    needs.calls.push_back({"recvmsg", {is(0, engine.inbox.fd())}});
    needs.calls.push_back({"kill", {is(0, engine.pid)}});
    needs.calls.push_back({"wait4", {is(0, engine.pid)}});
  }
  return needs;
}

Needs both(Needs one, const Needs& other) {
  append(one.calls, other.calls);
  append(one.writable, other.writable);
  append(one.readable, other.readable);
  append(one.listable, other.listable);
  append(one.tcp_ports, other.tcp_ports);
  one.new_descriptors += other.new_descriptors;
  one.writes_files = one.writes_files || other.writes_files;
  one.sends_signals = one.sends_signals || other.sends_signals;
  return one;
}

}  // namespace scanlogd
