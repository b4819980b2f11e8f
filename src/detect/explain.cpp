// See explain.h.
#include "detect/explain.h"

#include <algorithm>
#include <array>

#include "detect/verdict.h"

namespace scanlogd {
namespace {

SourceExplanation::Sums sums_of(const ContactSource& entry, Tick now) noexcept {
  SourceExplanation::Sums sums;
  sums.score = ContactDetector::scores(entry, now);
  sums.waiting = double{1} * entry.provisional / kPoint;
  sums.contacts = entry.contacts;
  sums.first_ago = elapsed(entry.first, now) / kSecond;
  sums.last_ago = elapsed(entry.last, now) / kSecond;
  return sums;
}

void describe_source(FullState& state, ContactSource& entry,
                     SourceExplanation& explanation) noexcept {
  explanation.knowledge = Knowledge::some;
  explanation.sums = sums_of(entry, state.now);
  explanation.is_crafted = (entry.flags & source_flag::crafted) != 0;
  explanation.hosts = linear_count(entry.hosts_seen);
  explanation.strays = entry.strays;
  explanation.low_strays = entry.low_strays;
  const std::uint32_t index = state.contacts.index_of(entry);
  const FirstContacts* const first = state.reports.first_contacts(index, entry.key);
  explanation.verdict = verdict_of(entry, first);
  if (first != nullptr) {
    explanation.technique = first->technique;
    explanation.tool = first->tool;
    explanation.closed = first->closed;
    explanation.port_count = first->port_count;
    explanation.open_count = first->open_count;
    std::ranges::copy(first->port_view(), explanation.ports.begin());
    std::ranges::copy(first->open_view(), explanation.open.begin());
  }
  const ScanEvent* const scan = state.reports.records().event(entry.record);
  if (scan == nullptr) return;
  explanation.is_scanning = true;
  explanation.record = scan->record;
  explanation.kind = scan->kind;
  explanation.rule = scan->rule;
}

}  // namespace

SourceExplanation explain(FullState& state, const Address& source) noexcept {
  constexpr std::uint8_t kWholeIpv4 = 32;
  constexpr std::uint8_t kPrefixIpv6 = 64;  // see source_key.h
  constexpr std::array kRules = {ScanRule::fast, ScanRule::slow, ScanRule::glacial};
  SourceExplanation explanation;
  explanation.knowledge = Knowledge::nothing;
  explanation.source = source;
  explanation.prefix = source.family == Family::ipv4 ? kWholeIpv4 : kPrefixIpv6;
  explanation.sees_answers = state.sees_answers();
  for (std::size_t i = 0; i < kScales; ++i) {
    explanation.scales[i] = {.rule = kRules[i],
                             .least_contacts = kLeastContacts[i],
                             .threshold = double{1} * state.contacts.thresholds()[i],
                             .leak_per_hour = kLeakPerHour[i]};
  }
  const SourceKey key = source_key(source.family, source.bytes);
  explanation.is_ignored = state.selection.ignores(source);
  explanation.excluded = state.excluded.all();
  explanation.excluded_of_it = state.excluded.of(key);
  // Of one all of whose contacts were taken back an empty entry is left.
  ContactSource* const entry = state.contacts.find(state.contacts.place(key), key);
  if (entry != nullptr && (entry->contacts > 0 || entry->strays > 0)) {
    describe_source(state, *entry, explanation);
  }
  explanation.network_prefix = network_prefix(source.family);
  explanation.least_sources = kNetworkSources;
  explanation.network_factor = kNetworkFactor;
  const ContactSource* const network = state.contacts.find_network(key);
  if (network != nullptr && network->contacts > 0) {
    explanation.has_network = true;
    explanation.network = sums_of(*network, state.now);
    explanation.network_sources = linear_count(network->hosts_seen);
    explanation.is_network_scanning = state.reports.is_open(*network);
  }
  return explanation;
}

}  // namespace scanlogd
