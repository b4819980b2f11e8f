// Who gets a line: the man page's rule, and what is added to it in style `digest`.
#include "record/announcer.h"

#include <gtest/gtest.h>

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

ScanEvent ended(std::chrono::seconds duration, std::uint32_t ports) {
  ScanEvent event;
  event.started = 100s;
  event.detected = 100s + duration;
  event.ports_total = ports;
  event.phase = Phase::end;
  event.reason = EndReason::idle;
  return event;
}

TEST(Announcer, ClassicIsTheLimiterAndNothingElse) {
  Announcer announcer(LogStyle::classic);
  Limiter limiter;
  for (int i = 0; i < 100; ++i) {
    const auto now = 100s + i * 1s;
    // Proven sources are like all others.
    const auto decision = announcer.begin(i % 2 == 0 ? Verdict::proven : Verdict::unverified, now);
    EXPECT_EQ(decision.announce, limiter.admit(now)) << i;
    EXPECT_FALSE(decision.says_more_follow);
  }
  EXPECT_FALSE(announcer.admit_end(ended(1000s, 1000), 500s));
}

TEST(Announcer, TheSixthIsNamedInADigestAndTheLastWordIsSaid) {
  Announcer announcer(LogStyle::digest);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(announcer.begin(Verdict::unverified, 100s).announce, Announce::line);
  }
  const auto sixth = announcer.begin(Verdict::unverified, 100s);
  EXPECT_EQ(sixth.announce, Announce::digest);
  EXPECT_TRUE(sixth.says_more_follow);
  const auto seventh = announcer.begin(Verdict::unverified, 100s);
  EXPECT_EQ(seventh.announce, Announce::digest);
  EXPECT_FALSE(seventh.says_more_follow);
  EXPECT_EQ(announcer.begin(Verdict::unverified, 120010ms).announce, Announce::line);
}

TEST(Announcer, SpoofedSourcesCannotUseUpTheLinesOfProvenOnes) {
  Announcer announcer(LogStyle::digest);
  for (int i = 0; i < 1000; ++i) (void)announcer.begin(Verdict::unverified, 100s);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(announcer.begin(Verdict::proven, 100s).announce, Announce::line);
  }
  EXPECT_EQ(announcer.begin(Verdict::proven, 100s).announce, Announce::digest);
  EXPECT_EQ(announcer.begin(Verdict::suspect, 100s).announce, Announce::digest);
}

TEST(Announcer, NobodyCanUseUpTheLinesOfScansByThisMachine) {
  Announcer announcer(LogStyle::digest);
  for (int i = 0; i < 1000; ++i) {
    (void)announcer.begin(Verdict::unverified, 100s);
    (void)announcer.begin(Verdict::proven, 100s);
  }
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(announcer.begin_egress(100s).announce, Announce::line) << i;
  }
  EXPECT_EQ(announcer.begin_egress(100s).announce, Announce::digest);
  Announcer next(LogStyle::digest);
  next.restore(announcer.state());
  EXPECT_EQ(next.begin_egress(101s).announce, Announce::digest);
  EXPECT_EQ(next.begin_egress(121s).announce, Announce::line);
}

TEST(Announcer, ClassicHasOneLimitForAll) {
  Announcer announcer(LogStyle::classic);
  for (int i = 0; i < 5; ++i) (void)announcer.begin(Verdict::unverified, 100s);
  EXPECT_EQ(announcer.begin_egress(100s).announce, Announce::more_follow);
}

TEST(Announcer, AProvenSourceMayUseTheLinesOfAllAfterItsOwn) {
  Announcer announcer(LogStyle::digest);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(announcer.begin(Verdict::proven, 100s).announce, Announce::line) << i;
  }
  EXPECT_TRUE(announcer.begin(Verdict::proven, 100s).says_more_follow);
}

TEST(Announcer, WhatGoesOnGetsALineWhenTheSilenceEnds) {
  Announcer announcer(LogStyle::digest);
  for (int i = 0; i < 6; ++i) (void)announcer.begin(Verdict::unverified, 100s);
  EXPECT_FALSE(announcer.admit_late(Verdict::unverified, 120s));
  EXPECT_TRUE(announcer.admit_late(Verdict::proven, 120s)) << "it has lines of its own";
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(announcer.admit_late(Verdict::unverified, 120010ms));
  EXPECT_FALSE(announcer.admit_late(Verdict::unverified, 120010ms));
}

TEST(Announcer, LongScansAndThoseOfManyPortsGetALineAtTheirEnd) {
  const auto admits = [](const ScanEvent& event) {
    return Announcer(LogStyle::digest).admit_end(event, 500s);
  };
  EXPECT_FALSE(admits(ended(60s, 99)));
  EXPECT_TRUE(admits(ended(61s, 99)));
  EXPECT_TRUE(admits(ended(0s, 100)));
  ScanEvent with_us = ended(61s, 1000);
  with_us.reason = EndReason::shutdown;
  EXPECT_FALSE(admits(with_us)) << "it may go on after a restart";
}

TEST(Announcer, LinesOfEndsAreLimitedByThemselves) {
  Announcer announcer(LogStyle::digest);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(announcer.admit_end(ended(0s, 100), 500s));
  EXPECT_FALSE(announcer.admit_end(ended(0s, 100), 500s));
  EXPECT_EQ(announcer.begin(Verdict::unverified, 500s).announce, Announce::line);
  EXPECT_TRUE(announcer.admit_end(ended(0s, 100), 520010ms));
}

TEST(Announcer, GoesOnWhereAnotherStopped) {
  Announcer before(LogStyle::digest);
  for (int i = 0; i < 5; ++i) {
    (void)before.begin(Verdict::unverified, 100s);
    (void)before.begin(Verdict::proven, 100s);
    (void)before.admit_end(ended(0s, 100), 100s);
  }
  Announcer announcer(LogStyle::digest);
  announcer.restore(before.state());
  EXPECT_EQ(announcer.begin(Verdict::unverified, 101s).announce, Announce::digest);
  EXPECT_EQ(announcer.begin(Verdict::proven, 101s).announce, Announce::digest);
  EXPECT_FALSE(announcer.admit_end(ended(0s, 100), 101s));
}

}  // namespace
}  // namespace scanlogd
