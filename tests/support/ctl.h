// Calls the subcommands of scanlogctl on a store.
#pragma once

#include <time.h>

#include <cstdlib>
#include <initializer_list>
#include <string>
#include <vector>

#include "ctl/command_line.h"
#include "ctl/subcommands.h"
#include "support/stores.h"

namespace scanlogd::test {

/// A command line without the program's name, understood at noon (`kNoon`) of 2026-11-26.
inline Result<ctl::Request> parse(std::initializer_list<const char*> words) {
  std::vector<const char*> arguments = {"scanlogctl"};
  arguments.insert(arguments.end(), words);
  return ctl::parse_command_line(static_cast<int>(arguments.size()), arguments.data(), kNoon);
}

/// A store, in UTC, and what a subcommand says about it.
class CtlTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    ASSERT_EQ(::setenv("TZ", "UTC", 1), 0);
    ::tzset();
  }

  /// What `subcommand` emits for a command line; its error's text if it fails.
  template <class Subcommand>
  std::string run(Subcommand subcommand, std::initializer_list<const char*> words,
                  std::size_t width = 0) const {
    auto request = parse(words);
    if (!request) return request.error().what;
    request->width = width;
    // What the machine has does not matter.
    if (!request->locations_given) request->locations = {home_.file("none.db")};
    std::string out;
    const auto done = subcommand(reader(), *request, [&](std::string_view text) { out += text; });
    return done ? out : done.error().what;
  }
};

}  // namespace scanlogd::test
