// What the configuration file and the command line asked for, sorted by who has to understand it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
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
  weigh,  ///< judge what is on record by `Options::what_if`, too
  print,  ///< print `Options::text` (help, version)
};

/// Whether there has to be a configuration file.
enum class ConfigUse : std::uint8_t {
  if_present,  ///< read where there is one
  required,    ///< it was named
  none,        ///< it was refused
};

/// Options of plug-ins, by their names.
using Sections = std::map<std::string, Section, std::less<>>;

/// Another way to judge: what `Options` has of the same names would be.
struct WhatIfSettings {
  std::string said;  ///< what is other, as it was said
  std::string profile;
  Section detector_options;
  std::vector<Network> local;
  bool json = false;  ///< how to print the result
  /// Of the scans on record: only those found so long ago at most.
  std::optional<std::chrono::seconds> since;

  friend bool operator==(const WhatIfSettings&, const WhatIfSettings&) = default;
};

/// One run's options. The sections go to the plug-ins as they are; nothing here knows their keys.
struct Options {
  Action action = Action::run;
  std::string text;    ///< for `Action::print`
  std::string config;  ///< path of the configuration file
  ConfigUse config_use = ConfigUse::if_present;
  bool foreground = false;
  /// Capture files and directories of them, "-" for standard input; none: live.
  std::vector<std::string> read;
  std::optional<Address> explain;         ///< a source: what it did in those files, and no more
  std::optional<WhatIfSettings> what_if;  ///< how those would be judged otherwise, and no more
  std::string capture = "auto";           ///< live back end, or the best that works
  std::vector<std::string> interfaces;    ///< empty: every one
  Section capture_options;                ///< what the back end itself has to understand
  bool outgoing = false;                  ///< judge what this machine sends, too
  std::chrono::milliseconds accounts{0};  ///< how often to write the accounts; 0: at the end only
  std::size_t engines = 1;                ///< processes that share the packets
  std::string profile = "classic";
  Section detector_options;  ///< for the detector of that profile
  Sections profile_options;  ///< of the configuration file, for each detector it has something for
  std::vector<Network> local;  ///< targets that count; empty: all
  std::vector<std::string> sinks;
  Sections sink_options;
  std::string user;
  bool user_given = false;  ///< on the command line; likewise below
  std::string chroot;
  bool chroot_given = false;
  std::string state;    ///< directory of what must outlive the process; empty: nothing does
  std::string control;  ///< path of the socket on which scanlogctl asks; empty: there is none
  bool control_given = false;  ///< then it has to be made
  std::string control_group;   ///< whose members may ask, too; empty: nobody else
  bool single = false;         ///< one process instead of engine and recorder
  bool sandbox = true;         ///< false: without Landlock and seccomp, to look for faults

  /// Are those that the limiter of the log holds back named in digest lines? The profile `classic`
  /// says what the man page says, and no more.
  [[nodiscard]] bool names_held_back() const noexcept { return profile != "classic"; }
  [[nodiscard]] bool live() const noexcept { return read.empty(); }
  /// Detaches from the terminal once it runs?
  [[nodiscard]] bool daemonises() const noexcept { return live() && !foreground; }

  friend bool operator==(const Options&, const Options&) = default;
};

}  // namespace scanlogd
