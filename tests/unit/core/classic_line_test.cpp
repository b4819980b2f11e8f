// The line of scanlogd(8), byte for byte; expectations from lines that scanlogd 2.2.8 really wrote.
#include "core/classic_line.h"

#include <gtest/gtest.h>
#include <time.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

Address address(std::string_view text) { return parse_address(text).value(); }

class ClassicLine : public ::testing::Test {
 protected:
  void SetUp() override { zone("UTC"); }
  void TearDown() override { zone("UTC"); }

  static void zone(const char* name) {
    ASSERT_EQ(::setenv("TZ", name, 1), 0);
    ::tzset();
  }

  static Scan scan(std::vector<Port> ports = {21, 22, 23, 25, 80, 110}) {
    Scan scan;
    using namespace std::chrono;
    scan.started = sys_days(2026y / November / 22) + 22h + 40min + 40s;
    scan.event.source = address("192.0.2.8");
    scan.event.source_port = 4445;
    scan.event.target = address("10.9.0.1");
    scan.event.flags_or = scan.event.flags_and = tcp_flag::syn;
    scan.event.ttl = 64;
    scan.event.port_count = static_cast<std::uint8_t>(ports.size());
    std::copy(ports.begin(), ports.end(), scan.event.ports.begin());
    return scan;
  }
  static std::string line(const Scan& scan) {
    LineBuffer buffer;
    return std::string(format_classic_line(scan, buffer));
  }
};

TEST_F(ClassicLine, SaysEverythingThatStayedConstant) {
  EXPECT_EQ(line(scan()),
            "192.0.2.8:4445 to 10.9.0.1 ports 21, 22, 23, 25, 80, 110, ..., fSrpauxy, TOS 00, TTL "
            "64 @22:40:40");
}

TEST_F(ClassicLine, LeavesOutWhatVaried) {
  Scan some = scan();
  some.event.varies = varies::target | varies::tos | varies::ttl;
  EXPECT_EQ(line(some),
            "192.0.2.8:4445 to 10.9.0.1 and others, ports 21, 22, 23, 25, 80, 110, ..., fSrpauxy "
            "@22:40:40");
  some.event.varies = varies::source_port;
  EXPECT_EQ(line(some),
            "192.0.2.8 to 10.9.0.1 ports 21, 22, 23, 25, 80, 110, ..., fSrpauxy, TOS 00, TTL 64 "
            "@22:40:40");
}

TEST_F(ClassicLine, TosIsTwoHexDigitsAndTtlDecimal) {
  Scan some = scan({1});
  some.event.tos = 0xb8;
  some.event.ttl = 255;
  EXPECT_EQ(line(some),
            "192.0.2.8:4445 to 10.9.0.1 ports 1, ..., fSrpauxy, TOS b8, TTL 255 @22:40:40");
}

TEST_F(ClassicLine, FlagStringsAreThoseOfTheOriginal) {
  const auto text = [](std::uint8_t ever, std::uint8_t always) {
    const auto flags = format_flags(ever, always);
    return std::string(flags.data(), flags.size());
  };
  EXPECT_EQ(text(0, 0), "fsrpauxy");
  EXPECT_EQ(text(tcp_flag::fin, tcp_flag::fin), "Fsrpauxy");
  EXPECT_EQ(text(0x29, 0x29), "FsrPaUxy");
  EXPECT_EQ(text(0xc2, 0xc2), "fSrpauXY");
  EXPECT_EQ(text(tcp_flag::syn | tcp_flag::rst, 0), "f??pauxy");
  EXPECT_EQ(text(0xff, 0xff), "FSRPAUXY");
}

TEST_F(ClassicLine, PortsAreLeftOffFromTheEndUntilTheLineHas120Bytes) {
  Scan some = scan({10001, 10002, 10003, 10004, 10005, 10006, 10007, 10008, 10009});
  const std::string text = line(some);
  EXPECT_LE(text.size(), 120U);
  EXPECT_GT(text.size(), 120U - 7U) << "one more port would have fitted";
  EXPECT_NE(text.find("10001, "), std::string::npos);
  EXPECT_EQ(text.find("10009"), std::string::npos);
}

TEST_F(ClassicLine, ALineOf120BytesKeepsAllItsPortsAndOneOf121LosesOne) {
  // 192.0.2.8:4445 to 10.9.0.1 ports ..., fSrpauxy, TOS 00, TTL 64 @22:40:40 is 72 bytes.
  Scan some = scan({10001, 10002, 10003, 10004, 10005, 10006, 1234});
  ASSERT_EQ(line(scan({1})).size(), 72U + 3U);
  EXPECT_EQ(line(some).size(), 120U);
  EXPECT_NE(line(some).find("1234, "), std::string::npos);
  some.event.source_port = 44455;
  EXPECT_EQ(line(some).size(), 115U);
  EXPECT_EQ(line(some).find(" 1234, "), std::string::npos);
}

