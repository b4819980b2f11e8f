# The Debian package in a fresh Debian (mmdebstrap) with namespaces of its own: over scanlogd 2 of
# Debian, whose account and role it keeps; started by its script, seeing a scan, asked; removed and
# purged. SCANLOGD_PACKAGES is the folder where ./dev package has put it; without one there is nothing
# to test. Needs Debian's archive. Does not run systemd.

import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import harness

PACKAGES = os.environ.get("SCANLOGD_PACKAGES", "")
ARCHIVE = "http://deb.debian.org/debian"

# Printed before each part of what follows, to tell the parts apart.
MARK = "=== "

INSIDE = r"""
exec 2>&1
part() { echo "=== $1"; }
quietly() { "$@" >/opt/quiet 2>&1 || { cat /opt/quiet; exit 1; }; }
mount -t proc proc /proc; mount -t sysfs sys /sys; ip link set lo up
part before; id scanlogd; dpkg-query -W -f '${Version}\n' scanlogd; ls /etc/rc2.d
echo '# mine' >>/etc/default/scanlogd
part upgrade; quietly apt-get install -qq -y --no-install-recommends /opt/scanlogd.deb; id scanlogd
dpkg-query -W -f '${db:Status-Status} ${Version}\n' scanlogd; ls /etc/rc2.d
ls -l /etc/systemd/system/multi-user.target.wants
part check; mkdir -p -m 755 /run/scanlogd/empty; scanlogd --check
part start; /etc/init.d/scanlogd start; scanlogctl status
part scan; scanlogctl selftest --interface lo
part list; scanlogctl list
part again; quietly dpkg -i /opt/scanlogd.deb; /etc/init.d/scanlogd status
part stop; /etc/init.d/scanlogd stop; pgrep -c -r D,R,S scanlogd
part remove; quietly apt-get remove -qq -y scanlogd; ls /etc/scanlogd /var/lib/scanlogd
part purge; quietly apt-get purge -qq -y scanlogd; getent passwd scanlogd; getent group scanlogd
find / -xdev -name '*scanlogd*' -not -path '/opt/*' -not -path '/var/cache/apt/*'
part end
"""


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        found = glob.glob(os.path.join(PACKAGES, "scanlogd_*.deb")) if PACKAGES else []
        if not found:
            raise harness.Skip("no package in SCANLOGD_PACKAGES: ./dev package makes it")
        mmdebstrap = harness.tool("mmdebstrap")
        cls.root = tempfile.mkdtemp(prefix="scanlogd-package-")
        os.chmod(cls.root, 0o755)
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        # With its lists left in place, as on a machine that is in use.
        made = subprocess.run(
            [mmdebstrap, "--variant=apt", "--mode=root", "--skip=cleanup/apt/lists",
             "--include=init-system-helpers,procps,iproute2,mount,scanlogd", "bookworm", cls.root, ARCHIVE],
            capture_output=True, text=True, timeout=300, check=False)
        if made.returncode != 0:
            reason = made.stderr.strip().splitlines()[-1:] or ["failed"]
            if re.search("resolve|connect|Unable to fetch|download", made.stderr):
                raise harness.Skip(f"Debian's archive is out of reach: {reason[0]}")
            raise AssertionError(made.stderr)
        shutil.copy(found[0], os.path.join(cls.root, "opt/scanlogd.deb"))
        for path, text, mode in (("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755),
                                 ("opt/inside", INSIDE, 0o755)):
            path = os.path.join(cls.root, path)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(path, mode)
        # The lists and the libraries come from the archive, so the network stays outside's until the
        # package is to be installed; its dependencies are fetched before.
        fetch = ["chroot", cls.root, "sh", "-c",
                 "apt-get update -qq && apt-get install -qq -y --no-install-recommends "
                 "--download-only /opt/scanlogd.deb"]
        shutil.copy("/etc/resolv.conf", os.path.join(cls.root, "etc/resolv.conf"))
        subprocess.run(fetch, check=True, capture_output=True, timeout=300)
        done = subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child",
                               "chroot", cls.root, "bash", "/opt/inside"],
                              capture_output=True, text=True, timeout=300, check=False)
        cls.parts = dict((part.partition("\n")[0], part.partition("\n")[2])
                         for part in done.stdout.split(MARK)[1:])
        if "end" not in cls.parts:
            raise AssertionError(done.stdout + done.stderr)

    def test_it_takes_the_place_of_scanlogd_2(self):
        self.assertRegex(self.parts["before"], r"gid=65534\(nogroup\)")
        self.assertRegex(self.parts["before"], r"\n2\.2\.8")
        self.assertRegex(self.parts["upgrade"], r"\nS\d\dscanlogd\n")
        self.assertRegex(self.parts["upgrade"], r"\Auid=(\d+)\(scanlogd\) gid=\d+\(scanlogd\)")
        self.assertEqual(self.uid("before"), self.uid("upgrade"), "the account stays")
        self.assertRegex(self.parts["upgrade"], r"\ninstalled 3\.")
        self.assertIn("scanlogd.service", self.parts["upgrade"])
        self.assertNotIn("exporter", self.parts["upgrade"])

    def uid(self, part):
        return re.search(r"uid=(\d+)", self.parts[part]).group(1)

    def test_its_configuration_is_good(self):
        self.assertEqual(self.parts["check"], "scanlogd: ready to start\n")

    def test_its_script_starts_it_and_it_is_well(self):
        self.assertRegex(self.parts["start"], r"\nhealth      well\n")
        self.assertIn("profile full", self.parts["start"])

    def test_it_sees_a_scan(self):
        self.assertRegex(self.parts["scan"], r"(?m)^detected +ok")
        self.assertRegex(self.parts["scan"], r"(?m)^stored +ok")
        self.assertRegex(self.parts["list"], r"192\.0\.2\.\d+")

    def test_it_can_be_installed_again_and_stopped(self):
        self.assertIn("scanlogd is running", self.parts["again"])
        self.assertRegex(self.parts["stop"], r"(?m)^0$")

    def test_removed_it_keeps_what_is_the_administrators(self):
        self.assertIn("scanlogd.toml", self.parts["remove"])
        self.assertIn("scanlogd.db", self.parts["remove"])

    def test_purged_it_leaves_nothing(self):
        left = [line for line in self.parts["purge"].splitlines()
                if line != "/etc/default/scanlogd"]  # the administrator's, made above
        self.assertEqual(left, [])


if __name__ == "__main__":
    harness.main()
