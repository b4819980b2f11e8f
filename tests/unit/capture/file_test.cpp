// Tests the reading of capture files: link layers, packings, streams, broken files, and the way of
// a frame through assembler.h with its accounts.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "capture/capture.h"
#include "core/unique_fd.h"
#include "support/capture_writer.h"
#include "support/captures.h"
#include "support/frame_builder.h"
#include "support/packet_builder.h"

namespace scanlogd {
namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::Record;

// What a capture gave until it ended or failed.
struct Found {
  std::vector<Packet> packets;
  CaptureStats stats;
  std::string error;
};

Found drain(Capture& capture) {
  Found found;
  PacketBatch batch;
  for (;;) {
    const auto result = capture.poll(batch);
    found.packets.insert(found.packets.end(), batch.view().begin(), batch.view().end());
    if (!result) found.error = result.error().what;
    if (!result || *result != Poll::more) break;
  }
  found.stats = capture.stats();
  return found;
}

class File : public ::testing::Test {
 protected:
  ~File() override { (void)::unlink(path_.c_str()); }

  Found read(const Bytes& bytes) {
    test::write_file(path_, bytes);
    const auto capture = test::open_file(path_);
    if (!capture) return {.packets = {}, .stats = {}, .error = capture.error().what};
    const Found found = drain(**capture);
    const CaptureStats& s = found.stats;
    EXPECT_EQ(s.received, found.packets.size() + s.not_ip + s.truncated + s.bad_header +
                              s.filtered + s.fragments);
    return found;
  }

