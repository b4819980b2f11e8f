// What the command line asked for, sorted by who has to understand it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "core/address.h"
#include "core/section.h"

namespace scanlogd {

/// What `main` is to do.
enum class Action : std::uint8_t {
  run,    ///< watch, or read a capture file
  check,  ///< do all that a start does before it locks itself in, then exit
  list,   ///< print what is built in
  print,  ///< print `Options::text` (help, version)
};

/// One run's options. The sections go to the plug-ins as they are; nothing here knows their keys.
struct Options {
  Action action = Action::run;
  std::string text;  ///< for `Action::print`
  bool foreground = false;
  /// Capture files and directories of them, "-" for standard input; none: live.
  std::vector<std::string> read;
  std::string capture = "auto";           ///< live back end, or the best that works
  std::vector<std::string> interfaces;    ///< empty: every one
  Section capture_options;                ///< what the back end itself has to understand
  bool outgoing = false;                  ///< judge what this machine sends, too
  std::chrono::milliseconds accounts{0};  ///< how often to write the accounts; 0: at the end only
  std::size_t engines = 1;                ///< processes that share the packets
  std::string profile = "classic";
  Section detector_options;
  std::vector<Network> local;  ///< targets that count; empty: all
  std::vector<std::string> sinks;
  std::string user;
  bool user_given = false;
  std::string chroot;
  bool chroot_given = false;
  std::string state;    ///< directory of what must outlive the process; empty: nothing does
  bool single = false;  ///< one process instead of engine and recorder
  bool sandbox = true;  ///< false: without Landlock and seccomp, to look for faults

  [[nodiscard]] bool live() const noexcept { return read.empty(); }
  /// Detaches from the terminal once it runs?
  [[nodiscard]] bool daemonises() const noexcept { return live() && !foreground; }
};

}  // namespace scanlogd
