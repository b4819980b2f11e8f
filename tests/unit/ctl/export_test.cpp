// `scanlogctl export`.
#include <gtest/gtest.h>

#include "core/eve.h"
#include "support/ctl.h"

namespace scanlogd::test {
namespace {

class CtlExport : public CtlTest {
 protected:
  void SetUp() override {
    CtlTest::SetUp();
    Store store = open();
    const auto proven = [](std::uint64_t id, std::string_view source) {
      Scan some = scan(id, source);
      some.event.verdict = Verdict::proven;
      return some;
    };
    Scan group = proven(5, "192.0.2.50");
    group.event.sources_total = 2;
    Scan network = proven(6, "198.51.100.0");
    network.event.source_prefix = 24;
    Scan suspect = scan(7, "192.0.2.70");
    suspect.event.verdict = Verdict::suspect;
    write(store,
          {message(scan(1)), message(proven(2, "192.0.2.9")), message(proven(3, "192.0.2.9")),
           message(proven(4, "2001:db8::7")), message(group), message(network), message(suspect)});
  }
};

TEST_F(CtlExport, ASetForNftablesHoldsProvenSourcesOnceAndNothingElse) {
  const std::string text = run(ctl::export_scans, {"export", "nft"});
  EXPECT_TRUE(text.starts_with("# Sources of scans that scanlogd has proven")) << text;
  EXPECT_TRUE(
      text.ends_with("table inet scanlogd {\n"
                     "  set scanlogd4 {\n"
                     "    type ipv4_addr\n"
                     "    elements = {\n"
                     "      192.0.2.9\n"
                     "    }\n"
                     "  }\n"
                     "  set scanlogd6 {\n"
                     "    type ipv6_addr\n"
                     "    elements = {\n"
                     "      2001:db8::7\n"
                     "    }\n"
                     "  }\n"
                     "}\n"))
      << text;
}

TEST_F(CtlExport, ASetCannotBeMadeOfOthers) {
  EXPECT_EQ(run(ctl::export_scans, {"export", "nft", "--verdict", "suspect"}),
            "export(nft): only sources that are proven can be exported");
}

TEST_F(CtlExport, ASetWithoutElementsHasNone) {
  EXPECT_EQ(
      run(ctl::export_scans, {"export", "nft", "--source", "203.0.113.0/24"}).find("elements"),
      std::string::npos);
}

TEST_F(CtlExport, CsvHasAHeaderAndALineForEachScan) {
  EXPECT_EQ(run(ctl::export_scans, {"export", "csv", "--source", "192.0.2.8"}),
            "id,first,detected,last,phase,source,source_port,target,hosts,protocol,kind,technique,"
            "tool,verdict,packets,ports_total,ports,open_total,closed_total,filtered_total,"
            "open_ports\r\n"
            "1,2024-11-26T12:00:59.000000+0000,2024-11-26T12:01:00.000000+0000,"
            "2024-11-26T12:01:00.000000+0000,begin,192.0.2.8,1,10.9.0.1,0,TCP,vertical,unknown,"
            "unknown,unverified,0,2,\"21-22\",0,0,0,\"\"\r\n");
}

TEST_F(CtlExport, JsonIsEvents) {
  std::string event;
  append_eve(event, scan(1), {});
  EXPECT_EQ(run(ctl::export_scans, {"export", "json", "--source", "192.0.2.8"}), event + '\n');
}

}  // namespace
}  // namespace scanlogd::test
