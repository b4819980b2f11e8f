// Events of EVE JSON; that they fit the documented schema is tests/formats' to show.
#include "core/eve.h"

#include <gtest/gtest.h>
#include <time.h>

#include <cstdlib>
#include <string>
#include <string_view>

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

Address address(std::string_view text) { return parse_address(text).value(); }

class Eve : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::setenv("TZ", "UTC", 1), 0);
    ::tzset();
  }

  static Scan scan() {
    using namespace std::chrono;
    Scan scan;
    scan.id = 17;
    scan.started = sys_days(2026y / November / 22) + 22h + 40min + 40s;
    scan.at = scan.detected = scan.started + 1500ms;
    scan.event.source = address("192.0.2.8");
    scan.event.source_port = 4445;
    scan.event.target = address("10.9.0.1");
    scan.event.flags_or = scan.event.flags_and = tcp_flag::syn;
    scan.event.ttl = 64;
    scan.event.port_count = 2;
    scan.event.ports[0] = 22;
    scan.event.ports[1] = 21;
    scan.ports = "21-22";
    return scan;
  }
  static std::string event(const Scan& scan, const Stamp& stamp = {}) {
    std::string out;
    append_eve(out, scan, stamp);
    return out;
  }
  static bool has(const std::string& event, std::string_view part) {
    return event.find(part) != std::string::npos;
  }
};

TEST_F(Eve, AClassicScanIsAnAlert) {
  EXPECT_EQ(
      event(scan(), {.boot = 0xabc, .sequence = 5}),
      R"({"timestamp":"2026-11-22T22:40:41.500000+0000","event_type":"alert","src_ip":"192.0.2.8",)"
      R"("src_port":4445,"dest_ip":"10.9.0.1","dest_port":22,"proto":"TCP","alert":{"action":)"
      R"("allowed","gid":122,"signature_id":1,"rev":1,"signature":"scanlogd: TCP port scan",)"
      R"("category":"Detection of a Network Scan","severity":3,"source":{"ip":"192.0.2.8"},)"
      R"("target":{"ip":"10.9.0.1"},"context":{"scan":{"id":17,"boot":"0000000000000abc",)"
      R"("sequence":5,"phase":"begin","kind":"vertical","rule":"classic","technique":"unknown",)"
      R"("tool":"unknown","verdict":"unverified","verdict_reason":"nothing speaks for or against )"
      R"(it","announce":"line","first":"2026-11-22T22:40:40.000000+0000","detected":)"
      R"("2026-11-22T22:40:41.500000+0000","ports":[22,21],"port_ranges":"21-22","tcp_flags":)"
      R"("fSrpauxy","tos":0,"ttl":64,"log":"192.0.2.8:4445 to 10.9.0.1 ports 22, 21, ..., )"
      R"(fSrpauxy, TOS 00, TTL 64 @22:40:40"}}},"tcp":{"tcp_flags":"02","syn":true}})");
}

TEST_F(Eve, WithoutABootThereIsNoStamp) {
  EXPECT_FALSE(has(event(scan()), "\"boot\""));
  EXPECT_FALSE(has(event(scan()), "\"sequence\""));
}

TEST_F(Eve, WhatVariedIsLeftOut) {
  Scan some = scan();
  some.event.varies = varies::source_port | varies::tos | varies::ttl;
  EXPECT_FALSE(has(event(some), "src_port"));
  EXPECT_FALSE(has(event(some), "\"tos\""));
  EXPECT_FALSE(has(event(some), "\"ttl\""));
}

TEST_F(Eve, TheEndHasItsReasonAndTotals) {
  Scan some = scan();
  some.event.phase = Phase::end;
  some.event.reason = EndReason::idle;
  some.event.packets = 1000;
  some.event.ports_total = 998;
  some.event.hosts_total = 1;
  some.event.open_total = 2;
  some.event.closed_total = 996;
  some.event.open_count = 2;
  some.event.open[0] = 22;
  some.event.open[1] = 443;
  EXPECT_TRUE(has(event(some), R"("phase":"end","end_reason":"idle")"));
  EXPECT_TRUE(has(event(some), R"("packets":1000,"hosts_total":1,"ports_total":998)"));
  EXPECT_TRUE(has(event(some), R"("open_total":2,"closed_total":996,"filtered_total":0,)"
                               R"("open_ports":[22,443])"));
}

TEST_F(Eve, NothingIsSaidOfAnswersThatNobodyLookedFor) { EXPECT_FALSE(has(event(scan()), "open")); }

