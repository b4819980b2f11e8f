// See privilege.h. chroot(2), capabilities(7), PR_SET_NO_NEW_PRIVS in prctl(2).
#include "daemon/privilege.h"

#include <cap-ng.h>
#include <dirent.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>

namespace scanlogd {
namespace {

Result<void> enter_chroot(const std::string& directory) {
  if (::chroot(directory.c_str()) != 0) return fail_errno("chroot", directory, errno);
  if (::chdir("/") != 0) return fail_errno("chdir", "/", errno);
  return {};
}

Result<void> become(const Identity& identity) {
  if (::setgroups(0, nullptr) != 0) return fail_errno("setgroups", "none", errno);
  if (::setresgid(identity.gid, identity.gid, identity.gid) != 0) {
    return fail_errno("setresgid", identity.user, errno);
  }
  if (::setresuid(identity.uid, identity.uid, identity.uid) != 0) {
    return fail_errno("setresuid", identity.user, errno);
  }
  return {};
}

/// The bounding set goes first: taking from it needs a capability, and it limits all that follows.
/// Not being allowed to is no failure for a service manager's child, which has but what it was
/// given.
Result<void> empty_bounding_set() {
  if (capng_get_caps_process() != 0) return fail("capng_get_caps_process(): failed", EIO);
  if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) == 0) {
    // Not tried in vain, as libcap-ng would say so in the log.
    if (::geteuid() != 0) return {};
    return fail("capng_apply(bounding set): not permitted; CAP_SETPCAP is missing", EPERM);
  }
  capng_clear(CAPNG_SELECT_BOUNDS);
  if (capng_apply(CAPNG_SELECT_BOUNDS) != 0) {
    return fail("capng_apply(bounding set): failed", EPERM);
  }
  return {};
}

Result<void> empty_capabilities() {
  capng_clear(CAPNG_SELECT_CAPS);
  if (capng_apply(CAPNG_SELECT_CAPS) != 0) return fail("capng_apply(capabilities): failed", EPERM);
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) {
    return fail_errno("prctl", "PR_CAP_AMBIENT_CLEAR_ALL", errno);
  }
  return {};
}

/// Nothing is believed: asks the kernel, and tries.
Result<void> verify(const Confinement& confinement) {
  if (capng_get_caps_process() != 0) return fail("capng_get_caps_process(): failed", EIO);
  if (capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE) {
    return fail("verify(capabilities): some are left", EPERM);
  }
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) {
    return fail("verify(no_new_privs): not set", EPERM);
  }
  if (!confinement.identity) return {};
  if (::setuid(0) == 0 || ::setgid(0) == 0) {
    return fail("verify(setuid): root can be regained", EPERM);
  }
  if (::getuid() != confinement.identity->uid || ::getgid() != confinement.identity->gid ||
      ::getgroups(0, nullptr) != 0) {
    return fail("verify(identity): not that of " + confinement.identity->user, EPERM);
  }
  return {};
}

}  // namespace

Result<Identity> find_identity(const std::string& user) {
  errno = 0;
  const passwd* const entry = ::getpwnam(user.c_str());
  if (entry == nullptr) {
    return fail("getpwnam(" + user +
                    "): no such user; create it with: useradd --system "
                    "--home-dir / --no-create-home --shell /usr/sbin/nologin " +
                    user,
                ENOENT);
  }
  if (entry->pw_uid == 0) return fail("getpwnam(" + user + "): is root; name another user", EPERM);
  return Identity{.user = user, .uid = entry->pw_uid, .gid = entry->pw_gid};
}

Result<gid_t> find_group(const std::string& name) {
  const group* const entry = ::getgrnam(name.c_str());
  if (entry == nullptr) return fail("getgrnam(" + name + "): no such group", ENOENT);
  return entry->gr_gid;
}

Result<void> check_chroot(const std::string& directory) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0) {
    return fail("chroot(" + directory + "): " + std::strerror(errno) +
                    "; create it with: install -d -o root -g root -m 0755 " + directory,
                errno);
  }
  if (!S_ISDIR(status.st_mode)) return fail_errno("chroot", directory, ENOTDIR);
  if (status.st_uid != 0 || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail("chroot(" + directory +
                    "): others than root can write to it; make one of root's own with: "
                    "install -d -o root -g root -m 0755 " SCANLOGD_CHROOT,
                EPERM);
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(directory.c_str()), ::closedir);
  if (!entries) return fail_errno("opendir", directory, errno);
  while (const dirent* const entry = ::readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") {
      return fail("chroot(" + directory + "): is not empty; name an empty directory", ENOTEMPTY);
    }
  }
  return {};
}

Result<void> confine(const Confinement& confinement) {
  // 1. The bounding set, while we still may.
  if (auto done = empty_bounding_set(); !done) return done;
  // 2. The file system.
  if (!confinement.chroot.empty()) {
    if (auto done = enter_chroot(confinement.chroot); !done) return done;
  }
  // 3. Groups, group, user: in this order, for after the last one the others are out of reach.
  if (confinement.identity) {
    if (auto done = become(*confinement.identity); !done) return done;
  }
  // 4. What capabilities are left: those a service manager gave, or root's own.
  if (auto done = empty_capabilities(); !done) return done;
  // 5. Nothing regained by exec, no core file, no tracing by our own user.
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return fail_errno("prctl", "PR_SET_NO_NEW_PRIVS", errno);
  }
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    return fail_errno("prctl", "PR_SET_DUMPABLE", errno);
  // 6. Believe nothing.
  return verify(confinement);
}

}  // namespace scanlogd
