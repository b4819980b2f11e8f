// What comes of a scan for testing, stage by stage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/address.h"
#include "core/control.h"
#include "ctl/test_probe.h"

namespace scanlogd::ctl {

/// What was seen while the scan was sent, and after it.
struct SelftestFindings {
  TestedInterface interface;
  Address source;
  std::uint32_t sequence{};  ///< of the first probe: two tests are not to look like decoys
  std::size_t sent = 0;      ///< probes
  ControlAnswer before;      ///< status of the daemon
  ControlAnswer after;       ///< the same, when all was over
  ControlAnswer told;        ///< what it makes of the source
  ControlAnswer trace;       ///< how far the scan has come
  std::uint64_t resets{};    ///< that this machine's TCP has sent meanwhile, to anybody
  /// What fail2ban's filter said to the line: 1 it matches, 0 not; none: it was not asked.
  std::optional<int> fail2ban;
  std::string no_fail2ban;  ///< why not
};

/// How a stage has ended.
enum class Outcome : std::uint8_t {
  ok,
  note,  ///< could not be tried, or is as it should be and still worth knowing
  failed,
};

/// One stage of the way from the wire to whoever reads the log.
struct Stage {
  std::string name;
  Outcome outcome = Outcome::ok;
  std::string text{};  ///< what happened, and where it failed, why and what to do
};

/// The stages, in the order of the way.
[[nodiscard]] std::vector<Stage> stages_of(const SelftestFindings& findings);

/// Has nothing failed?
[[nodiscard]] bool has_passed(const std::vector<Stage>& stages);

}  // namespace scanlogd::ctl
