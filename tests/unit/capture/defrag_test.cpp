// Tests the reassembler: every order, overlaps, the borders of datagrams, of time and of the table.
#include "capture/defrag.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <random>
#include <vector>

#include "support/frame_builder.h"

namespace scanlogd {
namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::Ipv4Header;
using test::Ipv6Header;

class Reassembler {
 public:
  explicit Reassembler(std::size_t datagrams = 64)
      : defragmenter_(*Defragmenter::make(datagrams, {.a = 1, .b = 2})) {}

  // Checks on the way what must hold after every fragment.
  Decoded add(const Bytes& datagram, std::chrono::nanoseconds now = 0s) {
    return add_cut(datagram, datagram.size(), now);
  }
  // As captured with a snap length: only `captured` bytes are there.
  Decoded add_cut(const Bytes& datagram, std::size_t captured, std::chrono::nanoseconds now = 0s) {
    const auto found =
        defragmenter_.add(std::span(datagram).first(captured), datagram.size(), now, packet);
    const DefragStats& s = stats();
    EXPECT_EQ(s.started, s.completed + s.overlapping + s.expired + s.evicted + s.waiting);
    EXPECT_LE(s.started + s.bad, s.fragments);
    return found;
  }
  const DefragStats& stats() const { return defragmenter_.stats(); }
  std::size_t memory() const { return defragmenter_.memory(); }

  Packet packet;  // of the last `add`

