// Tests the parser of capture files: formats, time stamps, every cut, every kind of nonsense.
#include "capture/savefile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/capture_writer.h"

namespace scanlogd {
namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::PcapFormat;
using test::Record;
using Found = Savefile::Found;

// What a file holds, up to where it ends or breaks.
struct Contents {
  std::vector<Bytes> frames;
  std::vector<std::size_t> wire_sizes;
  std::vector<std::chrono::nanoseconds> times;
  std::vector<LinkType> links;
  std::string failure;
  std::size_t unread = 0;  // bytes that were too few for an item
};

Contents read(const Bytes& bytes) {
  Contents contents;
  Savefile file;
  std::span<const std::byte> rest(bytes);
  for (;;) {
    const Savefile::Item item = file.next(rest);
    if (item.found == Found::incomplete || item.found == Found::broken) {
      contents.failure = item.found == Found::broken ? file.failure() : "";
      contents.unread = rest.size();
      return contents;
    }
    EXPECT_GT(item.size, 0u);
    if (item.found == Found::frame) {
      contents.frames.emplace_back(item.frame.bytes.begin(), item.frame.bytes.end());
      contents.wire_sizes.push_back(item.frame.wire_size);
      contents.times.push_back(item.frame.time);
      contents.links.push_back(item.link);
    }
    rest = rest.subspan(std::min(item.size, rest.size()));
  }
}

// The time of the only record of `bytes`.
std::chrono::nanoseconds time_of(const Bytes& bytes) {
  const Contents contents = read(bytes);
  return contents.times.size() == 1 ? contents.times[0] : -1ns;
}

const Bytes kFrame = test::ethernet(test::ipv4_datagram());

// An interface block with these options; `link_type` and options in this machine's byte order.
Bytes interface_block(std::uint16_t link_type, const Bytes& options = {},
                      std::uint32_t snap_length = 0) {
  Bytes body;
  test::detail::put_native16(body, link_type);
  test::detail::put_native16(body, 0);
  test::detail::put_native32(body, snap_length);
  test::put(body, options);
  return test::pcapng_block(1, body);
}
Bytes option(std::uint16_t code, const Bytes& value) {
  Bytes out;
  test::detail::put_native16(out, code);
  test::detail::put_native16(out, static_cast<std::uint16_t>(value.size()));
  test::put(out, value);
  out.resize((out.size() + 3) / 4 * 4);
  return out;
}
Bytes section_block() { return test::resized(test::pcapng_header(), 28); }
Bytes native64(std::uint64_t value) {
  Bytes out;
  test::detail::put_native(out, &value, sizeof(value), false);
  return out;
}
// A packet of interface `interface` with the time stamp `ticks`.
Bytes packet_block(std::uint32_t interface, std::uint64_t ticks, const Bytes& frame = kFrame) {
  Bytes body;
  test::detail::put_native32(body, interface);
  test::detail::put_native32(body, static_cast<std::uint32_t>(ticks >> 32));
  test::detail::put_native32(body, static_cast<std::uint32_t>(ticks));
  test::detail::put_native32(body, static_cast<std::uint32_t>(frame.size()));
  test::detail::put_native32(body, static_cast<std::uint32_t>(frame.size()));
  test::put(body, frame);
  return test::pcapng_block(6, body);
}

TEST(Savefile, GivesFramesAsTheyWereCaptured) {
  for (const Bytes& file :
       {test::pcap_file({{.frame = kFrame}, {.frame = Bytes(61), .wire_size = 1500}}),
        test::pcapng_file({{.frame = kFrame}, {.frame = Bytes(61), .wire_size = 1500}})}) {
    const Contents contents = read(file);
    EXPECT_EQ(contents.failure, "");
    EXPECT_EQ(contents.unread, 0u);
    ASSERT_EQ(contents.frames.size(), 2u);
    EXPECT_EQ(contents.frames[0], kFrame);
    EXPECT_EQ(contents.wire_sizes[0], kFrame.size());
    EXPECT_EQ(contents.frames[1], Bytes(61));
    EXPECT_EQ(contents.wire_sizes[1], 1500u);
    EXPECT_EQ(contents.links[0], LinkType::ethernet);
  }
}

TEST(Savefile, ReadsTimeStampsOfEitherPrecisionAndByteOrder) {
  const Record record{.frame = kFrame, .seconds = 1'700'000'000, .fraction = 123'456};
  for (const bool swapped : {false, true}) {
    EXPECT_EQ(time_of(test::pcap_file({record}, {.nanoseconds = true, .swapped = swapped})),
              1'700'000'000s + 123'456ns);
    EXPECT_EQ(time_of(test::pcap_file({record}, {.nanoseconds = false, .swapped = swapped})),
              1'700'000'000s + 123'456us);
  }
  EXPECT_EQ(time_of(test::pcapng_file({record})), 1'700'000'000s + 123'456ns);
}

TEST(Savefile, ReadsTimeStampsUpTo2106) {
  for (const std::uint32_t seconds : {0u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    EXPECT_EQ(time_of(test::pcap_file({{.frame = kFrame, .seconds = seconds}})),
              std::chrono::seconds(seconds));
  }
}

TEST(Savefile, AFractionOfMoreThanASecondStaysWithinIt) {
  for (const bool nanoseconds : {false, true}) {
    for (const std::uint32_t fraction : {1'000'000'000u, 0x7fffffffu, 0xffffffffu}) {
      EXPECT_EQ(time_of(test::pcap_file({{.frame = kFrame, .seconds = 5, .fraction = fraction}},
                                        {.nanoseconds = nanoseconds})),
                5s + 999'999'999ns);
    }
  }
}

TEST(Savefile, ReadsPcapngOfEveryResolution) {
  const auto time = [](std::uint8_t resolution, std::uint64_t ticks) {
    const Bytes tsresol = option(9, {static_cast<std::byte>(resolution)});
    return time_of(
        test::join({section_block(), interface_block(1, tsresol), packet_block(0, ticks)}));
  };
  EXPECT_EQ(time(0, 7), 7s);
  EXPECT_EQ(time(3, 7'001), 7s + 1ms);
  EXPECT_EQ(time(6, 7'000'001), 7s + 1us);
  EXPECT_EQ(time(9, 7'000'000'001), 7s + 1ns);
  EXPECT_EQ(time(12, 7'000'000'001'999), 7s + 1ns);
  EXPECT_EQ(time(19, 70'000'000'000'000'000), 7ms);
  EXPECT_EQ(time(127, ~std::uint64_t{0}),
            1ns);  // nobody has a clock of 10^-127 s: 10^-28 is as far as it goes
  EXPECT_EQ(time(0x80, 7), 7s);
  EXPECT_EQ(time(0x80 | 20, 7 << 20 | 1 << 19), 7s + 500ms);
  EXPECT_EQ(time(0x80 | 32, std::uint64_t{7} << 32 | 1u << 31), 7s + 500ms);
  EXPECT_EQ(time(0xff, ~std::uint64_t{0}), 0s);
}

TEST(Savefile, PcapngWithoutAResolutionCountsMicroseconds) {
  EXPECT_EQ(time_of(test::join({section_block(), interface_block(1), packet_block(0, 7'000'001)})),
            7s + 1us);
}

TEST(Savefile, TimeStampsOutOfRangeAreMovedIntoIt) {
  constexpr auto kLatest = std::chrono::nanoseconds((std::int64_t{1} << 62) - 1);
  const auto time = [](std::uint8_t resolution, std::int64_t offset, std::uint64_t ticks) {
    const Bytes options = test::join({option(9, {static_cast<std::byte>(resolution)}),
                                      option(14, native64(static_cast<std::uint64_t>(offset)))});
    return time_of(
        test::join({section_block(), interface_block(1, options), packet_block(0, ticks)}));
  };
  EXPECT_EQ(time(9, 5, 1), 5s + 1ns);
  EXPECT_EQ(time(9, -1, 1'000'000'001), 1ns);
  EXPECT_EQ(time(9, -1, 0), 0ns);
  EXPECT_EQ(time(9, INT64_MIN, 0), 0ns);
  EXPECT_EQ(time(9, INT64_MAX, 0), kLatest);
  EXPECT_EQ(time(9, 0, (std::uint64_t{1} << 62) - 1), kLatest);
  EXPECT_EQ(time(9, 0, std::uint64_t{1} << 62), kLatest);
  EXPECT_EQ(time(0, 0, ~std::uint64_t{0}), kLatest);
}

TEST(Savefile, KnowsEveryLinkLayerThatCanBeTakenOff) {
  for (const std::uint32_t type : {0u, 1u, 9u, 50u, 51u, 101u, 108u, 113u, 228u, 229u, 276u}) {
    const Contents contents = read(test::pcap_file({{.frame = kFrame}}, {.link_type = type}));
    ASSERT_EQ(contents.links.size(), 1u) << type << " " << contents.failure;
    EXPECT_EQ(static_cast<std::uint32_t>(contents.links[0]), type);
  }
}

TEST(Savefile, IgnoresWhatThePcapHeaderSaysOfChecksumsBehindTheFrame) {
  EXPECT_EQ(read(test::pcap_file({{.frame = kFrame}}, {.link_type = 0x5400'0001})).frames.size(),
            1u);
}

TEST(Savefile, NamesALinkLayerItDoesNotKnow) {
  EXPECT_EQ(read(test::pcap_file({}, {.link_type = 127})).failure,
            "link type 127 (IEEE802_11_RADIO) is not supported");
  EXPECT_EQ(read(test::pcap_file({}, {.link_type = 9999})).failure,
            "link type 9999 is not supported");
  EXPECT_EQ(read(test::pcapng_file({}, 127)).failure,
            "link type 127 (IEEE802_11_RADIO) is not supported");
}

TEST(Savefile, EachInterfaceOfPcapngHasItsOwnLinkLayer) {
  const Contents contents =
      read(test::join({section_block(), interface_block(1), interface_block(101),
                       packet_block(1, 0), packet_block(0, 0)}));
  EXPECT_EQ(contents.links, (std::vector{LinkType::raw, LinkType::ethernet}));
}

TEST(Savefile, ASectionOfPcapngBeginsWithoutInterfaces) {
  const Bytes file = test::pcapng_file({{.frame = kFrame}});
  EXPECT_EQ(read(test::join({file, file})).frames.size(), 2u);
  EXPECT_EQ(read(test::join({file, section_block(), packet_block(0, 0)})).failure,
            "a packet of an unknown interface");
}

// Swaps every 16- or 32-bit number of a section with one interface and one packet.
TEST(Savefile, ReadsPcapngOfTheOtherByteOrder) {
  const Bytes frame = test::hex("01 02 03 04");
  Bytes file =
      test::join({section_block(), interface_block(1, {}, 65535), packet_block(0, 7, frame)});
  const auto swap = [&](std::size_t at, std::size_t size) {
    const auto from = file.begin() + static_cast<std::ptrdiff_t>(at);
    std::reverse(from, from + static_cast<std::ptrdiff_t>(size));
  };
  for (const std::size_t at : {0u, 4u, 8u, 24u}) swap(at, 4);     // section
  for (const std::size_t at : {12u, 14u}) swap(at, 2);            // its version
  for (const std::size_t at : {28u, 32u, 40u, 44u}) swap(at, 4);  // interface
  swap(36, 2);                                                    // its link type
  for (std::size_t at = 48; at < 48 + 28; at += 4) swap(at, 4);   // packet
  const Contents contents = read(file);
  EXPECT_EQ(contents.failure, "");
  ASSERT_EQ(contents.frames.size(), 1u);
  EXPECT_EQ(contents.frames[0], frame);
  EXPECT_EQ(contents.times[0], 7us);
  EXPECT_EQ(read(test::join({file, test::pcapng_file({{.frame = kFrame}})})).frames.size(), 2u);
}

TEST(Savefile, ReadsSimpleAndOldPacketBlocks) {
  Bytes simple;
  test::detail::put_native32(simple, 1500);
  test::put(simple, test::resized(kFrame, 40));
  Bytes old;
  test::detail::put_native16(old, 0);
  test::detail::put_native16(old, 3);  // drops
  for (const std::uint32_t value : {0u, 9u, 54u, 54u}) test::detail::put_native32(old, value);
  test::put(old, kFrame);
  const Contents contents =
      read(test::join({section_block(), interface_block(1, {}, 36), test::pcapng_block(3, simple),
                       test::pcapng_block(2, old)}));
  EXPECT_EQ(contents.failure, "");
  ASSERT_EQ(contents.frames.size(), 2u);
  EXPECT_EQ(contents.frames[0], test::resized(kFrame, 36));  // the snap length
  EXPECT_EQ(contents.wire_sizes[0], 1500u);
  EXPECT_EQ(contents.times[0], 0s);
  EXPECT_EQ(contents.frames[1], kFrame);
  EXPECT_EQ(contents.times[1], 9us);
}

TEST(Savefile, PassesOverOtherBlocksWithoutSeeingThem) {
  const Bytes statistics = test::pcapng_block(5, Bytes(100));
  EXPECT_EQ(read(test::join({section_block(), statistics, interface_block(1), statistics,
                             packet_block(0, 0), statistics}))
                .frames.size(),
            1u);
  Savefile file;
  const Bytes header = test::pcapng_header();
  std::span<const std::byte> rest(header);
  while (!file.is_open()) rest = rest.subspan(file.next(rest).size);
  Bytes huge;
  test::detail::put_native32(huge, 0x0bad);
  test::detail::put_native32(huge, 0xfffffffc);
  const Savefile::Item item = file.next(huge);
  EXPECT_EQ(item.found, Found::nothing);
  EXPECT_EQ(item.size, 0xfffffffcu);
}

TEST(Savefile, ReadsPcapWithTheLongRecordHeadersOfThe1990s) {
  Bytes file = test::pcap_header();
  Bytes magic;
  test::detail::put_native32(magic, 0xa1b2cd34);
  std::ranges::copy(magic, file.begin());
  for (int i = 0; i < 2; ++i) {
    const Bytes record = test::pcap_record({.frame = kFrame, .seconds = 7, .fraction = 1});
    test::put(file, std::span(record).first(16));
    test::put(file, Bytes(8));
    test::put(file, kFrame);
  }
  const Contents contents = read(file);
  EXPECT_EQ(contents.frames, (std::vector{kFrame, kFrame}));
  EXPECT_EQ(contents.times[0], 7s + 1us);
}

TEST(Savefile, TellsForeignFilesFromTheFirstBytes) {
  EXPECT_EQ(read(test::hex("68656c6c")).failure, "not a pcap or pcapng file");
  EXPECT_EQ(read(Bytes(4)).failure, "not a pcap or pcapng file");
  Bytes version_3 = test::pcap_header();
  test::detail::put_native16(version_3, 3);
  std::copy_n(version_3.end() - 2, 2, version_3.begin() + 4);
  EXPECT_EQ(read(version_3).failure, "pcap of a version other than 2");
}

TEST(Savefile, WhateverIsCutIsIncompleteAndNothingIsLostBeforeIt) {
  const Bytes pcap = test::pcap_file({{.frame = kFrame}, {.frame = Bytes(7)}, {.frame = {}}});
  const Bytes pcapng = test::pcapng_file({{.frame = kFrame}, {.frame = Bytes(7)}, {.frame = {}}});
  for (const Bytes& file : {pcap, pcapng}) {
    std::size_t frames = 0;
    for (std::size_t size = 0; size <= file.size(); ++size) {
      const Contents contents = read(test::resized(file, size));
      ASSERT_EQ(contents.failure, "") << size;
      ASSERT_GE(contents.frames.size(), frames) << size;
      frames = contents.frames.size();
    }
    EXPECT_EQ(frames, 3u);
  }
}

TEST(Savefile, LimitsWhatHasToBeShownAtOnce) {
  const auto captured = [](std::uint32_t size) {
    return test::join(
        {test::pcap_header(), test::pcap_record({.frame = {}, .captured_size = size})});
  };
  EXPECT_EQ(read(captured(262'144)).failure, "");
  EXPECT_EQ(read(captured(262'145)).failure, "a record of more than 262144 bytes");
  EXPECT_EQ(read(test::pcap_file({{.frame = Bytes(262'144)}})).frames.size(), 1u);
  EXPECT_LE(262'144u + 24, Savefile::kMaxBytes);
  EXPECT_EQ(read(test::pcapng_file({{.frame = Bytes(262'144)}})).frames.size(), 1u);
  EXPECT_EQ(read(test::pcapng_file({{.frame = Bytes(262'145)}})).failure,
            "a packet of more than 262144 bytes");
  EXPECT_EQ(read(test::join({section_block(), test::pcapng_block(1, Bytes(Savefile::kMaxBytes))}))
                .failure,
            "an interface block of impossible length");
}

TEST(Savefile, BlocksOfImpossibleLengthAreBroken) {
  const Bytes before = test::pcapng_header();
  for (const std::uint32_t type : {1u, 2u, 3u, 6u, 0x0badu}) {
    for (const std::uint32_t length : {0u, 4u, 8u, 11u, 13u, 14u, 15u}) {
      Bytes block;
      test::detail::put_native32(block, type);
      test::detail::put_native32(block, length);
      block.resize(64);
      EXPECT_TRUE(read(test::join({before, block})).failure.ends_with("of impossible length"))
          << type << " " << length;
    }
  }
  // Shorter than the fixed part of its type.
  for (const auto& [type, least] : {std::pair{1u, 20u}, {2u, 32u}, {3u, 16u}, {6u, 32u}}) {
    Bytes block;
    test::detail::put_native32(block, type);
    test::detail::put_native32(block, least - 4);
    block.resize(64);
    EXPECT_TRUE(read(test::join({before, block})).failure.ends_with("of impossible length"))
        << type;
  }
}

TEST(Savefile, APacketLongerThanItsBlockIsBroken) {
  for (const auto& [excess, failure] :
       {std::pair{0u, ""}, std::pair{1u, "a packet longer than its block"}}) {
    const Bytes record = test::pcapng_record({.frame = Bytes(64), .captured_size = 64 + excess});
    EXPECT_EQ(read(test::join({test::pcapng_header(), record})).failure, failure);
  }
}

TEST(Savefile, InterfacesAreLimited) {
  Bytes file = section_block();
  const Bytes interface = interface_block(1);
  file.reserve(file.size() + interface.size() * 65537);
  for (int i = 0; i < 65536; ++i) file.insert(file.end(), interface.begin(), interface.end());
  EXPECT_EQ(read(file).failure, "");
  file.insert(file.end(), interface.begin(), interface.end());
  EXPECT_EQ(read(file).failure, "more than 65536 interfaces");
}

TEST(Savefile, OptionsThatLieAboutTheirLengthAreIgnored) {
  for (const unsigned length : {5u, 8u, 255u, 65535u}) {
    Bytes lying = option(9, test::hex("09"));
    Bytes size;
    test::detail::put_native16(size, static_cast<std::uint16_t>(length));
    std::ranges::copy(size, lying.begin() + 2);
    EXPECT_EQ(time_of(test::join({section_block(), interface_block(1, lying), packet_block(0, 1)})),
              1us)
        << length;
  }
}

// No file, however damaged, is read beyond its end, is read for ever, or gives a time out of range.
TEST(Savefile, SurvivesAnyDamage) {
  std::mt19937 random(20240607);
  const std::vector<Bytes> files = {
      test::pcap_file({{.frame = kFrame}, {.frame = Bytes(7)}}),
      test::pcap_file({{.frame = kFrame}, {.frame = Bytes(7)}}, {.swapped = true}),
      test::join(
          {test::pcapng_file({{.frame = kFrame}}),
           interface_block(1, test::join({option(9, test::hex("06")), option(14, native64(1))})),
           packet_block(1, 1), test::pcapng_block(3, Bytes(40)), test::pcapng_block(2, Bytes(60)),
           test::pcapng_file({{.frame = Bytes(9)}})}),
  };
  std::size_t frames = 0;
  for (int round = 0; round < 20'000; ++round) {
    Bytes file = files[random() % files.size()];
    for (std::size_t damages = 1 + random() % 4; damages > 0; --damages) {
      file[random() % file.size()] = static_cast<std::byte>(random());
    }
    const Contents contents = read(file);
    frames += contents.frames.size();
    for (const auto time : contents.times) {
      ASSERT_GE(time, 0ns);
      ASSERT_LT(time.count(), std::int64_t{1} << 62);
    }
  }
  EXPECT_GT(frames, 10'000u);
}

}  // namespace
}  // namespace scanlogd
