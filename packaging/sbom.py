#!/usr/bin/env python3
"""The bill of materials of a build, SPDX 2.3 as JSON: what the programs are made of, by what the
linker recorded and the package database knows.

Arguments: the version, then each program.
"""
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys

# Headers only: compiled in, and so nowhere in what the linker recorded.
HEADERS = ("libcli11-dev", "libtomlplusplus-dev")


def output(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def owners(programs):
    """The packages of the libraries that `programs` need by name."""
    files = set()
    for program in programs:
        for line in output("ldd", program).splitlines():
            found = re.search(r"=> (/\S+)", line)
            if found:
                files.add(os.path.realpath(found.group(1)))
    found = set()
    for file in files:
        # What /lib is a link to the database may know by either name.
        for path in (file, file.removeprefix("/usr")):
            done = subprocess.run(("dpkg-query", "-S", path), capture_output=True, text=True,
                                  check=False)
            if done.returncode == 0:
                found.add(done.stdout.split(": ")[0].split(":")[0])
                break
    return sorted(found)


def package(name):
    version, source = output("dpkg-query", "-W", "-f", "${Version}\t${source:Package}",
                             name).split("\n")[0].split("\t")
    return {"SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name), "name": name,
            "versionInfo": version, "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
            "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION",
            "copyrightText": "NOASSERTION", "sourceInfo": f"Debian source package {source}",
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                              "referenceLocator": f"pkg:deb/debian/{name}@{version}"}]}


def main(version, *programs):
    whole = {"SPDXID": "SPDXRef-scanlogd", "name": "scanlogd", "versionInfo": version,
             "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
             "licenseConcluded": "BSD-2-Clause", "licenseDeclared": "BSD-2-Clause",
             "copyrightText": "2026 The scanlogd authors"}
    packages, relations, digest = [whole], [], hashlib.sha256()
    for program in programs:
        with open(program, "rb") as file:
            content = file.read()
        digest.update(content)
        name = os.path.basename(program)
        packages.append({**whole, "SPDXID": "SPDXRef-program-" + name, "name": name,
                         "checksums": [{"algorithm": "SHA256",
                                        "checksumValue": hashlib.sha256(content).hexdigest()}]})
        relations.append(("SPDXRef-scanlogd", "CONTAINS", "SPDXRef-program-" + name))
    for name in owners(programs):
        packages.append(package(name))
        relations.append(("SPDXRef-scanlogd", "DYNAMIC_LINK", packages[-1]["SPDXID"]))
    for name in HEADERS:
        packages.append(package(name))
        relations.append(("SPDXRef-scanlogd", "STATIC_LINK", packages[-1]["SPDXID"]))
    at = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    now = (datetime.datetime.fromtimestamp(at, datetime.timezone.utc) if at
           else datetime.datetime.now(datetime.timezone.utc))
    json.dump({"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
               "name": f"scanlogd-{version}",
               "documentNamespace": f"urn:scanlogd:{version}:{digest.hexdigest()}",
               "creationInfo": {"created": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
                                "creators": ["Tool: packaging/sbom.py"]},
               "packages": packages,
               "relationships": [
                   {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                    "relatedSpdxElement": "SPDXRef-scanlogd"},
                   *({"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
                     for one, kind, other in relations)]}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main(*sys.argv[1:])
