// The configuration file: what each section sets, what it passes on, and every refusal with its
// line.
#include "daemon/config_file.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

Result<Options> parse(std::string_view text) { return parse_config(text, "s.toml", Options()); }

std::string complaint(std::string_view text) {
  const auto options = parse(text);
  return options ? "" : options.error().what;
}

TEST(ConfigFile, WithoutAnythingSetItChangesNothing) {
  for (const std::string_view text :
       {"", "# only a comment\n", "[daemon]\n[capture]\n[detect]\n[log]\n"}) {
    EXPECT_EQ(parse(text).value(), Options()) << text;
  }
}

TEST(ConfigFile, TheDaemonSectionSaysHowToRun) {
  const auto options = parse(R"(
    [daemon]
    user = "watcher"
    chroot = "/srv/empty"
    state = "/srv/state"
    engines = 2
    single = true
    sandbox = false
    accounts = "1m"
  )");
  ASSERT_TRUE(options) << options.error().what;
  EXPECT_EQ(options->user, "watcher");
  EXPECT_FALSE(options->user_given);
  EXPECT_EQ(options->chroot, "/srv/empty");
  EXPECT_FALSE(options->chroot_given);
  EXPECT_EQ(options->state, "/srv/state");
  EXPECT_EQ(options->engines, 2U);
  EXPECT_TRUE(options->single);
  EXPECT_FALSE(options->sandbox);
  EXPECT_EQ(options->accounts, 1min);
}

TEST(ConfigFile, TheCaptureSectionSaysWhatToWatchAndPassesOnWhatItDoesNotKnow) {
  const auto options = parse(R"(
    [capture]
    backend = "raw"
    interfaces = ["eth0", "eth1"]
    local = ["192.0.2.0/24", "2001:db8::/32"]
    outgoing = true
    promiscuous = true
    blocks = 64
  )");
  ASSERT_TRUE(options) << options.error().what;
  EXPECT_EQ(options->capture, "raw");
  EXPECT_EQ(options->interfaces, (std::vector<std::string>{"eth0", "eth1"}));
  EXPECT_EQ(options->local.size(), 2U);
  EXPECT_TRUE(options->outgoing);
  EXPECT_EQ(options->capture_options.text("promiscuous"), "true");
  EXPECT_EQ(options->capture_options.text("blocks"), "64");
  EXPECT_EQ(options->capture_options.origin("blocks"), "s.toml:8");
}

TEST(ConfigFile, WhatIsNotPromiscuousIsNotPassedOn) {
  EXPECT_FALSE(parse("[capture]\npromiscuous = false\n")->capture_options.has("promiscuous"));
}

TEST(ConfigFile, AListMayBeOneString) {
  EXPECT_EQ(parse("[capture]\ninterfaces = 'eth0,eth1'\n")->interfaces,
            (std::vector<std::string>{"eth0", "eth1"}));
  EXPECT_TRUE(parse("[capture]\nlocal = []\n")->local.empty());
}

TEST(ConfigFile, DetectorsGetTheirSections) {
  const auto options = parse(R"(
    [detect]
    profile = "classic"
    [detect.classic]
    threshold = 30
    delay = "5s"
  )");
  ASSERT_TRUE(options) << options.error().what;
  EXPECT_EQ(options->profile, "classic");
  const Section& classic = options->profile_options.find("classic")->second;
  EXPECT_EQ(classic.text("threshold"), "30");
  EXPECT_EQ(classic.origin("threshold"), "s.toml:5");
  EXPECT_EQ(classic.text("delay"), "5s");
}

TEST(ConfigFile, ListsOfNetworksAndPortsReachTheirDetector) {
  const auto options = parse(R"(
    [detect.full]
    ignore_sources = ["192.0.2.0/24", "2001:db8::/32"]
    ignore_ports = [53, "8000-8100/tcp"]
    watch_ports = []
  )");
  ASSERT_TRUE(options) << options.error().what;
  const Section& full = options->profile_options.at("full");
  EXPECT_EQ(full.text("ignore_sources"), "192.0.2.0/24,2001:db8::/32");
  EXPECT_EQ(full.text("ignore_ports"), "53,8000-8100/tcp");
  EXPECT_EQ(full.origin("ignore_ports"), "s.toml:4");
  EXPECT_EQ(full.text("watch_ports"), "");
}

