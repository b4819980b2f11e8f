#!/usr/bin/env python3
"""Validates what eve_samples prints, line by line, against the schema of the documented fields.

Arguments: the program, the schema. Beyond the schema: each line is ASCII and of bounded length,
every value of every enumeration was among the samples, and arrays hold only numbers and strings
(Wazuh's decoder wants that).
"""
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import jsonschema

MAX_LENGTH = 16 * 1024


def nested_arrays(value, inside=False):
    """Is there an array that holds objects or arrays?"""
    if isinstance(value, dict):
        return inside or any(nested_arrays(each) for each in value.values())
    if isinstance(value, list):
        return inside or any(nested_arrays(each, True) for each in value)
    return False


def complaints(lines, validator, scan_schema):
    seen = defaultdict(set)
    for number, line in enumerate(lines, 1):
        if not line.isascii() or len(line) > MAX_LENGTH:
            yield f"line {number}: not ASCII, or {len(line)} bytes"
        event = json.loads(line)
        for error in validator.iter_errors(event):
            yield f"line {number}: {'/'.join(map(str, error.path))}: {error.message[:200]}"
        if nested_arrays(event):
            yield f"line {number}: an array holds more than numbers and strings"
        for key, value in event.get("alert", {}).get("context", {}).get("scan", {}).items():
            seen[key].add(str(value))
    for key, rule in scan_schema["properties"].items():
        if key not in seen:
            yield f"no sample had {key}"
        for value in rule.get("enum", []):
            if value not in seen[key]:
                yield f"no sample had {key} = {value}"


def main():
    schema = json.loads(Path(sys.argv[2]).read_text())
    validator = jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())
    scan_schema = schema["definitions"]["scan"]

    # The check itself can fail: what the schema forbids is found.
    event = '{"timestamp":"2026-11-26T12:00:00.000000+0000","event_type":"alert","scan":{}}'
    assert any("'scan' was unexpected" in each for each in complaints([event], validator, scan_schema))
    assert nested_arrays({"a": [{}]}) and not nested_arrays({"a": [1, "x"], "b": {}})

    lines = subprocess.run([sys.argv[1]], capture_output=True, text=True, check=True,
                           timeout=60).stdout.splitlines()
    problems = list(complaints(lines, validator, scan_schema))
    for problem in problems[:20]:
        print(problem)
    print(f"{len(lines)} events, {len(problems)} complaints")
    return 1 if problems or len(lines) < 3000 else 0


if __name__ == "__main__":
    sys.exit(main())