TEST_F(Eve, NamesTechniquesToolAndVerdict) {
  Scan some = scan();
  some.event.technique = Technique::syn;
  some.event.techniques = 1U << 0 | 1U << 3;  // SYN, FIN
  some.event.tool = Tool::nmap;
  some.event.verdict = Verdict::proven;
  EXPECT_TRUE(has(event(some), R"("technique":"syn","techniques":["syn","fin"],"tool":"nmap",)"
                               R"("verdict":"proven","verdict_reason":"it completed)"));
}

TEST_F(Eve, AGroupListsItsSources) {
  Scan some = scan();
  some.event.kind = ScanKind::decoys;
  some.event.sources_total = 10;
  some.event.group_count = 2;
  some.event.group[0] = address("192.0.2.8");
  some.event.group[1] = address("2001:db8::1");
  EXPECT_TRUE(has(event(some), R"("sources_total":10,"sources":["192.0.2.8","2001:db8::1"])"));
  EXPECT_TRUE(has(event(some), R"("signature_id":2,)"));
}

TEST_F(Eve, ANetworkOfSourcesHasItsPrefix) {
  Scan some = scan();
  some.event.source = address("2001:db8::");
  some.event.source_prefix = 64;
  EXPECT_TRUE(has(event(some), R"("src_ip":"2001:db8::",)"));
  EXPECT_TRUE(has(event(some), R"("source_network":"2001:db8::/64")"));
}

TEST_F(Eve, WhatHasNoPortsShowsNone) {
  Scan some = scan();
  some.event.protocol = IpProto::icmp;
  EXPECT_FALSE(has(event(some), "src_port"));
  EXPECT_FALSE(has(event(some), "dest_port"));
  EXPECT_FALSE(has(event(some), "tcp"));
  EXPECT_TRUE(has(event(some), R"("proto":"ICMP")"));
}

TEST_F(Eve, AScanThatWasHeldBackHasTheLineItWouldHaveHad) {
  Scan some = scan();
  some.announce = Announce::held_back;
  EXPECT_TRUE(has(event(some), R"("announce":"held_back")"));
  EXPECT_TRUE(has(event(some), R"("log":"192.0.2.8:4445 to 10.9.0.1 ports 22, 21, ..., )"));
}

TEST_F(Eve, EventsStayBoundedAndLoseTheHighestPorts) {
  Scan some = scan();
  some.ports = "1";
  for (int port = 3; some.ports.size() < 100'000; port += 2) {
    some.ports += ',' + std::to_string(port);
  }
  some.event.port_count = ScanEvent::kMaxPorts;
  some.event.ports.fill(65535);
  some.event.open_count = ScanEvent::kMaxOpen;
  some.event.open.fill(65535);
  some.event.open_total = some.event.ports_total = some.event.hosts_total = ~std::uint32_t{0};
  some.event.group_count = ScanEvent::kMaxGroup;
  some.event.group.fill(address("2001:db8:1111:2222:3333:4444:5555:6666"));
  some.event.source = some.event.target = some.event.group[0];
  some.sources.assign(ScanSources::kMost, some.event.source);
  some.event.source_prefix = 128;
  some.event.techniques = 0xffff;
  some.event.flags_or = 0xff;
  some.id = some.event.packets = ~std::uint64_t{0};
  const std::string text = event(some, {.boot = ~std::uint64_t{0}, .sequence = ~std::uint64_t{0}});
  EXPECT_LE(text.size(), kMaxEveLength);
  EXPECT_TRUE(has(text, R"("port_ranges":"1,3,5,)"));
  EXPECT_TRUE(has(text, R"("port_ranges_cut":true)"));
  EXPECT_FALSE(has(text, ",\","));
}

TEST_F(Eve, ANoticeIsAnEventOfTheEngine) {
  std::string out;
  append_eve(out, make_notice(Severity::warning, {}, "blind on \"eth0\""), {});
  EXPECT_EQ(out,
            R"({"timestamp":"1970-01-01T00:00:00.000000+0000","event_type":"engine","log_level":)"
            R"("Warning","engine":{"message":"blind on \"eth0\""}})");
}

TEST_F(Eve, ANoticeSaysWhereItStandsAmongAllMessages) {
  std::string out;
  append_eve(out, make_notice(Severity::info, {}, "x"), {.boot = 7, .sequence = 42});
  EXPECT_TRUE(out.ends_with(R"(,"metadata":{"flowints":{"scanlogd.sequence":42}}})")) << out;
}

}  // namespace
}  // namespace scanlogd