TEST_F(ClassicLine, AtLeastOnePortStays) {
  Scan some = scan({65535, 65534});
  some.event.source = address("2001:db8:1111:2222:3333:4444:5555:6666");
  some.event.target = address("2001:db8:7777:8888:9999:aaaa:bbbb:cccc");
  const std::string text = line(some);
  EXPECT_GT(text.size(), 120U);
  EXPECT_NE(text.find("ports 65535, ..., "), std::string::npos);
}

TEST_F(ClassicLine, Ipv6StandsInBracketsWithAndWithoutPort) {
  Scan some = scan({1});
  some.event.source = address("2001:db8::7");
  some.event.target = address("2001:db8::1");
  EXPECT_TRUE(line(some).starts_with("[2001:db8::7]:4445 to [2001:db8::1] ports 1, "));
  some.event.varies = varies::source_port;
  EXPECT_TRUE(line(some).starts_with("[2001:db8::7] to [2001:db8::1] ports 1, "));
}

TEST_F(ClassicLine, TheLimiterHasItsOwnWords) {
  Scan some = scan();
  some.announce = Announce::more_follow;
  EXPECT_EQ(line(some), "More possible port scans follow");
  some.announce = Announce::held_back;
  EXPECT_EQ(line(some), "");
}

TEST_F(ClassicLine, WhatElseIsKnownStandsBeforeTheTime) {
  Scan some = scan({53});
  ScanEvent& event = some.event;
  event.rule = ScanRule::fast;
  event.flags_or = event.flags_and = 0;
  event.protocol = IpProto::udp;
  EXPECT_TRUE(line(some).ends_with(" ports 53, ..., fsrpauxy, TOS 00, TTL 64, UDP @22:40:40"));
  event.protocol = IpProto::tcp;
  event.kind = ScanKind::horizontal;
  event.rule = ScanRule::slow;
  EXPECT_TRUE(line(some).ends_with(", TTL 64, sweep, slow @22:40:40"));
  event.kind = ScanKind::distributed;
  event.rule = ScanRule::novelty;
  event.sources_total = 57;
  EXPECT_TRUE(line(some).ends_with(", TTL 64, distributed 57 @22:40:40"));
  event.kind = ScanKind::decoys;
  event.sources_total = 11;
  event.verdict = Verdict::suspect;
  EXPECT_TRUE(line(some).ends_with(", TTL 64, decoys 11, suspect @22:40:40"));
  event.kind = ScanKind::vertical;
  event.verdict = Verdict::proven;
  event.open = {22, 443};
  event.open_count = 2;
  event.open_total = 2;
  EXPECT_TRUE(line(some).ends_with(", TTL 64, proven, open 22,443 @22:40:40"));
  event.open_total = 20;
  event.open_count = 16;
  EXPECT_TRUE(line(some).ends_with(", proven, open 22,443,0,0,0,0,0,0,... @22:40:40"));
  event.source_prefix = 24;
  EXPECT_NE(line(some).find(", network /24, proven,"), std::string::npos);
}

TEST_F(ClassicLine, WhatHasNoPortsIsNotSaidToComeFromOne) {
  Scan some = scan({});
  some.event.rule = ScanRule::fast;
  some.event.varies = 0;
  for (const IpProto protocol : {IpProto::icmp, IpProto::icmpv6, IpProto{47}}) {
    some.event.protocol = protocol;
    EXPECT_TRUE(line(some).starts_with("192.0.2.8 to ")) << line(some);
  }
  some.event.protocol = IpProto::udp;
  EXPECT_TRUE(line(some).starts_with("192.0.2.8:")) << line(some);
}

TEST_F(ClassicLine, TheOriginalsRuleSaysWhatTheOriginalSaid) {
  Scan some = scan();
  const std::string before = line(some);
  some.event.kind = ScanKind::block;
  some.event.verdict = Verdict::proven;
  some.event.open_count = 1;
  some.event.protocol = IpProto::tcp;
  EXPECT_EQ(line(some), before);
}

TEST_F(ClassicLine, LinesOfOtherRulesMayBeLonger) {
  std::vector<Port> ports;
  for (Port port = 10001; port <= 10040; ++port) ports.push_back(port);
  Scan some = scan(ports);
  some.event.rule = ScanRule::fast;
  EXPECT_LE(line(some).size(), 240U);
  EXPECT_GT(line(some).size(), 240U - 7U);
}

