// The subcommands of scanlogctl, one source file each. What they say goes to `Emit` piece by piece,
// so that a long list is never held in memory.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/control.h"
#include "core/result.h"
#include "ctl/request.h"
#include "record/store_reader.h"

namespace scanlogd::ctl {

/// Takes a piece of what is to be printed.
using Emit = std::function<void(std::string_view)>;

/// Waits until it is worth looking again; false: it is over.
using Wait = std::function<bool()>;

/// Whom `status` has asked.
struct StatusSources {
  const ControlAnswer* daemon = nullptr;  ///< what it says, if one has answered
  std::string no_daemon;                  ///< why none did; empty: none was asked
  const StoreReader* store = nullptr;     ///< if it can be read
  std::string no_store;                   ///< why not
};

/// How the daemon fares, what is on record, and how far each sink has come.
[[nodiscard]] Result<void> show_status(const StatusSources& sources, const Request& request,
                                       const Emit& emit);

/// Why a source did or did not alarm, by the daemon's own sums; codes of errors as those of
/// `ask_daemon`.
[[nodiscard]] Result<void> explain_source(const Request& request, const Emit& emit);

/// Makes the daemon read its configuration again; codes of errors as those of `ask_daemon`.
[[nodiscard]] Result<void> reload_daemon(const Request& request, const Emit& emit);

/// Sends a scan through everything, and says how far it came; true: all the way. Codes of errors as
/// those of `ask_daemon`; EPERM: only root may.
[[nodiscard]] Result<bool> test_daemon(const Request& request, const Emit& emit);

/// Scans, the newest first.
[[nodiscard]] Result<void> list_scans(const StoreReader& store, const Request& request,
                                      const Emit& emit);

/// All about one scan; ENOENT where there is none of that number.
[[nodiscard]] Result<void> show_scan(const StoreReader& store, const Request& request,
                                     const Emit& emit);

/// The most frequent.
[[nodiscard]] Result<void> show_top(const StoreReader& store, const Request& request,
                                    const Emit& emit);

/// The latest events, and with `Request::follow` those that come, until `wait` ends it.
[[nodiscard]] Result<void> show_tail(const StoreReader& store, const Request& request,
                                     const Emit& emit, const Wait& wait);

/// The scans as they come and grow, on the whole terminal, until the user or a signal ends it;
/// ENOTTY where there is no terminal.
[[nodiscard]] Result<void> watch_live(const StoreReader& store, const Request& request);

/// Scans for other programs.
[[nodiscard]] Result<void> export_scans(const StoreReader& store, const Request& request,
                                        const Emit& emit);

/// What was found in a period, as a page of HTML.
[[nodiscard]] Result<void> write_report(const StoreReader& store, const Request& request,
                                        const Emit& emit);

/// Calls `take` for each scan that matches, the newest first, at most `limit`; a page at a time.
[[nodiscard]] Result<void> for_each_scan(const StoreReader& store, ScanFilter filter,
                                         std::size_t limit,
                                         const std::function<void(const Scan&)>& take);

}  // namespace scanlogd::ctl
