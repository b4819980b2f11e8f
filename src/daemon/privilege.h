// Giving up every right the running daemon does not need. See docs/decisions/0005.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "core/result.h"

namespace scanlogd {

/// The account to become, looked up while /etc/passwd can still be read.
struct Identity {
  std::string user;
  uid_t uid = 0;
  gid_t gid = 0;
};

/// Looks up `user`. An unknown one is an error that names the command to create it; so is root.
[[nodiscard]] Result<Identity> find_identity(const std::string& user);

/// Looks up the group called `name`.
[[nodiscard]] Result<gid_t> find_group(const std::string& name);

/// Checks that `directory` may become the root directory: it exists, is empty, belongs to root and
/// nobody else can write to it. Errors name the command that mends it.
[[nodiscard]] Result<void> check_chroot(const std::string& directory);

/// What to give up.
struct Confinement {
  std::string chroot;                ///< empty: stay in this root directory
  std::optional<Identity> identity;  ///< nullopt: stay this user
};

/// Gives up, for good: the file system (chroot), the groups, the user, all capabilities of all five
/// sets, gaining any by exec (no_new_privs), and being traced or dumped; then tries to get them
/// back and fails if it can. What is left is locked in by `enter_sandbox` (sandbox.h).
[[nodiscard]] Result<void> confine(const Confinement& confinement);

}  // namespace scanlogd
