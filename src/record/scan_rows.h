// Scans and messages as rows of the store's tables, and back.
#pragma once

#include <string>
#include <string_view>

#include "core/scan.h"
#include "record/sqlite.h"

namespace scanlogd {

/// The columns of what is kept of a scan, in both tables.
inline constexpr std::string_view kDetailNames =
    "source, source_prefix, source_port, target, protocol, kind, rule, technique, techniques, tool,"
    " verdict, reason, flags_or, flags_and, varies, tos, ttl, syn_window, syn_options, packets,"
    " ports_total, hosts_total, sources_total, open_total, closed_total, filtered_total,"
    " first_ports, ports, open_ports, sources";
/// How many these are.
inline constexpr int kDetails = 30;

/// The same with their types, as CREATE TABLE wants them.
inline constexpr std::string_view kDetailTypes =
    "source BLOB, source_prefix INTEGER, source_port INTEGER, target BLOB, protocol INTEGER,"
    " kind TEXT, rule TEXT, technique TEXT, techniques INTEGER, tool TEXT, verdict TEXT,"
    " reason TEXT, flags_or INTEGER, flags_and INTEGER, varies INTEGER, tos INTEGER, ttl INTEGER,"
    " syn_window INTEGER, syn_options INTEGER, packets INTEGER, ports_total INTEGER,"
    " hosts_total INTEGER, sources_total INTEGER, open_total INTEGER, closed_total INTEGER,"
    " filtered_total INTEGER, first_ports TEXT, ports TEXT, open_ports TEXT, sources TEXT";

/// The texts that a scan's columns point to while they are bound.
struct DetailTexts {
  explicit DetailTexts(const Scan& scan);

  std::string first_ports;
  std::string open_ports;
  std::string sources;
};

/// Binds the values of `kDetailNames`; scan and texts must live until the statement has query.
void bind_details(Query& query, const Scan& scan, const DetailTexts& texts);

/// The columns that `read_scan` reads.
[[nodiscard]] std::string scan_columns();
/// The scan in the row that `query` has come to.
[[nodiscard]] Scan read_scan(const Query& query);

/// The columns that `read_message` reads.
[[nodiscard]] std::string message_columns();
/// The message in the row that `query` has come to.
[[nodiscard]] Message read_message(const Query& query);

/// `?,?,?`
[[nodiscard]] std::string placeholders(int count);

/// `a=excluded.a,b=excluded.b` of `a, b`: an insert that meets the row brings it up to date.
[[nodiscard]] std::string updates(std::string_view names);

}  // namespace scanlogd
