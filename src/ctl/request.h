// What the command line of scanlogctl asked for.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "record/store_reader.h"

namespace scanlogd::ctl {

/// The subcommands.
enum class Command : std::uint8_t {
  print,  ///< only `Request::text` (help, version)
  status,
  list,
  show,
  top,
  tail,
  export_scans,
  reload,
  explain,
  selftest,
  live,
  report,
};

/// What `export` writes.
enum class ExportFormat : std::uint8_t { csv, json, nft };

/// One call.
struct Request {
  Command command = Command::print;
  std::string text;                           ///< for `Command::print`
  std::string state;                          ///< directory of the store
  bool state_given = false;                   ///< then no daemon is asked where it is
  bool control_given = false;                 ///< not its usual place
  std::string control;                        ///< path of the daemon's control socket
  std::chrono::system_clock::time_point now;  ///< what ages are counted to
  bool json = false;                          ///< JSON Lines instead of a table
  /// `top`, `show` and `report`: databases of networks; the first that exists counts.
  std::vector<std::string> locations;
  bool locations_given = false;  ///< then it is an error if there is none
  std::string file;              ///< `report`: where to; empty: to standard output
  /// Which scans: `list`, `top` and `report` (since), `export`.
  ScanFilter filter;
  std::uint64_t id = 0;              ///< `show`: which scan
  Address source;                    ///< `explain`: which; `selftest`: by which, if named
  std::string interface;             ///< `selftest`: through which; empty: a watched one
  TopBy by = TopBy::source;          ///< `top`: by what
  bool by_country = false;           ///< `top`: not by that, but by what the store does not know
  bool follow = false;               ///< `tail`: goes on
  std::optional<std::size_t> limit;  ///< at most so many; by default what the subcommand likes
  ExportFormat format = ExportFormat::csv;
  std::size_t width = 0;  ///< columns of the terminal; 0: none, nothing is cut
};

/// Exit statuses; scanlogctl(8) promises them.
namespace exit_status {
inline constexpr int done = 0;
inline constexpr int failed = 1;
inline constexpr int usage = 2;
inline constexpr int not_found = 3;  ///< no such scan
inline constexpr int no_store = 4;   ///< there is none, or it may not be read
inline constexpr int bad_store = 5;  ///< damaged, none at all, or a later scanlogd's
inline constexpr int unwell = 6;     ///< the daemon is, or a stage of its test has failed
inline constexpr int no_daemon = 7;  ///< none answers, or it may not be asked
}  // namespace exit_status

}  // namespace scanlogd::ctl