 private:
  Defragmenter defragmenter_;
};

Bytes syn(Port target_port = 22) { return test::tcp_segment({.target_port = target_port}); }

// The bytes [from, to) of `payload` as an IPv4 fragment; the last one where `to` is its end.
Bytes piece(const Bytes& payload, std::size_t from, std::size_t to, Ipv4Header header = {.id = 7}) {
  header.offset = static_cast<std::uint32_t>(from);
  header.more = to < payload.size();
  const auto at = [&](std::size_t i) { return payload.begin() + static_cast<std::ptrdiff_t>(i); };
  return test::ipv4_datagram(header, Bytes(at(from), at(to)));
}

TEST(Defragmenter, DeliversADatagramInPiecesOfEightBytes) {
  Reassembler reassembler;
  const auto fragments = test::ipv4_fragments({.id = 7}, syn(22), 8);
  ASSERT_EQ(fragments.size(), 3u);
  EXPECT_EQ(reassembler.add(fragments[0]), Decoded::fragment);
  EXPECT_EQ(reassembler.add(fragments[1]), Decoded::fragment);
  ASSERT_EQ(reassembler.add(fragments[2]), Decoded::packet);
  EXPECT_EQ(reassembler.packet.protocol, IpProto::tcp);
  EXPECT_EQ(reassembler.packet.source_port, 40000);
  EXPECT_EQ(reassembler.packet.target_port, 22);
  EXPECT_EQ(reassembler.packet.flags, tcp_flag::syn);
  EXPECT_EQ(to_string(reassembler.packet.source_address()), "192.0.2.1");
  EXPECT_EQ(to_string(reassembler.packet.target_address()), "198.51.100.1");
  EXPECT_EQ(reassembler.packet.traits, trait::fragmented);
  EXPECT_EQ(reassembler.stats().fragments, 3u);
  EXPECT_EQ(reassembler.stats().completed, 1u);
  EXPECT_EQ(reassembler.stats().waiting, 0u);
}

TEST(Defragmenter, DoesNotCareAboutTheOrderOfFragments) {
  const auto fragments = test::ipv4_fragments({.id = 7}, syn(22), 8);
  std::array<std::size_t, 3> order{0, 1, 2};
  do {
    Reassembler reassembler;
    EXPECT_EQ(reassembler.add(fragments[order[0]]), Decoded::fragment);
    EXPECT_EQ(reassembler.add(fragments[order[1]]), Decoded::fragment);
    ASSERT_EQ(reassembler.add(fragments[order[2]]), Decoded::packet);
    EXPECT_EQ(reassembler.packet.target_port, 22);
  } while (std::ranges::next_permutation(order).found);
}

TEST(Defragmenter, IgnoresRepeatsOfAnyFragment) {
  const auto fragments = test::ipv4_fragments({.id = 7}, syn(22), 8);
  std::array<std::size_t, 3> order{0, 1, 2};
  do {
    Reassembler reassembler;
    for (const std::size_t i : {0u, 0u, 1u, 0u, 1u}) {
      EXPECT_EQ(reassembler.add(fragments[order[i]]), Decoded::fragment);
    }
    EXPECT_EQ(reassembler.add(fragments[order[2]]), Decoded::packet);
    EXPECT_EQ(reassembler.stats().completed, 1u);
  } while (std::ranges::next_permutation(order).found);
}

TEST(Defragmenter, IgnoresAPartOfWhatIsThere) {
  Reassembler reassembler;
  const Bytes payload = test::tcp_segment({}, test::counting(20));
  EXPECT_EQ(reassembler.add(piece(payload, 0, 24)), Decoded::fragment);
  EXPECT_EQ(reassembler.add(piece(payload, 8, 16)), Decoded::fragment);
  EXPECT_EQ(reassembler.add(piece(payload, 24, 40)), Decoded::packet);
}

TEST(Defragmenter, DiscardsADatagramWhoseFragmentsOverlap) {
  Reassembler reassembler;
  const Bytes payload = test::tcp_segment({}, test::counting(20));
  reassembler.add(piece(payload, 0, 16));
  EXPECT_EQ(reassembler.add(piece(payload, 8, 24)), Decoded::fragment);
  EXPECT_EQ(reassembler.stats().overlapping, 1u);
  EXPECT_EQ(reassembler.stats().waiting, 0u);
  EXPECT_EQ(reassembler.add(piece(payload, 24, 40)), Decoded::fragment);
  EXPECT_EQ(reassembler.stats().completed, 0u);
}

TEST(Defragmenter, DiscardsWhenAHoleIsFilledTooGenerously) {
  Reassembler reassembler;
  const Bytes payload = test::tcp_segment({}, test::counting(20));
  reassembler.add(piece(payload, 0, 8));
  reassembler.add(piece(payload, 16, 40));
  EXPECT_EQ(reassembler.add(piece(payload, 0, 16)), Decoded::fragment);
  EXPECT_EQ(reassembler.stats().overlapping, 1u);
}

TEST(Defragmenter, TakesTheDatagramAgainAfterAnOverlap) {
  Reassembler reassembler;
  const Bytes payload = test::tcp_segment({}, test::counting(20));
  reassembler.add(piece(payload, 0, 16));
  reassembler.add(piece(payload, 8, 24));
  reassembler.add(piece(payload, 0, 24));
  EXPECT_EQ(reassembler.add(piece(payload, 24, 40)), Decoded::packet);
}

TEST(Defragmenter, ARepeatOfATailWithinAUnitIsARepeat) {
  Reassembler reassembler;
  const Bytes payload = test::tcp_segment({}, test::counting(3));  // 23 bytes: 7 in the last unit
  reassembler.add(piece(payload, 16, 23));
  EXPECT_EQ(reassembler.add(piece(payload, 16, 23)), Decoded::fragment);
  EXPECT_EQ(reassembler.stats().overlapping, 0u);
  EXPECT_EQ(reassembler.add(piece(payload, 0, 16)), Decoded::packet);
}

TEST(Defragmenter, ASecondEndThatDiffersByAByteDiscards) {
  for (const std::size_t end : {22u, 24u}) {
    Reassembler reassembler;
    const Bytes payload = test::tcp_segment({}, test::counting(3));
    reassembler.add(piece(payload, 16, 23));
    EXPECT_EQ(reassembler.add(piece(test::resized(payload, end), 16, end)), Decoded::fragment);
    EXPECT_EQ(reassembler.stats().overlapping, 1u) << end;
  }
}

TEST(Defragmenter, AFragmentPastTheKnownEndDiscards) {
  const Bytes longer = test::resized(syn(), 48);
  for (const std::size_t end : {24u, 32u}) {
    Reassembler reassembler;
    reassembler.add(piece(test::resized(longer, 24), 16, 24));
    EXPECT_EQ(reassembler.add(piece(longer, 8, end)), Decoded::fragment);
    // Up to the end it overlaps, past the end it contradicts.
    EXPECT_EQ(reassembler.stats().overlapping, 1u) << end;
  }
  Reassembler reassembler;
  reassembler.add(piece(test::resized(longer, 23), 16, 23));
  reassembler.add(piece(longer, 24, 32));
  EXPECT_EQ(reassembler.stats().overlapping, 1u);
}

TEST(Defragmenter, AnEndBeforeWhatIsThereDiscards) {
  const Bytes longer = test::resized(syn(), 48);
  for (const std::size_t end : {16u, 23u, 24u, 25u}) {
    Reassembler reassembler;
    reassembler.add(piece(longer, 16, 24));
    EXPECT_EQ(reassembler.add(piece(test::resized(longer, end), 8, end)), Decoded::fragment);
    EXPECT_EQ(reassembler.stats().overlapping, 1u) << end;
  }
}

TEST(Defragmenter, ARepeatMaySayWhereTheDatagramEnds) {
  const Bytes longer = test::resized(syn(), 48);
  const Bytes payload = test::resized(syn(), 24);
  Reassembler reassembler;
  reassembler.add(piece(longer, 16, 24));
  EXPECT_EQ(reassembler.add(piece(payload, 16, 24)), Decoded::fragment);
  EXPECT_EQ(reassembler.add(piece(payload, 0, 8)), Decoded::fragment);
  EXPECT_EQ(reassembler.add(piece(payload, 8, 16)), Decoded::packet);
}

// Linux leaves the bytes past the last whole unit off: overlapping only there is no overlap.
TEST(Defragmenter, AnIpv4FragmentOfOddSizeEndsWithItsLastWholeUnit) {
  Reassembler reassembler;
  const Bytes payload = syn(22);
  reassembler.add(piece(payload, 0, 12));
  ASSERT_EQ(reassembler.add(piece(payload, 8, 20)), Decoded::packet);
  EXPECT_EQ(reassembler.packet.target_port, 22);
}

TEST(Defragmenter, KeepsInterleavedDatagramsApart) {
  Reassembler reassembler;
  std::vector<std::vector<Bytes>> datagrams;
  for (std::uint16_t id = 0; id < 16; ++id) {
    datagrams.push_back(test::ipv4_fragments({.id = id}, syn(static_cast<Port>(100 + id)), 8));
  }
  for (const std::size_t i : {2u, 0u}) {
    for (const auto& fragments : datagrams) reassembler.add(fragments[i]);
  }
  EXPECT_EQ(reassembler.stats().waiting, 16u);
  for (std::uint16_t id = 0; id < 16; ++id) {
    ASSERT_EQ(reassembler.add(datagrams[id][1]), Decoded::packet);
    EXPECT_EQ(reassembler.packet.target_port, 100 + id);
    EXPECT_EQ(reassembler.packet.ip_id, id);
  }
}

// Two datagrams that differ in one part of what identifies a datagram, and have the same id.
void expect_apart(const std::vector<Bytes>& one, const std::vector<Bytes>& other) {
  Reassembler reassembler;
  EXPECT_EQ(reassembler.add(one[0]), Decoded::fragment);
  EXPECT_EQ(reassembler.add(other[0]), Decoded::fragment);
  EXPECT_EQ(reassembler.stats().waiting, 2u);
  EXPECT_EQ(reassembler.add(other[1]), Decoded::packet);
  EXPECT_EQ(reassembler.add(one[1]), Decoded::packet);
}

TEST(Defragmenter, OneIdMayServeForEachSourceTargetProtocolAndFamily) {
  const auto base = test::ipv4_fragments({.id = 7}, syn(), 16);
  expect_apart(base, test::ipv4_fragments({.source = "192.0.2.2", .id = 7}, syn(), 16));
  expect_apart(base, test::ipv4_fragments({.target = "198.51.100.2", .id = 7}, syn(), 16));
  expect_apart(base, test::ipv4_fragments({.protocol = 17, .id = 7},
                                          test::udp_datagram(1, 2, Bytes(16)), 16));
  expect_apart(base, test::ipv6_fragments({}, 6, 7, syn(), 16));
  const auto base6 = test::ipv6_fragments({}, 6, 0x10007, syn(), 16);
  expect_apart(base6, test::ipv6_fragments({}, 6, 7, syn(), 16));
  expect_apart(base6, test::ipv6_fragments({.source = "2001:db8::3"}, 6, 0x10007, syn(), 16));
  expect_apart(base6, test::ipv6_fragments({.target = "2001:db8::3"}, 6, 0x10007, syn(), 16));
}

TEST(Defragmenter, AnIpv6AddressThatBeginsLikeAnIpv4OneIsAnother) {
  // 192.0.2.1 and 198.51.100.1, followed by zeros.
  const Ipv6Header header{.source = "c000:201::", .target = "c633:6401::"};
  expect_apart(test::ipv4_fragments({.protocol = 6, .id = 7}, syn(), 16),
               test::ipv6_fragments(header, 6, 7, syn(), 16));
}

TEST(Defragmenter, IpFieldsAreThoseOfTheFragmentWithOffsetZero) {
  const Bytes payload = syn();
  for (const bool reversed : {false, true}) {
    Reassembler reassembler;
    const Bytes first = piece(payload, 0, 8, {.ttl = 11, .tos = 0x10, .id = 7});
    const Bytes last = piece(payload, 8, 20, {.ttl = 99, .tos = 0x20, .id = 7});
    reassembler.add(reversed ? last : first);
    ASSERT_EQ(reassembler.add(reversed ? first : last), Decoded::packet);
    EXPECT_EQ(reassembler.packet.ttl, 11);
    EXPECT_EQ(reassembler.packet.tos, 0x10);
    EXPECT_EQ(reassembler.packet.ip_id, 7);
  }
}

TEST(Defragmenter, ReassemblesIpv6) {
  Reassembler reassembler;
  const auto fragments = test::ipv6_fragments({.hop_limit = 33}, 6, 0xdeadbeef, syn(443), 8);
  ASSERT_EQ(fragments.size(), 3u);
  EXPECT_EQ(reassembler.add(fragments[2]), Decoded::fragment);
  EXPECT_EQ(reassembler.add(fragments[1]), Decoded::fragment);
  ASSERT_EQ(reassembler.add(fragments[0]), Decoded::packet);
  EXPECT_EQ(reassembler.packet.family, Family::ipv6);
  EXPECT_EQ(reassembler.packet.target_port, 443);
  EXPECT_EQ(reassembler.packet.ttl, 33);
  EXPECT_EQ(reassembler.packet.traits, trait::fragmented);
}

TEST(Defragmenter, FollowsExtensionHeadersInsideTheFragmentedPart) {
  Reassembler reassembler;
  const Bytes payload = test::join({test::extension_header(6, 24), syn(443)});
  const auto fragments = test::ipv6_fragments({}, test::next_header::destination, 1, payload, 8);
  for (std::size_t i = 0; i + 1 < fragments.size(); ++i) {
    EXPECT_EQ(reassembler.add(fragments[i]), Decoded::fragment);
  }
  ASSERT_EQ(reassembler.add(fragments.back()), Decoded::packet);
  EXPECT_EQ(reassembler.packet.protocol, IpProto::tcp);
  EXPECT_EQ(reassembler.packet.target_port, 443);
}

TEST(Defragmenter, TheNextHeaderIsThatOfTheFirstIpv6Fragment) {
  Reassembler reassembler;
  const auto fragments = test::ipv6_fragments({}, 6, 1, syn(), 16);
  const auto others = test::ipv6_fragments({}, 59, 1, syn(), 16);
  reassembler.add(others[1]);
  ASSERT_EQ(reassembler.add(fragments[0]), Decoded::packet);
  EXPECT_EQ(reassembler.packet.protocol, IpProto::tcp);
}

TEST(Defragmenter, TakesTheLargestDatagramInPiecesOfAnySize) {
  const Bytes payload = test::resized(syn(80), 65535 - 20);
  for (const std::size_t size : {8u, 512u, 1480u, 65512u}) {
    Reassembler reassembler;
    const auto fragments = test::ipv4_fragments({.id = 7}, payload, size);
    for (std::size_t i = fragments.size() - 1; i > 0; --i) {
      ASSERT_EQ(reassembler.add(fragments[i]), Decoded::fragment);
    }
    ASSERT_EQ(reassembler.add(fragments[0]), Decoded::packet) << size;
    EXPECT_EQ(reassembler.packet.target_port, 80);
  }
}

TEST(Defragmenter, NoticesAHoleOfOneUnitAnywhere) {
  const Bytes payload = test::resized(syn(), 8 * 130);  // more than two words of the bitmap
  const auto fragments = test::ipv4_fragments({.id = 7}, payload, 8);
  for (std::size_t hole = 0; hole < fragments.size(); ++hole) {
    Reassembler reassembler;
    for (std::size_t i = 0; i < fragments.size(); ++i) {
      if (i == hole) continue;
      ASSERT_EQ(reassembler.add(fragments[i]), Decoded::fragment);
    }
    ASSERT_EQ(reassembler.add(fragments[hole]), Decoded::packet) << hole;
  }
}

TEST(Defragmenter, SaysSoWhenTheWholeDatagramHasNoTransportHeader) {
  Reassembler reassembler;
  const Bytes payload = test::resized(syn(), 19);
  reassembler.add(piece(payload, 0, 8));
  EXPECT_EQ(reassembler.add(piece(payload, 8, 19)), Decoded::truncated);
  EXPECT_EQ(reassembler.stats().completed, 1u);
}

TEST(Defragmenter, NeedsOnlyTheBeginningOfWhatWasCaptured) {
  Reassembler reassembler;
  const Bytes payload = test::tcp_segment({.target_port = 22}, Bytes(1000));
  EXPECT_EQ(reassembler.add_cut(piece(payload, 0, 512), 20 + 20), Decoded::fragment);
  ASSERT_EQ(reassembler.add_cut(piece(payload, 512, 1020), 20), Decoded::packet);
  EXPECT_EQ(reassembler.packet.target_port, 22);
}

TEST(Defragmenter, DoesNotReadBehindWhatWasCaptured) {
  const Bytes payload = test::tcp_segment({.target_port = 22}, Bytes(1000));
  {
    Reassembler reassembler;  // the first fragment is cut inside the TCP header
    reassembler.add_cut(piece(payload, 0, 512), 20 + 19);
    EXPECT_EQ(reassembler.add(piece(payload, 512, 1020)), Decoded::truncated);
  }
  {
    Reassembler reassembler;  // the second one is
    reassembler.add(piece(payload, 0, 8));
    reassembler.add(piece(payload, 16, 1020));
    EXPECT_EQ(reassembler.add_cut(piece(payload, 8, 16), 20 + 7), Decoded::truncated);
  }
}

TEST(Defragmenter, CountsImpossibleFragmentsAndKeepsNothingOfThem) {
  Reassembler reassembler;
  EXPECT_EQ(reassembler.add(test::ipv4_datagram({.offset = 65528}, Bytes(16))), Decoded::fragment);
  EXPECT_EQ(reassembler.add(test::ipv4_datagram({.more = true}, Bytes())), Decoded::fragment);
  EXPECT_EQ(reassembler.stats().bad, 2u);
  EXPECT_EQ(reassembler.stats().started, 0u);
}

TEST(Defragmenter, GivesUpIpv4AfterThirtySeconds) {
  const auto fragments = test::ipv4_fragments({.id = 7}, syn(), 16);
  for (const auto& [age, expected] : {std::pair{30s - 1ns, Decoded::packet},
                                      {30s + 0ns, Decoded::packet},
                                      {30s + 1ns, Decoded::fragment}}) {
    Reassembler reassembler;
    reassembler.add(fragments[0], 5s);
    EXPECT_EQ(reassembler.add(fragments[1], 5s + age), expected);
    EXPECT_EQ(reassembler.stats().expired, expected == Decoded::packet ? 0u : 1u);
  }
}

TEST(Defragmenter, GivesUpIpv6AfterSixtySeconds) {
  const auto fragments = test::ipv6_fragments({}, 6, 7, syn(), 16);
  for (const auto& [age, expected] : {std::pair{60s - 1ns, Decoded::packet},
                                      {60s + 0ns, Decoded::packet},
                                      {60s + 1ns, Decoded::fragment}}) {
    Reassembler reassembler;
    reassembler.add(fragments[0], 5s);
    EXPECT_EQ(reassembler.add(fragments[1], 5s + age), expected);
  }
}

TEST(Defragmenter, TheTimeCountsFromTheFirstFragmentAndRepeatsDoNotProlongIt) {
  const auto fragments = test::ipv4_fragments({.id = 7}, syn(), 16);
  Reassembler reassembler;
  reassembler.add(fragments[0], 0s);
  reassembler.add(fragments[0], 29s);
  EXPECT_EQ(reassembler.add(fragments[1], 31s), Decoded::fragment);
  EXPECT_EQ(reassembler.stats().expired, 1u);
}

TEST(Defragmenter, AClockThatRanBackwardsALittleDoesNoHarmAndFarBackwardsExpires) {
  const auto fragments = test::ipv4_fragments({.id = 7}, syn(), 16);
  Reassembler little;
  little.add(fragments[0], 100s);
  EXPECT_EQ(little.add(fragments[1], 99s), Decoded::packet);
  Reassembler far;
  far.add(fragments[0], 100s);
  EXPECT_EQ(far.add(fragments[1], 10s), Decoded::fragment);
  EXPECT_EQ(far.stats().expired, 1u);
}

// The first fragment of a datagram with identification `id`.
Bytes opening(std::uint16_t id) { return test::ipv4_fragments({.id = id}, syn(), 16)[0]; }
Bytes closing(std::uint16_t id) { return test::ipv4_fragments({.id = id}, syn(), 16)[1]; }

TEST(Defragmenter, AFullTableGivesUpTheOldestDatagram) {
  Reassembler reassembler(8);
  for (std::uint16_t id = 0; id < 8; ++id) reassembler.add(opening(id), (10 - id) * 1s);
  EXPECT_EQ(reassembler.stats().evicted, 0u);
  reassembler.add(opening(8), 11s);
  EXPECT_EQ(reassembler.stats().evicted, 1u);
  EXPECT_EQ(reassembler.stats().waiting, 8u);
  for (std::uint16_t id = 0; id <= 8; ++id) {
    if (id == 7) continue;  // it came first of all
    EXPECT_EQ(reassembler.add(closing(id), 11s), Decoded::packet) << id;
  }
}

TEST(Defragmenter, AFullTableGivesUpWhatHasExpiredBeforeWhatLives) {
  Reassembler reassembler(8);
  reassembler.add(test::ipv6_fragments({}, 6, 7, syn(), 16)[0], 0s);  // older, but lives longer
  for (std::uint16_t id = 1; id < 8; ++id) reassembler.add(opening(id), 1s);
  reassembler.add(opening(8), 40s);
  EXPECT_EQ(reassembler.stats().evicted, 0u);
  EXPECT_EQ(reassembler.stats().expired, 1u);
  EXPECT_EQ(reassembler.add(test::ipv6_fragments({}, 6, 7, syn(), 16)[1], 40s), Decoded::packet);
}

TEST(Defragmenter, AUsedPlaceKeepsNothingOfItsFormerDatagram) {
  Reassembler reassembler(8);
  const Bytes large = test::resized(syn(), 65512);
  for (std::uint16_t id = 0; id < 8; ++id) reassembler.add(piece(large, 0, 65504, {.id = id}));
  for (std::uint16_t id = 8; id < 16; ++id) {
    const auto fragments = test::ipv4_fragments({.id = id}, syn(id), 8);
    EXPECT_EQ(reassembler.add(fragments[2]), Decoded::fragment);
    EXPECT_EQ(reassembler.add(fragments[0]), Decoded::fragment);
    ASSERT_EQ(reassembler.add(fragments[1]), Decoded::packet);
    EXPECT_EQ(reassembler.packet.target_port, id);
  }
}

TEST(Defragmenter, RoundsItsSizeUpToAPowerOfTwoOfAtLeastEight) {
  const std::size_t least = Reassembler(8).memory();
  EXPECT_EQ(Reassembler(0).memory(), least);
  EXPECT_EQ(Reassembler(1).memory(), least);
  EXPECT_EQ(Reassembler(9).memory(), 2 * least);
  EXPECT_EQ(Reassembler(16).memory(), 2 * least);
  EXPECT_EQ(Reassembler(17).memory(), 4 * least);
}

TEST(Defragmenter, CanBeMoved) {
  auto one = *Defragmenter::make(8, {.a = 1, .b = 2});
  const auto fragments = test::ipv4_fragments({.id = 7}, syn(), 16);
  Packet packet;
  EXPECT_EQ(one.add(fragments[0], fragments[0].size(), 0s, packet), Decoded::fragment);
  Defragmenter other = std::move(one);
  EXPECT_EQ(other.add(fragments[1], fragments[1].size(), 0s, packet), Decoded::packet);
}

// Datagrams of any size, cut anywhere, their fragments shuffled, repeated and mixed with those of
// others: each is delivered exactly once, by the fragment that was missing.
TEST(Defragmenter, DeliversEveryDatagramOnceHoweverItIsCutAndShuffled) {
  std::mt19937 random(20240607);
  const auto below = [&](std::size_t limit) { return random() % limit; };
  for (int round = 0; round < 200; ++round) {
    Reassembler reassembler(256);
    std::vector<Bytes> fragments;
    for (std::uint16_t id = 0; id < 8; ++id) {
      const Bytes payload = test::resized(syn(static_cast<Port>(1000 + id)), 20 + below(2000));
      for (std::size_t from = 0; from < payload.size();) {
        std::size_t to = std::min(payload.size(), from + 8 * (1 + below(40)));
        if (from == 0 && to == payload.size()) to = 8;
        fragments.push_back(piece(payload, from, to, {.id = id}));
        from = to;
      }
    }
    std::ranges::shuffle(fragments, random);
    std::map<Port, int> delivered;
    for (std::size_t i = 0; i < fragments.size(); ++i) {
      if (reassembler.add(fragments[i]) == Decoded::packet) {
        ++delivered[reassembler.packet.target_port];
      } else if (below(3) == 0) {
        EXPECT_EQ(reassembler.add(fragments[i]), Decoded::fragment);
      }
    }
    ASSERT_EQ(delivered.size(), 8u);
    for (const auto& [port, times] : delivered) EXPECT_EQ(times, 1) << port;
    EXPECT_EQ(reassembler.stats().overlapping, 0u);
  }
}

}  // namespace
}  // namespace scanlogd