TEST_F(ClassicLine, AnEndHasAllPortsAndTheTotals) {
  Scan some = scan();
  some.event.phase = Phase::end;
  some.event.ports_total = 1025;
  some.event.hosts_total = 1;
  some.ports = "1-1024,3306";
  some.last = some.started + 65s;
  EXPECT_EQ(line(some),
            "192.0.2.8 to 10.9.0.1 ports 1-1024,3306, fSrpauxy, end: 1025 ports, 1 host, 65 s "
            "@22:40:40");
  some.event.varies = varies::target;
  some.event.rule = ScanRule::fast;
  some.event.verdict = Verdict::proven;
  some.event.hosts_total = 3;
  EXPECT_EQ(line(some),
            "192.0.2.8 to 10.9.0.1 and others, ports 1-1024,3306, fSrpauxy, proven, end: 1025 "
            "ports, 3 hosts, 65 s @22:40:40");
}

TEST_F(ClassicLine, AnEndWithManyPortsIsCutBetweenRanges) {
  Scan some = scan();
  some.event.phase = Phase::end;
  for (int port = 1; port < 2000; port += 2) {
    some.ports += (some.ports.empty() ? "" : ",") + std::to_string(port);
  }
  EXPECT_LE(line(some).size(), 240U);
  EXPECT_GT(line(some).size(), 230U);
  EXPECT_NE(line(some).find(",..., fSrpauxy, end: "), std::string::npos);
  some.ports.clear();
  EXPECT_EQ(line(some), "192.0.2.8 to 10.9.0.1 ports ..., fSrpauxy, end: 0 s @22:40:40");
}

TEST_F(ClassicLine, WhatIsNoScanDoesNotLookLikeOne) {
  Scan some = scan();
  some.event.rule = ScanRule::new_sources;
  some.event.kind = ScanKind::flood;
  some.event.sources_total = 5012;
  EXPECT_EQ(line(some), "Flood: 5012 new sources, first 192.0.2.8 @22:40:40");
  some.event.kind = ScanKind::backscatter;
  some.event.ports_total = 12;
  EXPECT_EQ(line(some), "Backscatter: answers from 192.0.2.8, 12 ports @22:40:40");
}

TEST_F(ClassicLine, AScanByThisMachineIsMarkedFromItsFirstWordOn) {
  Scan some = scan();
  some.event.kind = ScanKind::egress;
  some.event.rule = ScanRule::fast;
  some.event.varies = varies::target;
  EXPECT_EQ(line(some),
            "Egress: 192.0.2.8:4445 to 10.9.0.1 and others, ports 21, 22, 23, 25, 80, 110, ..., "
            "fSrpauxy, TOS 00, TTL 64 @22:40:40");
  some.event.phase = Phase::end;
  some.event.ports_total = 6;
  some.event.hosts_total = 300;
  some.last = some.started + 20s;
  EXPECT_TRUE(line(some).starts_with("Egress: 192.0.2.8 to 10.9.0.1 and others, ports "));
  EXPECT_TRUE(line(some).ends_with("end: 6 ports, 300 hosts, 20 s @22:40:40"));
}

TEST_F(ClassicLine, WhoScansFromHereStandsBeforeTheTime) {
  Scan some = scan({22});
  some.event.kind = ScanKind::egress;
  some.event.rule = ScanRule::fast;
  some.event.sender = {.cgroup = 4711, .uid = 33, .is_known = true};
  EXPECT_TRUE(line(some).ends_with(", TTL 64, uid 33, cgroup 4711 @22:40:40")) << line(some);
  some.unit = "cron.service";
  EXPECT_TRUE(line(some).ends_with(", TTL 64, uid 33, unit cron.service @22:40:40")) << line(some);
}

TEST_F(ClassicLine, TimeIsLocalTime) {
  zone("Asia/Kathmandu");
  if (::timezone == 0) GTEST_SKIP() << "no zone data for Asia/Kathmandu (package tzdata)";
  EXPECT_TRUE(line(scan()).ends_with("@04:25:40"));
}

TEST_F(ClassicLine, SecondsAreRoundedDownEvenBefore1970) {
  Scan some = scan({1});
  some.started = std::chrono::system_clock::time_point(-1ms);
  EXPECT_TRUE(line(some).ends_with("@23:59:59"));
}

TEST_F(ClassicLine, SyslogTimePadsTheDayWithASpace) {
  std::array<char, 16> buffer{};
  using std::chrono::sys_days;
  using namespace std::chrono;
  EXPECT_EQ(format_syslog_time(sys_days(2026y / November / 2) + 3h + 4min + 5s, buffer),
            "Nov  2 03:04:05");
  EXPECT_EQ(format_syslog_time(sys_days(2026y / May / 31) + 23h, buffer), "May 31 23:00:00");
}

}  // namespace
}  // namespace scanlogd
