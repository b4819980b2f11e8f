// The mapped reader beside a reader from front to back: the same packets, the same accounts, the
// same end, for files of every kind, also such as were made to mislead the cursors.
#include "capture/mapped_savefile.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "capture/savefile.h"
#include "support/capture_writer.h"
#include "support/frame_builder.h"

namespace scanlogd {
namespace {

using test::Bytes;
using test::PcapFormat;
using test::Record;

struct Outcome {
  std::vector<Packet> packets;
  CaptureStats stats;
  std::string failure;
};

void keep(PacketBatch& batch, Outcome& outcome) {
  outcome.packets.insert(outcome.packets.end(), batch.view().begin(), batch.view().end());
  batch.size = 0;
}

Outcome read_in_order(const Bytes& bytes) {
  Outcome outcome;
  auto assembler = Assembler::make({});
  Savefile reader;
  PacketBatch batch;
  std::span<const std::byte> rest(bytes);
  while (!rest.empty()) {
    const Savefile::Item item = reader.next(rest);
    if (item.found == Savefile::Found::incomplete) {
      outcome.failure = "file ends inside a record";
      break;
    }
    if (item.found == Savefile::Found::broken) {
      outcome.failure = reader.failure();
      break;
    }
    if (item.found == Savefile::Found::frame) assembler->take(item.link, item.frame, batch);
    if (batch.full()) keep(batch, outcome);
    rest = rest.subspan(item.size);
  }
  keep(batch, outcome);
  outcome.stats = assembler->stats();
  return outcome;
}

class Mapped : public ::testing::Test {
 protected:
  ~Mapped() override { (void)::unlink(path_.c_str()); }

