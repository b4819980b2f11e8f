// Tests the reader of capture files below file.cpp: formats, link layers, time stamps, errors.
// Live capture needs an interface: tests/live.
#include "capture/pcap_source.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "support/capture_writer.h"

namespace scanlogd {
namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::Record;

// A FILE that reads a copy of `bytes`.
std::FILE* stream_of(const Bytes& bytes) {
  std::FILE* const stream = std::tmpfile();
  if (stream == nullptr) throw std::runtime_error("tmpfile");
  for (const std::byte byte : bytes) (void)std::fputc(std::to_integer<int>(byte), stream);
  std::rewind(stream);
  return stream;
}

Result<PcapReader> open(const Bytes& bytes) { return PcapReader::open(stream_of(bytes), "x.pcap"); }

Bytes frame() { return test::ethernet(test::ipv4_datagram()); }

// The time of the only record of `bytes`.
std::chrono::nanoseconds time_of(const Bytes& bytes) {
  auto reader = open(bytes);
  Frame read;
  if (!reader || reader->next(read) != PcapReader::Next::frame) return -1ns;
  return read.time;
}

TEST(PcapReader, GivesFramesAsTheyWereCapturedUpToTheEnd) {
  auto reader = open(test::pcap_file({{.frame = frame()}, {.frame = Bytes(60), .wire_size = 1500}}));
  ASSERT_TRUE(reader.has_value()) << reader.error().what;
  EXPECT_EQ(reader->link(), LinkType::ethernet);
  Frame read;
  ASSERT_EQ(reader->next(read), PcapReader::Next::frame);
  EXPECT_EQ(Bytes(read.bytes.begin(), read.bytes.end()), frame());
  EXPECT_EQ(read.wire_size, frame().size());
  ASSERT_EQ(reader->next(read), PcapReader::Next::frame);
  EXPECT_EQ(read.bytes.size(), 60u);
  EXPECT_EQ(read.wire_size, 1500u);
  EXPECT_EQ(reader->next(read), PcapReader::Next::end);
  EXPECT_EQ(reader->next(read), PcapReader::Next::end);
}

TEST(PcapReader, ReadsTimeStampsOfEitherPrecisionAndByteOrderToTheNanosecond) {
  for (const bool swapped : {false, true}) {
    const test::PcapFormat nanoseconds{.nanoseconds = true, .swapped = swapped};
    const test::PcapFormat microseconds{.nanoseconds = false, .swapped = swapped};
    const Record record{.frame = frame(), .seconds = 1'700'000'000, .fraction = 123'456};
    EXPECT_EQ(time_of(test::pcap_file({record}, nanoseconds)), 1'700'000'000s + 123'456ns);
    EXPECT_EQ(time_of(test::pcap_file({record}, microseconds)), 1'700'000'000s + 123'456us);
  }
  EXPECT_EQ(time_of(test::pcapng_file({{.frame = frame(), .fraction = 123'456'789}})),
            1'700'000'000s + 123'456'789ns);
}

TEST(PcapReader, ReadsTimeStampsUpTo2106) {
  for (const std::uint32_t seconds : {0u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    EXPECT_EQ(time_of(test::pcap_file({{.frame = frame(), .seconds = seconds}})),
              std::chrono::seconds(seconds));
  }
}

TEST(PcapReader, BrokenTimeStampsCannotOverflow) {
  for (const bool nanoseconds : {false, true}) {
    for (const std::uint32_t fraction : {1'000'000'000u, 0x7fffffffu, 0xffffffffu}) {
      const auto time = time_of(test::pcap_file(
          {{.frame = frame(), .seconds = 5, .fraction = fraction}}, {.nanoseconds = nanoseconds}));
      EXPECT_GE(time, 5s);
      EXPECT_LT(time, 6s);
    }
  }
  // The 64 bits of pcapng end in 2554.
  Bytes record = test::pcapng_record({.frame = frame()});
  std::fill_n(record.begin() + 12, 8, std::byte{0xff});
  EXPECT_EQ(time_of(test::join({test::pcapng_header(), record})), 4'611'686'017s + 709'551'615ns);
}

TEST(PcapReader, ATimeZoneOffsetBeforeTheEpochIsTheEpoch) {
  // if_tsoffset (option 14): seconds to add, here -2^44.
  Bytes interface;
  test::detail::put_native16(interface, 1);
  test::detail::put_native16(interface, 0);
  test::detail::put_native32(interface, 65535);
  test::detail::put_native16(interface, 14);
  test::detail::put_native16(interface, 8);
  test::detail::put_native32(interface, 0);
  test::detail::put_native32(interface, 0xfffff000);
  test::detail::put_native32(interface, 0);
  const Bytes section_only = test::resized(test::pcapng_header(), 28);
  EXPECT_EQ(time_of(test::join({section_only, test::pcapng_block(1, interface),
                                test::pcapng_record({.frame = frame()})})),
            0s);
}

TEST(PcapReader, KnowsEveryLinkLayerThatCanBeTakenOff) {
  for (const std::uint32_t type : {0u, 1u, 9u, 50u, 51u, 101u, 108u, 113u, 228u, 229u, 276u}) {
    const auto reader = open(test::pcap_file({}, {.link_type = type}));
    ASSERT_TRUE(reader.has_value()) << reader.error().what;
    EXPECT_EQ(static_cast<std::uint32_t>(reader->link()), type);
  }
}

TEST(PcapReader, NamesALinkLayerItDoesNotKnow) {
  const auto radio = open(test::pcap_file({}, {.link_type = 127}));
  ASSERT_FALSE(radio.has_value());
  EXPECT_EQ(radio.error().what, "open(x.pcap): link type 127 (IEEE802_11_RADIO) is not supported");
  const auto unheard_of = open(test::pcap_file({}, {.link_type = 9999}));
  ASSERT_FALSE(unheard_of.has_value());
  EXPECT_EQ(unheard_of.error().what, "open(x.pcap): link type 9999 is not supported");
}

TEST(PcapReader, SaysWhyAStreamIsNoCapture) {
  const auto text = open(test::hex("68656c6c6f 68656c6c6f 68656c6c6f"));
  ASSERT_FALSE(text.has_value());
  EXPECT_EQ(text.error().what, "open(x.pcap): unknown file format");
  const auto empty = open({});
  ASSERT_FALSE(empty.has_value());
  EXPECT_TRUE(empty.error().what.starts_with("open(x.pcap): truncated")) << empty.error().what;
}

TEST(PcapReader, SaysWhatItCouldNotRead) {
  Bytes file = test::pcap_file({{.frame = frame()}, {.frame = frame()}});
  file.pop_back();
  auto reader = open(file);
  ASSERT_TRUE(reader.has_value());
  Frame read;
  EXPECT_EQ(reader->next(read), PcapReader::Next::frame);
  ASSERT_EQ(reader->next(read), PcapReader::Next::failed);
  EXPECT_TRUE(reader->error().what.starts_with("read(x.pcap): truncated")) << reader->error().what;
}

}  // namespace
}  // namespace scanlogd
