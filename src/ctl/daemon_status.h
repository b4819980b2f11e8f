// What a running daemon says of itself, judged and worded.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/control.h"
#include "core/exclusion.h"
#include "core/json_writer.h"
#include "record/store_reader.h"

namespace scanlogd::ctl {

/// An equation that has to hold: the first is the sum of the others.
struct Identity {
  struct Part {
    std::string_view name;
    std::uint64_t value = 0;
  };
  std::string_view name;  ///< of what
  std::vector<Part> parts;

  [[nodiscard]] bool holds() const noexcept;
};

/// The accounts of the daemon that gave `answer`.
[[nodiscard]] std::vector<Identity> identities_of(const ControlAnswer& answer);

/// Packets that a list of the configuration left out.
struct ExcludedCount {
  std::string_view list;
  std::uint64_t packets = 0;
};

/// Those of each list, of all sources: from the status.
[[nodiscard]] std::vector<ExcludedCount> excluded_of(const ControlAnswer& answer);

/// Those of the lists that left something of the one source out: from what `explain` answers.
[[nodiscard]] std::vector<ExcludedCount> excluded_of_source(const ControlAnswer& answer);

/// How far its sinks have come; what is none of the protocol's is left out.
[[nodiscard]] std::vector<Cursor> sinks_of(const ControlAnswer& answer);

/// What is not well at this moment, each in a few words; none: all is well.
[[nodiscard]] std::vector<std::string> ailments_of(const ControlAnswer& answer);

/// Lines for people.
[[nodiscard]] std::string describe_daemon(const ControlAnswer& answer,
                                          std::chrono::system_clock::time_point now);

/// The same as members of the object that is open.
void write_daemon(JsonWriter& json, const ControlAnswer& answer);

}  // namespace scanlogd::ctl