  std::optional<MappedSavefile> map(const Bytes& bytes) {
    test::write_file(path_, bytes);
    fd_.reset(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    return MappedSavefile::map(fd_, bytes.size());
  }

  Outcome read(MappedSavefile& file) {
    Outcome outcome;
    auto assembler = Assembler::make({});
    PacketBatch batch;
    for (auto found = MappedSavefile::Read::more; found == MappedSavefile::Read::more;) {
      found = file.read(*assembler, batch);
      keep(batch, outcome);
    }
    outcome.failure = file.failure();
    outcome.stats = assembler->stats();
    return outcome;
  }

  // Demands that both readers agree on `bytes`, and returns how many guesses were wrong.
  std::uint64_t expect_the_same(const Bytes& bytes) {
    auto file = map(bytes);
    if (!file) {
      ADD_FAILURE() << "not mapped";
      return 0;
    }
    const Outcome expected = read_in_order(bytes);
    const Outcome found = read(*file);
    EXPECT_EQ(found.failure, expected.failure);
    EXPECT_EQ(found.packets.size(), expected.packets.size());
    if (found.packets.size() == expected.packets.size() && !found.packets.empty()) {
      EXPECT_EQ(std::memcmp(found.packets.data(), expected.packets.data(),
                            found.packets.size() * sizeof(Packet)),
                0);
    }
    const CaptureStats& a = found.stats;
    const CaptureStats& b = expected.stats;
    EXPECT_EQ(a.received, b.received);
    EXPECT_EQ(a.filtered, b.filtered);
    EXPECT_EQ(a.not_ip, b.not_ip);
    EXPECT_EQ(a.truncated, b.truncated);
    EXPECT_EQ(a.bad_header, b.bad_header);
    EXPECT_EQ(a.fragments, b.fragments);
    return file->rejected();
  }

  const std::string path_ =
      ::testing::TempDir() + "scanlogd_mapped_test." + std::to_string(::getpid());
  UniqueFd fd_;
};

// Datagrams as they come: mostly bulk, some SYN, fragments, other protocols, nonsense.
Bytes some_datagram(std::mt19937& random, std::size_t payload) {
  const auto target_port = static_cast<Port>(random());
  const auto flags = static_cast<std::uint8_t>(random() % 8 == 0 ? random() : 0x10);
  const Bytes segment =
      test::tcp_segment({.target_port = target_port, .flags = flags}, Bytes(payload));
  switch (random() % 16) {
    case 0:
      return test::ipv6_datagram({}, segment);
    case 1:
      return test::ipv4_datagram({.options = Bytes(8)}, segment);
    case 2:
      return test::ipv4_datagram({.more = true}, segment);
    case 3:
      return test::ipv4_datagram({.protocol = 17}, test::udp_datagram(1, 2, Bytes(payload)));
    case 4:
      return test::ipv4_datagram({.total_length = static_cast<std::uint16_t>(random() % 100)},
                                 segment);
    case 5:
      return test::ipv4_datagram({.ihl = static_cast<std::uint8_t>(random() % 16)}, segment);
    default:
      return test::ipv4_datagram({}, segment);
  }
}

std::vector<Record> some_records(std::uint32_t seed, std::size_t count, std::size_t payload,
                                 LinkType link = LinkType::ethernet) {
  std::mt19937 random(seed);
  std::vector<Record> records;
  for (std::size_t i = 0; i < count; ++i) {
    const Bytes datagram = some_datagram(random, payload == 0 ? 0 : random() % payload);
    Bytes frame = link == LinkType::ethernet ? test::ethernet(datagram)
                  : link == LinkType::linux_sll
                      ? test::cooked(datagram, random() % 2 == 0 ? test::kToHost : test::kOutgoing)
                      : datagram;
    Record record{.frame = {}, .fraction = static_cast<std::uint32_t>(i % 1'000'000)};
    record.wire_size = static_cast<std::uint32_t>(frame.size());
    if (random() % 10 == 0) frame.resize(random() % (frame.size() + 1));  // cut by the snap length
    record.frame = std::move(frame);
    records.push_back(std::move(record));
  }
  return records;
}

TEST_F(Mapped, LargeRecordsInEitherByteOrderAndPrecision) {
  for (const bool is_swapped : {false, true}) {
    for (const bool has_nanoseconds : {false, true}) {
      const PcapFormat format{.nanoseconds = has_nanoseconds, .swapped = is_swapped};
      expect_the_same(test::pcap_file(some_records(1, 12'000, 1400), format));
    }
  }
}

TEST_F(Mapped, SmallRecords) { expect_the_same(test::pcap_file(some_records(2, 60'000, 0))); }

TEST_F(Mapped, OtherLinkLayers) {
  expect_the_same(
      test::pcap_file(some_records(3, 9'000, 1000, LinkType::linux_sll), {.link_type = 113}));
  expect_the_same(test::pcap_file(some_records(4, 9'000, 1000, LinkType::raw), {.link_type = 101}));
}

TEST_F(Mapped, ARecordLargerThanAChunk) {
  auto records = some_records(5, 6'000, 1400);
  for (const std::size_t at : {1000u, 1001u, 2500u, 5999u}) {
    records[at].frame = Bytes(262'144);
    records[at].wire_size.reset();
  }
  expect_the_same(test::pcap_file(records));
}

TEST_F(Mapped, EmptyRecordsAndAnEmptyFile) {
  auto records = some_records(6, 5'000, 1400);
  for (std::size_t i = 0; i < records.size(); i += 3) {
    records[i].frame.clear();
    records[i].wire_size = 60;
  }
  expect_the_same(test::pcap_file(records));
  expect_the_same(test::pcap_file({}));
}

TEST_F(Mapped, AFileCutAnywhereGivesWhatItHas) {
  const Bytes whole = test::pcap_file(some_records(7, 3'000, 1400));
  for (std::size_t size = whole.size() - 1500; size < whole.size(); size += 13) {
    expect_the_same(test::resized(whole, size));
  }
  for (std::size_t size = 24; size < 120; ++size) expect_the_same(test::resized(whole, size));
  std::mt19937 random(8);
  for (int i = 0; i < 40; ++i) expect_the_same(test::resized(whole, 24 + random() % whole.size()));
}

TEST_F(Mapped, ARecordOfImpossibleLengthEndsIt) {
  auto records = some_records(9, 6'000, 1400);
  records[4'000].captured_size = 262'145;
  expect_the_same(test::pcap_file(records));
  records[4'000].captured_size = 0xffff'ffff;
  expect_the_same(test::pcap_file(records));
}

TEST_F(Mapped, PayloadsFullOfRecordsMisleadNobody) {
  auto records = some_records(10, 6'000, 0);
  Bytes fakes;
  for (const Record& record : some_records(11, 20, 0)) test::put(fakes, test::pcap_record(record));
  for (Record& record : records) {
    record.frame =
        test::ethernet(test::ipv4_datagram({}, test::tcp_segment({.flags = 0x10}, fakes)));
    record.wire_size.reset();
  }
  EXPECT_GT(expect_the_same(test::pcap_file(records)), 0u) << "no guess was wrong";
}

TEST_F(Mapped, RandomDamage) {
  const Bytes whole = test::pcap_file(some_records(12, 4'000, 1400));
  std::mt19937 random(13);
  for (int round = 0; round < 40; ++round) {
    Bytes damaged = whole;
    for (int i = 0; i < 20; ++i) {
      damaged[24 + random() % (damaged.size() - 24)] = static_cast<std::byte>(random());
    }
    expect_the_same(damaged);
  }
}

TEST_F(Mapped, WhatIsNotClassicPcapIsLeftToOthers) {
  EXPECT_FALSE(map(test::pcapng_header()));
  EXPECT_FALSE(map(test::pcap_file({}, {.link_type = 127})));
  EXPECT_FALSE(map(test::resized(test::pcap_header(), 23)));
  EXPECT_FALSE(map({}));
}

TEST_F(Mapped, AFileCutWhileItIsReadIsAnErrorAndNoCrash) {
  const Bytes whole = test::pcap_file(some_records(14, 30'000, 1400));
  auto file = map(whole);
  ASSERT_TRUE(file);
  auto assembler = Assembler::make({});
  PacketBatch batch;
  ASSERT_EQ(file->read(*assembler, batch), MappedSavefile::Read::more);
  ASSERT_EQ(::truncate(path_.c_str(), 4096), 0);
  const Outcome outcome = read(*file);
  EXPECT_EQ(outcome.failure, "file was cut while it was read");
}

}  // namespace
}  // namespace scanlogd
