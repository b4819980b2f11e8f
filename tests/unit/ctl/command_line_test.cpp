// The command line of scanlogctl.
#include "ctl/command_line.h"

#include <gtest/gtest.h>

#include "support/ctl.h"

namespace scanlogd::ctl {
namespace {

using test::kNoon;
using test::parse;
using namespace std::chrono_literals;

std::string complaint(std::initializer_list<const char*> words) {
  const auto request = parse(words);
  return request ? "" : request.error().what;
}

TEST(CtlCommandLine, KnowsEachSubcommand) {
  EXPECT_EQ(parse({"status"})->command, Command::status);
  EXPECT_EQ(parse({"list"})->command, Command::list);
  EXPECT_EQ(parse({"show", "17"})->id, 17U);
  EXPECT_EQ(parse({"top", "networks"})->by, TopBy::network);
  EXPECT_TRUE(parse({"tail", "-f"})->follow);
  EXPECT_EQ(parse({"export", "nft"})->format, ExportFormat::nft);
}

TEST(CtlCommandLine, TakesCommonOptionsBeforeAndAfterTheSubcommand) {
  EXPECT_TRUE(parse({"-o", "json", "list"})->json);
  const auto request = parse({"list", "-o", "json", "--state", "/x"});
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->json);
  EXPECT_EQ(request->state, "/x");
}

TEST(CtlCommandLine, FillsTheFilter) {
  const auto request = parse(
      {"list", "--since",     "1d",  "--until",    "90m",    "--source", "192.0.2.0/24", "--port",
       "22",   "--technique", "syn", "--verdict",  "proven", "--kind",   "block",        "--tool",
       "nmap", "--min-ports", "100", "--going-on", "-n",     "5"});
  ASSERT_TRUE(request) << request.error().what;
  const ScanFilter& filter = request->filter;
  EXPECT_EQ(filter.since, kNoon - 24h);
  EXPECT_EQ(filter.until, kNoon - 90min);
  EXPECT_EQ(filter.source->prefix, 24);
  EXPECT_EQ(filter.port, 22);
  EXPECT_EQ(filter.technique, Technique::syn);
  EXPECT_EQ(filter.verdict, Verdict::proven);
  EXPECT_EQ(filter.kind, ScanKind::block);
  EXPECT_EQ(filter.tool, Tool::nmap);
  EXPECT_EQ(filter.min_ports, 100U);
  EXPECT_TRUE(filter.goes_on);
  EXPECT_EQ(request->limit, 5U);
}

TEST(CtlCommandLine, AgesHaveUnits) {
  EXPECT_EQ(parse({"list", "--since", "2w"})->filter.since, kNoon - 14 * 24h);
  EXPECT_EQ(parse({"list", "--since", "90s"})->filter.since, kNoon - 90s);
  for (const char* const wrong : {"1", "d", "0d", "-1d", "1y", "100001d", "1.5h"}) {
    EXPECT_EQ(complaint({"list", "--since", wrong}),
              std::string("--since: '") + wrong + "' must be a time such as 90s, 30m, 12h, 1d, 2w");
  }
}

TEST(CtlCommandLine, KnowsWhereDatabasesOfNetworksAre) {
  const auto usual = parse({"top", "countries"});
  ASSERT_TRUE(usual);
  EXPECT_TRUE(usual->by_country);
  EXPECT_FALSE(usual->locations_given);
  EXPECT_EQ(usual->locations, (std::vector<std::string>{"/usr/share/libloc-location/location.db",
                                                        "/var/lib/location/database.db"}));
  for (const auto& words :
       {std::initializer_list<const char*>{"report"}, {"show", "1"}, {"top", "sources"}}) {
    std::vector<const char*> all = {"scanlogctl"};
    all.insert(all.end(), words);
    all.insert(all.end(), {"--locations", "/x"});
    const auto named = parse_command_line(static_cast<int>(all.size()), all.data(), kNoon);
    ASSERT_TRUE(named);
    EXPECT_TRUE(named->locations_given);
    EXPECT_FALSE(named->by_country);
    EXPECT_EQ(named->locations, std::vector<std::string>{"/x"});
  }
  EXPECT_NE(complaint({"list", "--locations", "/x"}), "") << "it has no use for one";
}

TEST(CtlCommandLine, SaysWhatIsWrong) {
  EXPECT_EQ(complaint({"list", "--port", "65536"}),
            "--port: '65536' must be a number from 0 to 65535");
  EXPECT_EQ(complaint({"list", "--verdict", "guilty"}),
            "--verdict: 'guilty' must be one of unverified, proven, answered, suspect, impossible");
  EXPECT_EQ(complaint({"show", "x"}), "ID: 'x' must be a number from 1 to 9223372036854775807");
  EXPECT_EQ(complaint({"top", "x"}),
            "top: 'x' must be sources, ports, targets, networks, countries, techniques or tools");
  EXPECT_EQ(complaint({"export", "xml"}), "export: 'xml' must be csv, json or nft");
  EXPECT_EQ(complaint({"-o", "xml", "list"}), "--output: 'xml' must be text or json");
  EXPECT_EQ(complaint({}), "a subcommand is missing; try scanlogctl --help");
  EXPECT_NE(complaint({"frob"}), "");
  EXPECT_NE(complaint({"list", "--source", "192.0.2.1/24"}), "");
}

TEST(CtlCommandLine, HelpAndVersionAreText) {
  EXPECT_EQ(parse({"--version"})->text, "scanlogctl " SCANLOGD_VERSION "\n");
  EXPECT_NE(parse({"--help"})->text.find("export"), std::string::npos);
  EXPECT_NE(parse({"list", "--help"})->text.find("--min-ports"), std::string::npos);
  EXPECT_EQ(parse({"list", "--help"})->command, Command::print);
}

}  // namespace
}  // namespace scanlogd::ctl
