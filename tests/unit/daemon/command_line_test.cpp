// The command line: defaults, every option, and what it refuses.
#include "daemon/command_line.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace scanlogd {
namespace {

Result<Options> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "scanlogd");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

TEST(CommandLine, WithoutArgumentsItIsTheOriginal) {
  const auto options = parse({});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->action, Action::run);
  EXPECT_TRUE(options->daemonises());
  EXPECT_EQ(options->capture, "auto");
  EXPECT_EQ(options->profile, "classic");
  EXPECT_EQ(options->sinks, std::vector<std::string>{"syslog"});
  EXPECT_EQ(options->user, SCANLOGD_USER);
  EXPECT_EQ(options->chroot, SCANLOGD_CHROOT);
  EXPECT_FALSE(options->detector_options.has("threshold"));
}

TEST(CommandLine, TheForegroundAndFilesGoToStandardOutput) {
  EXPECT_EQ(parse({"-f"})->sinks, std::vector<std::string>{"stdout"});
  EXPECT_EQ(parse({"-r", "x.pcap"})->sinks, std::vector<std::string>{"stdout"});
  EXPECT_EQ(parse({"-f", "--log", "syslog,stdout"})->sinks,
            (std::vector<std::string>{"syslog", "stdout"}));
}

TEST(CommandLine, TheShorthandSetsThresholdDelayAndWeights) {
  const auto options = parse({"--threshold", "30,5s,2,1"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->detector_options.text("threshold"), "30");
  EXPECT_EQ(options->detector_options.text("delay"), "5s");
  EXPECT_EQ(options->detector_options.text("low_weight"), "2");
  EXPECT_EQ(options->detector_options.text("high_weight"), "1");
}

TEST(CommandLine, AnyPrefixOfTheShorthandWillDo) {
  const auto options = parse({"--threshold", "30,5s", "--low-weight", "4"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->detector_options.text("delay"), "5s");
  EXPECT_EQ(options->detector_options.text("low_weight"), "4");
  EXPECT_FALSE(options->detector_options.has("high_weight"));
}

TEST(CommandLine, TheShorthandRefusesTooMuchAndTwice) {
  EXPECT_FALSE(parse({"--threshold", "30,5s,2,1,9"}));
  const auto twice = parse({"--threshold", "30,5s", "--delay", "4s"});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().what, "--threshold: delay is given twice");
}

TEST(CommandLine, InterfacesRepeat) {
  EXPECT_EQ(parse({"-i", "eth0", "-i", "eth1"})->interfaces,
            (std::vector<std::string>{"eth0", "eth1"}));
}

TEST(CommandLine, LocalNetworksAreParsed) {
  const auto options = parse({"--local", "192.0.2.0/24,2001:db8::/32"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->local.size(), 2U);
  EXPECT_FALSE(parse({"--local", "192.0.2.1/24"}));
  EXPECT_FALSE(parse({"--local", ""}));
}

TEST(CommandLine, LiveOptionsMakeNoSenseWithAFile) {
  for (const std::vector<const char*>& extra :
       {std::vector{"-f"}, std::vector{"-p"}, std::vector{"-i", "eth0"},
        std::vector{"-c", "raw"}}) {
    std::vector<const char*> arguments = {"-r", "x.pcap"};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    EXPECT_FALSE(parse(arguments)) << extra.front();
  }
}

TEST(CommandLine, ASourceIsExplainedFromFilesOnly) {
  EXPECT_FALSE(parse({"-r", "x.pcap"})->explain);
  EXPECT_EQ(parse({"-r", "x.pcap", "--explain", "2001:db8::7"})->explain,
            parse_address("2001:db8::7").value());
  EXPECT_EQ(parse({"--explain", "192.0.2.1"}).error().what,
            "--explain: has a meaning with --read only; a daemon answers scanlogctl explain");
  EXPECT_EQ(parse({"-r", "x.pcap", "--explain", "192.0.2.0/24"}).error().what,
            "--explain: '192.0.2.0/24' is not an IPv4 or IPv6 address");
  EXPECT_FALSE(parse({"-r", "x.pcap", "--explain", "192.0.2.1", "-o", "json"}));
  EXPECT_FALSE(parse({"-r", "x.pcap", "--explain", "192.0.2.1", "--log", "stdout"}));
}

TEST(CommandLine, MemoryGoesToTheDetectorInBytes) {
  EXPECT_EQ(parse({"--memory", "16M"})->detector_options.text("memory"), "16777216");
  EXPECT_EQ(parse({"--memory", "small"})->detector_options.text("memory"), "1048576");
  EXPECT_FALSE(parse({})->detector_options.has("memory"));
  const auto wrong = parse({"--memory", "16 M"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().what, "--memory: '16 M' is not a size such as 16M, 512k, 1G or small");
}

TEST(CommandLine, StateIsKeptUnlessAFileIsRead) {
  EXPECT_EQ(parse({})->state, SCANLOGD_STATE);
  EXPECT_EQ(parse({"--state", "/srv/x"})->state, "/srv/x");
  EXPECT_EQ(parse({"--state", "none"})->state, "");
  EXPECT_EQ(parse({"-r", "x.pcap"})->state, "");
  EXPECT_EQ(parse({"-r", "x.pcap", "--state", "/srv/x"})->state, "/srv/x");
  EXPECT_FALSE(parse({"--state", ""}));
  EXPECT_EQ(parse({})->control, SCANLOGD_CONTROL);
  EXPECT_FALSE(parse({})->control_given);
  EXPECT_EQ(parse({"--control", "/srv/x"})->control, "/srv/x");
  EXPECT_TRUE(parse({"--control", "/srv/x"})->control_given) << "then it has to be made";
  EXPECT_EQ(parse({"-r", "x.pcap"})->control, "");
}

TEST(CommandLine, WhatIsNotToBeJudgedGoesToTheDetector) {
  const auto options = parse({"--profile", "full", "--ignore-sources", "192.0.2.0/24,::1",
                              "--ignore-targets", "192.0.2.1", "--ignore-ports", "53/udp",
                              "--watch-targets", "192.0.2.2", "--watch-ports", "22"});
  ASSERT_TRUE(options) << options.error().what;
  const Section& detector = options->detector_options;
  EXPECT_EQ(detector.text("ignore_sources"), "192.0.2.0/24,::1");
  EXPECT_EQ(detector.origin("ignore_sources"), "--ignore-sources");
  EXPECT_EQ(detector.text("ignore_targets"), "192.0.2.1");
  EXPECT_EQ(detector.text("ignore_ports"), "53/udp");
  EXPECT_EQ(detector.text("watch_targets"), "192.0.2.2");
  EXPECT_EQ(detector.text("watch_ports"), "22");
}

TEST(CommandLine, TheEgressAlarmIsAskedFor) {
  EXPECT_FALSE(parse({"--profile", "full"})->detector_options.has("egress"));
  const auto options = parse({"--profile", "full", "--egress", "--egress-ignore-targets",
                              "10.0.0.0/8", "--egress-ignore-ports", "25,icmp"});
  ASSERT_TRUE(options) << options.error().what;
  EXPECT_EQ(options->detector_options.text("egress"), "true");
  EXPECT_EQ(options->detector_options.origin("egress"), "--egress");
  EXPECT_EQ(options->detector_options.text("egress_ignore_targets"), "10.0.0.0/8");
  EXPECT_EQ(options->detector_options.text("egress_ignore_ports"), "25,icmp");
}

TEST(CommandLine, OneProcessAndNoSandboxAreAskedFor) {
  EXPECT_FALSE(parse({})->single);
  EXPECT_TRUE(parse({})->sandbox);
  EXPECT_TRUE(parse({"--single"})->single);
  EXPECT_FALSE(parse({"--no-sandbox"})->sandbox);
  EXPECT_FALSE(parse({"--single", "--engines", "2"}));
  EXPECT_TRUE(parse({"--single", "--engines", "1"}));
}

TEST(CommandLine, TheFormOfTheOutputIsForTheSinkToJudge) {
  EXPECT_TRUE(parse({})->sink_options.empty());
  EXPECT_EQ(parse({"-o", "json"})->sink_options.at("stdout").text("format"), "json");
}

TEST(CommandLine, UnknownOptionsAndStrayWordsAreRefused) {
  EXPECT_FALSE(parse({"--treshold", "21"}));
  EXPECT_FALSE(parse({"eth0"}));
  EXPECT_FALSE(parse({"-i"}));
  EXPECT_FALSE(parse({"-i", "eth0", "eth1"}));
}

TEST(CommandLine, HelpAndVersionArePrinted) {
  EXPECT_EQ(parse({"--version"})->text, "scanlogd " SCANLOGD_VERSION "\n");
  const auto help = parse({"--help"});
  ASSERT_TRUE(help);
  EXPECT_EQ(help->action, Action::print);
  for (const char* const option :
       {"--foreground", "--interface",  "--capture", "--read",       "--promiscuous", "--local",
        "--profile",    "--threshold",  "--delay",   "--low-weight", "--high-weight", "--sources",
        "--memory",     "--log",        "--user",    "--chroot",     "--state",       "--single",
        "--control",    "--no-sandbox", "--config",  "--no-config",  "--supervised",  "--output",
        "--list",       "--check",      "--version"}) {
    EXPECT_NE(help->text.find(option), std::string::npos) << option;
  }
}

TEST(CommandLine, WhatIfIsAboutFilesOrAboutWhatIsOnRecord) {
  const auto file = parse({"-r", "x.pcap", "--what-if", "threshold=22", "--what-if", "delay=5s"});
  ASSERT_TRUE(file) << file.error().what;
  EXPECT_EQ(file->action, Action::run);
  EXPECT_EQ(file->what_if->said, "threshold=22,delay=5s");
  EXPECT_FALSE(file->what_if->json);
  EXPECT_FALSE(file->detector_options.has("threshold"));

  const auto record = parse({"--state", "/srv/x", "--what-if", "threshold=22", "-o", "json",
                             "--since", "2d", "--profile", "full"});
  ASSERT_TRUE(record) << record.error().what;
  EXPECT_EQ(record->action, Action::weigh);
  EXPECT_EQ(record->state, "/srv/x");
  EXPECT_EQ(record->what_if->profile, "full");
  EXPECT_TRUE(record->what_if->json);
  EXPECT_EQ(record->what_if->since, std::chrono::hours(48));
}
TEST(CommandLine, WhatIfTakesNoOptionThatMeansNothingToIt) {
  EXPECT_EQ(parse({"--since", "1d"}).error().what,
            "--since: has a meaning with --what-if only, without --read");
  EXPECT_FALSE(parse({"-r", "x", "--what-if", "delay=5s", "--since", "1d"}));
  EXPECT_FALSE(parse({"-r", "x", "--what-if", "delay=5s", "--explain", "192.0.2.1"}));
  EXPECT_FALSE(parse({"-r", "x", "--what-if", "delay=5s", "--log", "stdout"}));
  EXPECT_FALSE(parse({"-r", "x", "--what-if", "delay=5s", "--check"}));
  EXPECT_EQ(parse({"-r", "x", "--what-if", "delay=5s", "-o", "xml"}).error().what,
            "--output: 'xml' is none of lines, json");
  EXPECT_EQ(parse({"--state", "none", "--what-if", "delay=5s"}).error().what,
            "--what-if: there is no store without --state");
  EXPECT_EQ(parse({"--what-if", "delay=5s", "--since", "soon"}).error().what,
            "--since: 'soon' must be a time such as 90s, 30m, 12h, 1d, 2w");
}

}  // namespace
}  // namespace scanlogd