  const std::string path_ =
      ::testing::TempDir() + "scanlogd_file_test." + std::to_string(::getpid());
};

Bytes syn_to(Port port) {
  return test::ipv4_datagram({}, test::tcp_segment({.target_port = port}));
}
Bytes segment_with(std::uint8_t flags) {
  return test::ipv4_datagram({}, test::tcp_segment({.flags = flags}));
}

Bytes pcap_of(const std::vector<Bytes>& frames, std::uint32_t link_type = 1) {
  std::vector<Record> records;
  for (const Bytes& frame : frames) records.push_back({.frame = frame});
  return test::pcap_file(records, {.link_type = link_type});
}

TEST_F(File, GivesPacketsWithTheirTimeStamps) {
  const Found found = read(test::pcap_file(
      {{.frame = test::ethernet(syn_to(22)), .seconds = 1'700'000'000, .fraction = 5},
       {.frame = test::ethernet(syn_to(23)), .seconds = 1'700'000'001, .fraction = 6}}));
  EXPECT_EQ(found.error, "");
  ASSERT_EQ(found.packets.size(), 2u);
  EXPECT_EQ(found.packets[0].target_port, 22);
  EXPECT_EQ(found.packets[0].time, 1'700'000'000s + 5ns);
  EXPECT_EQ(found.packets[0].traits, 0);
  EXPECT_EQ(found.packets[1].target_port, 23);
  EXPECT_EQ(found.packets[1].time, 1'700'000'001s + 6ns);
  EXPECT_EQ(found.stats.received, 2u);
}

TEST_F(File, TimeStampsAreWallTime) {
  test::write_file(path_, pcap_of({test::ethernet(syn_to(22))}));
  const auto capture = test::open_file(path_);
  ASSERT_TRUE(capture.has_value());
  PacketBatch batch;
  batch.wall_minus_monotonic = 5s;
  ASSERT_TRUE((*capture)->poll(batch).has_value());
  EXPECT_EQ(batch.wall_minus_monotonic, 0s);
}

TEST_F(File, TakesOffEveryLinkLayer) {
  const Bytes syn = syn_to(22);
  const std::vector<std::pair<std::uint32_t, Bytes>> frames = {
      {0, test::loopback(2, syn, std::endian::little)},
      {1, test::ethernet(syn)},
      {9, test::ppp(test::kPppIpv4, syn)},
      {50, test::ppp(test::kPppIpv4, syn)},
      {51, test::pppoe(test::ppp(test::kPppIpv4, syn, false))},
      {101, syn},
      {108, test::loopback(2, syn)},
      {113, test::cooked(syn)},
      {228, syn},
      {229, test::ipv6_datagram({}, test::tcp_segment({.target_port = 22}))},
      {276, test::cooked2(syn)},
  };
  for (const auto& [link_type, frame] : frames) {
    const Found found = read(pcap_of({frame}, link_type));
    ASSERT_EQ(found.packets.size(), 1u) << link_type << " " << found.error;
    EXPECT_EQ(found.packets[0].target_port, 22) << link_type;
  }
}

TEST_F(File, ReadsEitherByteOrderAndPrecisionAndPcapng) {
  for (const bool swapped : {false, true}) {
    for (const bool nanoseconds : {false, true}) {
      const Found found =
          read(test::pcap_file({{.frame = test::ethernet(syn_to(22)), .seconds = 7}},
                               {.nanoseconds = nanoseconds, .swapped = swapped}));
      ASSERT_EQ(found.packets.size(), 1u) << found.error;
      EXPECT_EQ(found.packets[0].time, 7s);
    }
  }
  const Found found =
      read(test::pcapng_file({{.frame = test::ethernet(syn_to(22)), .seconds = 7}}));
  ASSERT_EQ(found.packets.size(), 1u) << found.error;
  EXPECT_EQ(found.packets[0].time, 7s);
}

TEST_F(File, ReadsGzip) {
  const Found found = read(test::gzip(pcap_of({test::ethernet(syn_to(22))})));
  EXPECT_EQ(found.error, "");
  ASSERT_EQ(found.packets.size(), 1u);
  EXPECT_EQ(found.packets[0].target_port, 22);
}

TEST_F(File, ReadsGzipThatWasPackedInSeveralPieces) {
  const Bytes pcap = pcap_of({test::ethernet(syn_to(22)), test::ethernet(syn_to(23))});
  for (std::size_t at = 1; at < pcap.size(); at += 13) {
    const auto middle = pcap.begin() + static_cast<std::ptrdiff_t>(at);
    const Found found = read(test::join(
        {test::gzip(Bytes(pcap.begin(), middle)), test::gzip(Bytes(middle, pcap.end()))}));
    EXPECT_EQ(found.error, "");
    EXPECT_EQ(found.packets.size(), 2u) << at;
  }
}

TEST_F(File, IgnoresPaddingBehindGzip) {
  const Found found =
      read(test::join({test::gzip(pcap_of({test::ethernet(syn_to(22))})), Bytes(512)}));
  EXPECT_EQ(found.error, "");
  EXPECT_EQ(found.packets.size(), 1u);
}

TEST_F(File, ReadsMoreThanItBuffersPlainAndGzipped) {
  Bytes pcap = test::pcap_header();
  const Bytes record = test::pcap_record(
      {.frame = test::resized(test::ethernet(syn_to(22)), 1000)});  // padded, as small frames are
  for (int i = 0; i < 2000; ++i) test::put(pcap, record);
  for (const Bytes& file : {pcap, test::gzip(pcap)}) {
    const Found found = read(file);
    EXPECT_EQ(found.error, "");
    EXPECT_EQ(found.packets.size(), 2000u);
  }
}

TEST_F(File, ReadsTheLargestRecordOfPcap) {
  const Bytes large = test::resized(test::ethernet(syn_to(22)), 262'144);
  Bytes pcap = test::pcap_header();
  for (int i = 0; i < 5; ++i) test::put(pcap, test::pcap_record({.frame = large}));
  const Found found = read(pcap);
  EXPECT_EQ(found.error, "");
  EXPECT_EQ(found.packets.size(), 5u);
}

TEST_F(File, LeavesOutWhatCannotMatter) {
  const Found found = read(pcap_of({
      test::ethernet(segment_with(tcp_flag::ack)),
      test::ethernet(segment_with(tcp_flag::ack | tcp_flag::psh)),
      test::ethernet(segment_with(tcp_flag::rst)),
      test::ethernet(segment_with(0)),
      test::ethernet(test::ipv4_datagram({.protocol = 17}, test::udp_datagram(1, 53))),
  }));
  EXPECT_EQ(found.packets.size(), 2u);
  EXPECT_EQ(found.stats.filtered, 3u);
  EXPECT_EQ(found.stats.received, 5u);
}

TEST_F(File, CountsWhatBecomesNoPacketByReason) {
  const Found found = read(pcap_of({
      test::ethernet_frame(test::ethertype::arp, Bytes(28)),
      test::ethernet(test::ipv4_datagram({.total_length = 1000}, Bytes(20))),
      test::ethernet(test::ipv4_datagram({}, Bytes(19))),
      test::ethernet(test::ipv4_datagram({.ihl = 4})),
      test::ethernet(syn_to(22)),
  }));
  EXPECT_EQ(found.packets.size(), 1u);
  EXPECT_EQ(found.stats.not_ip, 1u);
  EXPECT_EQ(found.stats.truncated, 2u);
  EXPECT_EQ(found.stats.bad_header, 1u);
  EXPECT_EQ(found.stats.received, 5u);
}

TEST_F(File, ReassemblesFragmentsOfEightBytes) {
  std::vector<Bytes> frames;
  for (const Bytes& fragment :
       test::ipv4_fragments({.id = 7}, test::tcp_segment({.target_port = 22}), 8)) {
    frames.push_back(test::ethernet(fragment));
  }
  const Found found = read(pcap_of(frames));
  ASSERT_EQ(found.packets.size(), 1u);
  EXPECT_EQ(found.packets[0].target_port, 22);
  EXPECT_EQ(found.packets[0].traits, trait::fragmented);
  EXPECT_EQ(found.stats.received, 3u);
  EXPECT_EQ(found.stats.fragments, 2u);
  EXPECT_EQ(found.stats.reassembled, 1u);
}

TEST_F(File, LetsABareAckThroughThatWasFragmented) {
  std::vector<Bytes> frames;
  for (const Bytes& fragment :
       test::ipv6_fragments({}, 6, 7, test::tcp_segment({.flags = tcp_flag::ack}), 8)) {
    frames.push_back(test::ethernet(fragment));
  }
  const Found found = read(pcap_of(frames));
  ASSERT_EQ(found.packets.size(), 1u);
  EXPECT_EQ(found.packets[0].flags, tcp_flag::ack);
}

TEST_F(File, FragmentsGoByTheirTimeStamps) {
  const auto fragments = test::ipv4_fragments({.id = 7}, test::tcp_segment(), 16);
  for (const auto& [seconds, expected] : {std::pair{1030u, 1u}, std::pair{1031u, 0u}}) {
    const Found found =
        read(test::pcap_file({{.frame = test::ethernet(fragments[0]), .seconds = 1000},
                              {.frame = test::ethernet(fragments[1]), .seconds = seconds}}));
    EXPECT_EQ(found.packets.size(), expected) << seconds;
  }
}

TEST_F(File, TellsTheVlan) {
  const Found found = read(pcap_of({test::ethernet(test::ipv4_datagram(), {{.tci = 7}}),
                                    test::ethernet(test::ipv4_datagram())}));
  ASSERT_EQ(found.packets.size(), 2u);
  EXPECT_EQ(found.packets[0].vlan, 7);
  EXPECT_EQ(found.packets[1].vlan, 0);
}

TEST_F(File, TellsOutgoingPacketsWhereTheLinkLayerDoes) {
  const Found found =
      read(pcap_of({test::cooked(syn_to(22), test::kOutgoing), test::cooked(syn_to(22))}, 113));
  ASSERT_EQ(found.packets.size(), 2u);
  EXPECT_EQ(found.packets[0].traits, trait::outgoing);
  EXPECT_EQ(found.packets[1].traits, 0);
}

TEST_F(File, AcceptsAFrameThatWasCutBehindItsHeaders) {
  const Bytes whole = test::ethernet(test::ipv4_datagram({}, test::tcp_segment({}, Bytes(1000))));
  const Found found =
      read(test::pcap_file({{.frame = test::resized(whole, 54),
                             .wire_size = static_cast<std::uint32_t>(whole.size())}}));
  EXPECT_EQ(found.packets.size(), 1u);
}

TEST_F(File, AFrameLongerThanTheWireCarriedIsTakenAsCaptured) {
  const Found found =
      read(test::pcap_file({{.frame = test::ethernet(syn_to(22)), .wire_size = 10}}));
  EXPECT_EQ(found.packets.size(), 1u) << found.error;
}

TEST_F(File, DeliversWhatItCouldReadBeforeItSaysThatTheFileIsCut) {
  const Bytes whole = pcap_of({test::ethernet(syn_to(22)), test::ethernet(syn_to(23))});
  const std::size_t one_record = pcap_of({test::ethernet(syn_to(22))}).size();
  for (std::size_t size = one_record; size <= whole.size(); ++size) {
    const Found found = read(test::resized(whole, size));
    const bool is_cut = size != one_record && size != whole.size();
    EXPECT_EQ(found.packets.size(), size == whole.size() ? 2u : 1u) << size;
    EXPECT_EQ(found.error.starts_with("read(" + path_ + "): file ends inside a record"), is_cut)
        << size << " " << found.error;
  }
}

TEST_F(File, AnErrorStaysAnError) {
  Bytes file = pcap_of({test::ethernet(syn_to(22)), test::ethernet(syn_to(23))});
  file.pop_back();
  test::write_file(path_, file);
  const auto capture = test::open_file(path_);
  ASSERT_TRUE(capture.has_value());
  PacketBatch batch;
  EXPECT_EQ(*(*capture)->poll(batch), Poll::more);
  EXPECT_EQ(batch.size, 1u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE((*capture)->poll(batch).has_value());
    EXPECT_EQ(batch.size, 0u);
  }
}

TEST_F(File, ABlockThatClaimsMoreThanTheFileHasIsAnError) {
  const Bytes whole = test::pcapng_file({{.frame = test::ethernet(syn_to(22))}});
  for (const std::size_t missing : {1u, 4u}) {  // of the length at its end
    const Found found = read(test::resized(whole, whole.size() - missing));
    EXPECT_EQ(found.packets.size(), 1u);
    EXPECT_EQ(found.error, "read(" + path_ + "): file ends inside a record");
  }
}

TEST_F(File, PassesOverABlockLargerThanAnyBuffer) {
  const Found found =
      read(test::join({test::pcapng_header(), test::pcapng_block(5, Bytes(3 << 20)),
                       test::pcapng_record({.frame = test::ethernet(syn_to(22))})}));
  EXPECT_EQ(found.error, "");
  EXPECT_EQ(found.packets.size(), 1u);
}

TEST_F(File, AGzipStreamThatEndsEarlyIsAnError) {
  const Bytes packed = test::gzip(pcap_of({test::ethernet(syn_to(22))}));
  // The last eight bytes are checksum and size: with one of them missing all records are there.
  const Found found = read(test::resized(packed, packed.size() - 1));
  EXPECT_EQ(found.packets.size(), 1u);
  EXPECT_EQ(found.error, "read(" + path_ + "): gzip data ends early");
}

TEST_F(File, CorruptGzipIsAnError) {
  Bytes packed = test::gzip(pcap_of({test::ethernet(syn_to(22))}));
  packed[packed.size() - 8] ^= std::byte{1};  // CRC32
  const Found found = read(packed);
  EXPECT_TRUE(found.error.starts_with("read(" + path_ + "): corrupt gzip data: ")) << found.error;

  packed = test::resized(packed, 10);  // the gzip header
  test::put(packed, test::hex("ff ff ff ff"));
  EXPECT_TRUE(read(packed).error.starts_with("open(" + path_ + "): corrupt gzip data: "));
}

TEST_F(File, GzipCutAnywhereGivesAnErrorAndNoMoreThanIsThere) {
  const Bytes packed =
      test::gzip(pcap_of({test::ethernet(syn_to(22)), test::ethernet(syn_to(23))}));
  for (std::size_t size = 2; size < packed.size(); ++size) {
    const Found found = read(test::resized(packed, size));
    EXPECT_LE(found.packets.size(), 2u);
    EXPECT_NE(found.error.find("gzip data ends early"), std::string::npos) << size << found.error;
  }
}

TEST_F(File, AFileWithoutRecordsIsEmpty) {
  const Found found = read(pcap_of({}));
  EXPECT_EQ(found.error, "");
  EXPECT_EQ(found.stats.received, 0u);
}

TEST_F(File, ForeignAndBrokenFilesAreErrorsOfOpen) {
  const std::string open_failed = "open(" + path_ + "): ";
  EXPECT_EQ(read(test::hex("68656c6c6f 68656c6c6f 68656c6c6f")).error,
            open_failed + "not a pcap or pcapng file");
  for (const Bytes& header : {test::pcap_header(), test::pcapng_header()}) {
    for (std::size_t size = 0; size < header.size(); ++size) {
      EXPECT_EQ(read(test::resized(header, size)).error,
                open_failed + "file ends inside its header");
    }
  }
  EXPECT_EQ(read(pcap_of({}, 127)).error,
            open_failed + "link type 127 (IEEE802_11_RADIO) is not supported");
}

TEST_F(File, WhatIsNoFileIsAnErrorOfOpen) {
  const auto missing = test::open_file(path_ + ".missing");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().what, "open(" + path_ + ".missing): No such file or directory");
  EXPECT_EQ(missing.error().code, ENOENT);
}

// A directory of its own, gone with the object.
class Folder {
 public:
  explicit Folder(std::string path) : path_(std::move(path)) {
    std::filesystem::create_directory(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::string add(const std::string& name, const Bytes& bytes) const {
    test::write_file(path_ + "/" + name, bytes);
    return path_ + "/" + name;
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST_F(File, ADirectoryStandsForItsCaptureFilesByName) {
  const Folder folder(path_ + ".d");
  const auto file_of = [](Port port) { return pcap_of({test::ethernet(syn_to(port))}); };
  (void)folder.add("b.pcap", file_of(2));
  (void)folder.add("a.pcap", file_of(1));
  (void)folder.add("c.pcapng", test::pcapng_header());
  (void)folder.add("d.gz", test::gzip(file_of(4)));
  (void)folder.add("readme", test::counting(100));
  (void)folder.add("empty", {});
  std::filesystem::create_directory(folder.path() + "/inside");
  CaptureRequest request;
  request.paths = {folder.path()};
  const auto file = std::ranges::find(capture_table(), "file", &CapturePlugin::name);
  auto engines = (*file)->open(request);
  ASSERT_TRUE(engines) << engines.error().what;
  std::vector<Port> ports;
  for (const auto& capture : engines->front()) {
    for (const Packet& packet : drain(*capture).packets) ports.push_back(packet.target_port);
  }
  EXPECT_EQ(ports, (std::vector<Port>{1, 2, 4}));
}

TEST_F(File, ADirectoryWithoutCaptureFilesIsAnError) {
  const Folder folder(path_ + ".d");
  const auto capture = test::open_file(folder.path());
  ASSERT_FALSE(capture.has_value());
  EXPECT_EQ(capture.error().what, "open(" + folder.path() + "): no capture files in it");
}

TEST_F(File, OfSeveralFilesABrokenOneKeepsNobodyFromTheOthers) {
  const Folder folder(path_ + ".d");
  const std::string good = folder.add("good", pcap_of({test::ethernet(syn_to(22))}));
  const std::string foreign = folder.add("foreign", test::counting(100));
  CaptureRequest request;
  request.paths = {foreign, folder.path() + "/missing", good};
  const auto file = std::ranges::find(capture_table(), "file", &CapturePlugin::name);
  auto engines = (*file)->open(request);
  ASSERT_TRUE(engines) << engines.error().what;
  Captures& captures = engines->front();
  ASSERT_EQ(captures.size(), 3u);
  EXPECT_EQ(drain(*captures[0]).error, "open(" + foreign + "): not a pcap or pcapng file");
  EXPECT_EQ(drain(*captures[1]).error,
            "open(" + folder.path() + "/missing): No such file or directory");
  EXPECT_EQ(drain(*captures[2]).packets.size(), 1u);
}

TEST_F(File, SaysHowMuchOfItIsRead) {
  const Bytes bytes = pcap_of({test::ethernet(syn_to(22))});
  test::write_file(path_, bytes);
  const auto capture = test::open_file(path_);
  ASSERT_TRUE(capture.has_value());
  EXPECT_EQ((*capture)->stats().size, bytes.size());
  EXPECT_EQ(drain(**capture).stats.position, bytes.size());
}

bool is_readable(const Capture& capture) {
  pollfd waiting{.fd = capture.fd(), .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, 0) == 1;
}

TEST_F(File, IsAlwaysReadable) {
  test::write_file(path_, pcap_of({test::ethernet(syn_to(22))}));
  const auto capture = test::open_file(path_);
  ASSERT_TRUE(capture.has_value());
  EXPECT_TRUE(is_readable(**capture));
  EXPECT_EQ(drain(**capture).packets.size(), 1u);
  EXPECT_TRUE((*capture)->fd() == -1 || is_readable(**capture));
}

TEST_F(File, ReadsStandardInput) {
  test::write_file(path_, pcap_of({test::ethernet(syn_to(22))}));
  const UniqueFd saved(::dup(STDIN_FILENO));
  const UniqueFd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_GE(::dup2(file.get(), STDIN_FILENO), 0);
  const auto capture = test::open_file("-");
  (void)::dup2(saved.get(), STDIN_FILENO);
  ASSERT_TRUE(capture.has_value()) << capture.error().what;
  EXPECT_EQ(drain(**capture).packets.size(), 1u);
}

// A FIFO, into which the test writes piece by piece.
class Stream : public File {
 protected:
  Stream() {
    (void)::mkfifo(path_.c_str(), 0600);
    writer_.reset(::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  }
  void write(const Bytes& bytes) {
    ASSERT_EQ(::write(writer_.get(), bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
  }
  UniqueFd writer_;
};

TEST_F(Stream, NeverWaitsForTheRestOfARecord) {
  const std::vector<std::pair<Bytes, Bytes>> kinds = {
      {test::pcap_header(), test::pcap_record({.frame = test::ethernet(syn_to(22))})},
      {test::pcapng_header(), test::pcapng_record({.frame = test::ethernet(syn_to(22))})},
  };
  for (const auto& [header, record] : kinds) {
    write(header);
    const auto capture = test::open_file(path_);
    ASSERT_TRUE(capture.has_value()) << capture.error().what;
    PacketBatch batch;
    EXPECT_EQ(*(*capture)->poll(batch), Poll::idle);
    for (int round = 0; round < 3; ++round) {
      std::size_t packets = 0;
      for (const std::byte byte : record) {
        EXPECT_FALSE(is_readable(**capture));
        write({byte});
        EXPECT_TRUE(is_readable(**capture));
        ASSERT_EQ(*(*capture)->poll(batch), Poll::idle);
        packets += batch.size;
      }
      EXPECT_EQ(packets, 1u);
    }
    EXPECT_EQ((*capture)->stats().received, 3u);
  }
}

TEST_F(Stream, GivesWhatIsThereWithoutWaitingForMore) {
  write(pcap_of({test::ethernet(syn_to(22)), test::ethernet(syn_to(23))}));
  const auto capture = test::open_file(path_);
  ASSERT_TRUE(capture.has_value());
  PacketBatch batch;
  EXPECT_EQ(*(*capture)->poll(batch), Poll::idle);
  EXPECT_EQ(batch.size, 2u);
}

TEST_F(Stream, EndsWithItsLastWriter) {
  write(test::resized(pcap_of({test::ethernet(syn_to(22)), test::ethernet(syn_to(23))}), 100));
  const auto capture = test::open_file(path_);
  ASSERT_TRUE(capture.has_value());
  PacketBatch batch;
  EXPECT_EQ(*(*capture)->poll(batch), Poll::idle);
  EXPECT_EQ(batch.size, 1u);
  writer_.reset();
  EXPECT_TRUE(is_readable(**capture));
  EXPECT_TRUE(drain(**capture).error.starts_with("read(" + path_ + "): file ends inside a record"));
}

TEST_F(Stream, UnpacksGzipAsItComes) {
  const Bytes packed = test::gzip(pcap_of({test::ethernet(syn_to(22))}));
  const auto middle = packed.begin() + 40;
  write(Bytes(packed.begin(), middle));
  write(Bytes(middle, packed.end()));
  const auto capture = test::open_file(path_);
  ASSERT_TRUE(capture.has_value());
  PacketBatch batch;
  EXPECT_EQ(*(*capture)->poll(batch), Poll::idle);
  EXPECT_EQ(batch.size, 1u);
  writer_.reset();
  EXPECT_EQ(drain(**capture).error, "");
}

}  // namespace
}  // namespace scanlogd