TEST(ConfigFile, MemoryIsForEveryDetectorThatHasNoneOfItsOwn) {
  const auto memory = [](std::string_view text) {
    return std::string(*parse(text)->profile_options.find("classic")->second.text("memory"));
  };
  EXPECT_EQ(memory("[detect]\nmemory = '2M'\n"), "2097152");
  EXPECT_EQ(memory("[detect]\nmemory = 1048576\n"), "1048576");
  EXPECT_EQ(memory("[detect]\nmemory = '2M'\n[detect.classic]\nmemory = '1M'\n"), "1M");
  EXPECT_FALSE(parse("[detect]\nmemory = '2M'\n[detect.classic]\nsources = 512\n")
                   ->profile_options.find("classic")
                   ->second.has("memory"));
}

TEST(ConfigFile, TheShorthandOfFirewallsIsUnderstood) {
  const auto options = parse("[detect.classic]\nthreshold = '30,5s,2,1'\n");
  const Section& classic = options->profile_options.find("classic")->second;
  EXPECT_EQ(classic.text("threshold"), "30");
  EXPECT_EQ(classic.text("delay"), "5s");
  EXPECT_EQ(classic.text("high_weight"), "1");
  EXPECT_EQ(complaint("[detect.classic]\nthreshold = '30,5s'\ndelay = '5s'\n"),
            "s.toml:2: delay is given twice");
}

TEST(ConfigFile, SinksGetTheirSections) {
  const auto options = parse(R"(
    [log]
    sinks = ["syslog", "stdout"]
    [log.syslog]
    socket = "/run/log"
  )");
  ASSERT_TRUE(options) << options.error().what;
  EXPECT_EQ(options->sinks, (std::vector<std::string>{"syslog", "stdout"}));
  EXPECT_EQ(options->sink_options.find("syslog")->second.text("socket"), "/run/log");
}

TEST(ConfigFile, PluginsAreGivenEveryPlainValueAsText) {
  const auto options = parse(R"(
    [capture]
    text = "a b"
    number = -3
    fraction = 2.5
    flag = true
    list = [1, "two", false]
    none = []
  )");
  ASSERT_TRUE(options) << options.error().what;
  const Section& section = options->capture_options;
  EXPECT_EQ(section.text("text"), "a b");
  EXPECT_EQ(section.text("number"), "-3");
  EXPECT_EQ(section.text("fraction"), "2.5");
  EXPECT_EQ(section.text("flag"), "true");
  EXPECT_EQ(section.text("list"), "1,two,false");
  EXPECT_EQ(section.text("none"), "");
}

TEST(ConfigFile, UnknownKeysAndSectionsAreRefusedWithASuggestion) {
  EXPECT_EQ(complaint("[daemon]\nusr = 'x'\n"),
            "s.toml:2: unknown key 'usr' (did you mean 'user'?)");
  EXPECT_EQ(complaint("[capture]\n\ninterface = 'x'\n"),
            "s.toml:3: unknown key 'interface' (did you mean 'interfaces'?)");
  EXPECT_EQ(complaint("[detect]\nthreshold = 21\n"), "s.toml:2: unknown key 'threshold'");
  EXPECT_EQ(complaint("[log]\nsink = 'x'\n"),
            "s.toml:2: unknown key 'sink' (did you mean 'sinks'?)");
  EXPECT_EQ(complaint("[detct]\n"), "s.toml:1: unknown section 'detct' (did you mean 'detect'?)");
  EXPECT_EQ(complaint("[detect.clasic]\n"),
            "s.toml:1: unknown section 'detect.clasic' (did you mean 'classic'?)");
  EXPECT_EQ(complaint("[log.sylog]\n"),
            "s.toml:1: unknown section 'log.sylog' (did you mean 'syslog'?)");
  EXPECT_EQ(complaint("[daemon.user]\n"), "s.toml:1: 'user' must be a string");
  EXPECT_EQ(complaint("[capture.raw]\n"), "s.toml:1: unknown key 'raw'");
  EXPECT_EQ(complaint("[detect.classic.more]\n"),
            "s.toml:1: 'more' must be a string, a number, true or false, or a list of them");
}

TEST(ConfigFile, WhatStandsInNoSectionIsRefused) {
  EXPECT_EQ(complaint("user = 'x'\n"),
            "s.toml:1: 'user' is in no section; there are [daemon], [capture], [detect] and [log]");
  EXPECT_EQ(complaint("[[daemon]]\n"),
            "s.toml:1: 'daemon' is in no section; there are [daemon], [capture], [detect] and "
            "[log]");
}

