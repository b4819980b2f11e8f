// How a blind interval reads in the log, while it lasts and when it is over.
#include "core/blind_interval.h"

#include <gtest/gtest.h>

namespace scanlogd {
namespace {

using namespace std::chrono_literals;

// 2026-01-31T10:00:00.123Z
constexpr std::chrono::system_clock::time_point kStart{1769853600123ms};

TEST(BlindInterval, ThatGoesOnHasNoEnd) {
  EXPECT_EQ(to_string({.cause = BlindCause::interface_down,
                       .interface = "eth0",
                       .start = kStart,
                       .end = std::nullopt,
                       .packets = std::nullopt}),
            "blind on eth0 since 2026-01-31T10:00:00.123Z: interface is down");
}

TEST(BlindInterval, ThatIsOverHasItsLength) {
  EXPECT_EQ(to_string({.cause = BlindCause::interface_gone,
                       .interface = "eth0",
                       .start = kStart,
                       .end = kStart + 1333ms,
                       .packets = std::nullopt}),
            "blind on eth0 from 2026-01-31T10:00:00.123Z to 2026-01-31T10:00:01.456Z (1.333 s): "
            "interface was gone; packets lost: unknown");
}

TEST(BlindInterval, SaysHowManyPacketsWereLostWhereThatIsKnown) {
  EXPECT_EQ(to_string({.cause = BlindCause::stopped,
                       .interface = {},
                       .start = kStart,
                       .end = kStart,
                       .packets = 147291}),
            "blind on every interface from 2026-01-31T10:00:00.123Z to 2026-01-31T10:00:00.123Z "
            "(0.000 s): the process was stopped; packets lost: 147291");
}

TEST(BlindInterval, EveryCauseHasWordsForBothForms) {
  for (const BlindCause cause :
       {BlindCause::overload, BlindCause::stopped, BlindCause::interface_down,
        BlindCause::interface_gone, BlindCause::not_watched}) {
    BlindInterval blind{.cause = cause,
                        .interface = {},
                        .start = kStart,
                        .end = std::nullopt,
                        .packets = std::nullopt};
    EXPECT_EQ(to_string(blind).find("unknown"), std::string::npos);
    blind.end = kStart;
    blind.packets = 0;
    EXPECT_EQ(to_string(blind).find("unknown"), std::string::npos);
  }
}

TEST(BlindInterval, IsReadAsItWasWritten) {
  for (const BlindCause cause :
       {BlindCause::overload, BlindCause::stopped, BlindCause::interface_down,
        BlindCause::interface_gone, BlindCause::not_watched}) {
    for (const char* const interface : {"", "eth0"}) {
      BlindInterval blind{.cause = cause,
                          .interface = interface,
                          .start = kStart,
                          .end = std::nullopt,
                          .packets = std::nullopt};
      EXPECT_EQ(parse_blind_interval(to_string(blind)), blind) << to_string(blind);
      blind.packets = 7;
      EXPECT_EQ(parse_blind_interval(to_string(blind)), blind) << to_string(blind);
      blind.end = kStart + 1333ms;
      EXPECT_EQ(parse_blind_interval(to_string(blind)), blind) << to_string(blind);
      blind.packets.reset();
      EXPECT_EQ(parse_blind_interval(to_string(blind)), blind) << to_string(blind);
    }
  }
}

TEST(BlindInterval, WhatNobodyWroteIsNotRead) {
  for (const char* const text :
       {"", "blind on eth0", "blind on eth0 since yesterday: interface is down",
        "blind on eth0 since 2026-01-31T10:00:00.123Z: interface was down",
        "blind on eth0 since 2026-13-31T10:00:00.123Z: interface is down",
        "blind on eth0 since 2026-02-30T10:00:00.123Z: interface is down",
        "blind on eth0 since 2026-01-31T24:00:00.123Z: interface is down",
        "blind on eth0 since 9026-01-31T10:00:00.123Z: interface is down",
        "blind on eth0 since +026-01-31T10:00:00.123Z: interface is down",
        "blind on eth0 since 2026-01-31T10:00:00.123Z: for some reason",
        "blind on eth0 since 2026-01-31T10:00:00.123Z: interface is down; packets lost: -1",
        "blind on eth0 from 2026-01-31T10:00:00.123Z: interface was down",
        "blind on eth0 from 2026-01-31T10:00:00.123Z to tomorrow (1.0 s): interface was down"}) {
    EXPECT_FALSE(parse_blind_interval(text)) << text;
  }
}

}  // namespace
}  // namespace scanlogd
