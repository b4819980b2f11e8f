// The tables of the store, how a file is known to be one, and how an older one becomes one of
// today.
#pragma once

#include "core/result.h"
#include "record/sqlite.h"

namespace scanlogd {

/// `PRAGMA user_version`; raised with every change of the tables, which then gets a step in
/// `migrate`.
inline constexpr int kSchemaVersion = 2;

/// Is it a store, and one that we know? Its version; 0 for an empty file. Codes of errors: EUCLEAN,
/// it is none; ENOTSUP, it is of a later version.
[[nodiscard]] Result<int> check_version(const Database& database);

/// Are these the tables of that version, and nothing else, such as a view in their place?
[[nodiscard]] Result<void> check_definitions(const Database& database,
                                             int version = kSchemaVersion);

/// Takes a store of version `from`, or an empty file (0), to the next version.
[[nodiscard]] Result<void> migrate(Database& database, int from);

}  // namespace scanlogd