TEST(ConfigFile, WrongTypesAreRefused) {
  EXPECT_EQ(complaint("[daemon]\nuser = 3\n"), "s.toml:2: 'user' must be a string");
  EXPECT_EQ(complaint("[daemon]\nsingle = 'yes'\n"), "s.toml:2: 'single' must be true or false");
  EXPECT_EQ(complaint("[daemon]\nengines = 1.5\n"),
            "s.toml:2: 'engines' must be a string or a whole number");
  EXPECT_EQ(complaint("[capture]\ninterfaces = 3\n"),
            "s.toml:2: 'interfaces' must be a list of strings");
  EXPECT_EQ(complaint("[capture]\ninterfaces = ['a', 3]\n"),
            "s.toml:2: 'interfaces' must be a list of strings");
  EXPECT_EQ(complaint("[capture]\ninterfaces = ['a,b']\n"),
            "s.toml:2: 'interfaces' must be a list of strings");
  EXPECT_EQ(complaint("[detect.classic]\ndelay = 1979-05-27\n"),
            "s.toml:2: 'delay' must be a string, a number, true or false, or a list of them");
  EXPECT_EQ(complaint("[detect.classic]\ndelay = [[1]]\n"),
            "s.toml:2: 'delay' must be a string, a number, true or false, or a list of them");
}

TEST(ConfigFile, WrongValuesAreRefused) {
  EXPECT_EQ(complaint("[daemon]\nengines = 65\n"),
            "s.toml:2: '65' is not a whole number from 1 to 64");
  EXPECT_EQ(complaint("[daemon]\nuser = ''\n"), "s.toml:2: must not be empty");
  EXPECT_EQ(complaint("[daemon]\nuser = \"a\\u0000b\"\n"), "s.toml:2: 'user' must be a string");
  EXPECT_EQ(complaint("[detect]\nmemory = 'much'\n"),
            "s.toml:2: 'much' is not a size such as 16M, 512k, 1G or small");
  EXPECT_TRUE(complaint("[capture]\nbackend = 'file'\n")
                  .starts_with("s.toml:2: 'file' is not built in; there is "));
  EXPECT_TRUE(complaint("[detect]\nprofile = 'fulll'\n")
                  .starts_with("s.toml:2: 'fulll' is not built in; there is classic"));
  EXPECT_TRUE(complaint("[log]\nsinks = ['syslog', 'eva']\n")
                  .starts_with("s.toml:2: 'eva' is not built in; there is syslog"));
}

TEST(ConfigFile, OfSeveralMistakesTheFirstIsTold) {
  EXPECT_EQ(complaint("[log]\nz = 1\na = 1\n[daemon]\nx = 1\n"), "s.toml:2: unknown key 'z'");
}

TEST(ConfigFile, WhatIsNoTomlIsToldWithItsLine) {
  EXPECT_TRUE(complaint("[daemon]\nuser = \n").starts_with("s.toml:2: error while parsing"));
  EXPECT_TRUE(complaint("[daemon]\nuser = 'a'\nuser = 'b'\n").starts_with("s.toml:3: "));
  EXPECT_TRUE(complaint("\xff").starts_with("s.toml:1: "));
}

TEST(ConfigFile, CommentsMayBeWrittenInAnyLanguage) {
  const auto options = parse("\xef\xbb\xbf# Größe\n[daemon]\nuser = \"a#\\\"b\" # für 監視\n");
  ASSERT_TRUE(options) << options.error().what;
  EXPECT_EQ(options->user, "a#\"b");
}

TEST(ConfigFile, CharactersOtherThanAsciiAreRefusedOutsideComments) {
  constexpr std::string_view kReason = "characters other than ASCII are for comments only";
  EXPECT_EQ(complaint("[daemon]\nü = 1\n"), "s.toml:2: " + std::string(kReason));
  EXPECT_EQ(complaint("\n[dﻟ]\n"), "s.toml:2: " + std::string(kReason));
  EXPECT_EQ(complaint("[daemon]\nuser = '#ü'\n"), "s.toml:2: " + std::string(kReason));
  EXPECT_EQ(complaint("[daemon]\nuser = \"\\\"#ü\"\n"), "s.toml:2: " + std::string(kReason));
}

TEST(ConfigFile, NoComplaintHasMoreThanPrintableCharacters) {
  const std::string text = complaint("\"\\u001b[31m\\u00e9\" = 1\n");
  for (const char c : text) EXPECT_TRUE(c >= 0x20 && c <= 0x7e) << text;
}

}  // namespace
}  // namespace scanlogd
