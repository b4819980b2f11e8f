#!/usr/bin/env python3
"""The report as a browser sees it: Debian's Chromium, headless. Three scans, in ascending order, in
random order and slow, go as packets through scanlogd into a store; the page made of that renders
without a word on the console, has the points and tables it should, and pictures that differ. Then a
page of 20,000 points, and one from a store of many scans, each within its time.

The picture in docs/ was made here, with SCANLOGD_PICTURES=docs/pictures; it has to look like the page.

Arguments: scanlogd, scanlogctl, the program that makes a store, the folder of the tree's pictures, and
where there is libloc the program that makes a database of networks.
"""
import base64
import hashlib
import os
import random
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from html.parser import HTMLParser
from pathlib import Path

PROBLEMS = []
SKIPPED = 77
CHROMIUM = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--hide-scrollbars", "--enable-logging=stderr", "--log-level=0"]
HOST = "198.51.100.1"


def expect(is_true, what):
    if not is_true:
        PROBLEMS.append(what)


# The scans, as a capture file.

def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def segment(source, target, source_port, target_port, flags, number):
    addresses = b"".join(bytes(map(int, each.split("."))) for each in (source, target))
    tcp = struct.pack("!HHIIBBHHH", source_port, target_port, number, number, 0x50, flags, 1024, 0, 0)
    total = checksum(addresses + struct.pack("!HH", 6, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack("!H", total) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, number & 0xffff, 0, 57, 6, 0) + addresses
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return bytes(12) + b"\x08\x00" + ip + tcp


def scan(source, start, pause, ports, is_open=(22, 80)):
    for at, port in enumerate(ports):
        when = start + at * pause
        yield when, segment(source, HOST, 40000 + at % 1000, port, 0x02, 1000 + at)
        answer = 0x12 if port in is_open else 0x14
        yield when + 0.00005, segment(HOST, source, port, 40000 + at % 1000, answer, 7)


def write_capture(path):
    now = int(time.time()) - 50_000
    mixed = list(range(1, 1001))
    random.Random(1).shuffle(mixed)
    packets = [*scan("203.0.113.5", now, 0.001, range(1, 1001)),
               *scan("203.0.113.6", now + 60, 0.001, mixed),
               *scan("203.0.113.7", now + 120, 300, mixed[:100])]
    with path.open("wb") as out:
        out.write(struct.pack("<IHHIIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for when, frame in sorted(packets):
            out.write(struct.pack("<IIII", int(when), int(when % 1 * 1e6), len(frame), len(frame)))
            out.write(frame)


# The page, as its source says and as the browser made it.

class Page(HTMLParser):
    """Elements by name, and the circles, diamonds and rows of each picture of a scan."""

    def __init__(self, text):
        super().__init__()
        self.names, self.ids, self.attributes, self.scans, self.scan = {}, [], set(), {}, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.names[tag] = self.names.get(tag, 0) + 1
        self.attributes |= set(attrs)
        self.ids += [attrs["id"]] if "id" in attrs else []
        if tag == "section":
            self.scan = self.scans.setdefault(attrs["id"], {"points": [], "open": 0, "rows": 0, "text": ""})
        if self.scan is None:
            return
        classes = attrs.get("class", "").split()
        if tag == "circle" and "p" in classes:
            self.scan["points"].append((float(attrs["cx"]), float(attrs["cy"])))
        if tag == "path" and "p" in classes:
            x, y = re.match(r"M([\d.]+) ([\d.]+)", attrs["d"]).groups()
            self.scan["points"].append((float(x), float(y) + 5))
            self.scan["open"] += "o" in classes
        self.scan["rows"] += tag == "tr"

    def handle_endtag(self, tag):
        if tag == "section":
            self.scan = None

    def handle_data(self, data):
        if self.scan is not None:
            self.scan["text"] += data


class Browser:
    def __init__(self, program, scratch):
        self.program, self.scratch, self.runs, self.said = program, scratch, 0, []

    def __call__(self, page, *words):
        self.runs += 1
        profile = self.scratch / f"profile{self.runs}"
        began = time.monotonic()
        done = subprocess.run([self.program, *CHROMIUM, f"--user-data-dir={profile}", *words,
                               page.as_uri()], capture_output=True, text=True, timeout=120,
                              check=False, env={**os.environ, "HOME": str(self.scratch)})
        expect(done.returncode == 0, f"chromium: status {done.returncode}: {done.stderr[-500:]}")
        self.said = [line for line in done.stderr.splitlines() if "CONSOLE" in line.upper()]
        return done.stdout, time.monotonic() - began

    def quietly(self, page, *words):
        """Renders a page that must not make the browser complain."""
        rendered = self(page, *words)
        expect(not self.said, f"{page.name}: on the console: {self.said[:3]}")
        return rendered


def read_png(path):
    """Rows of pixels as bytes (PNG, third edition), all of a colour type without palette."""
    data = path.read_bytes()
    at, idat = 8, b""
    while at < len(data):
        size, kind = struct.unpack("!I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height, _, colour = struct.unpack("!IIBB", body[:10])
        idat += body if kind == b"IDAT" else b""
        at += size + 12
    step = {2: 3, 6: 4}[colour]
    raw, rows, before = zlib.decompress(idat), [], bytes(width * step)
    for line in range(height):
        start = line * (width * step + 1)
        row = bytearray(raw[start + 1:start + 1 + width * step])
        kind = raw[start]
        for i, value in enumerate(row if kind else ()):
            left = row[i - step] if i >= step else 0
            up, corner = before[i], before[i - step] if i >= step else 0
            if kind == 4:
                guess = left + up - corner
                near = min((abs(guess - left), 0, left), (abs(guess - up), 1, up),
                           (abs(guess - corner), 2, corner))[2]
            else:
                near = (0, left, up, (left + up) // 2)[kind]
            row[i] = (value + near) & 255
        rows.append(bytes(row))
        before = row
    return rows, step


def colours_of(path):
    rows, step = read_png(path)
    counts = {}
    for row in rows[::2]:
        for at in range(0, len(row), 2 * step):
            pixel = row[at:at + 3]
            counts[pixel] = counts.get(pixel, 0) + 1
    return sorted(counts, key=counts.get, reverse=True)


def rank_correlation(points):
    """Spearman's: 1 for what always rises."""
    def ranks(values):
        order = sorted(range(len(values)), key=values.__getitem__)
        return {at: rank for rank, at in enumerate(order)}
    by_x, by_y = ranks([x for x, _ in points]), ranks([-y for _, y in points])
    count = len(points)
    return 1 - 6 * sum((by_x[i] - by_y[i]) ** 2 for i in range(count)) / (count * (count ** 2 - 1))


def check_source(text):
    style = re.search(r"<style>(.*?)</style>", text, re.S).group(1)
    wanted = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    expect(f"style-src 'sha256-{wanted}'" in text, f"the policy does not know its style: {wanted}")
    expect("default-src 'none'" in text, "the policy allows more than nothing")
    expect(not re.search(r"https?://|<script|javascript:|<link|<img|<iframe|\son\w+=", text),
           "the page has what it must not have")
    expect(all(ord(each) < 128 for each in text), "not ASCII")


def check_three_scans(text, dom):
    page = Page(dom)
    expect(len(page.ids) == len(set(page.ids)), "an id is there twice")
    expect("style" not in page.attributes, "an element has a style of its own")
    expect(page.names.get("svg") == 4, f"{page.names.get('svg')} pictures, not 4")
    expect(page.names["figure"] == page.names["svg"], "a picture without a figure")
    expect(text.count('role="img"') == 4 and text.count("aria-labelledby=") == 4, "unnamed pictures")
    expect(page.names["desc"] == 4 and page.names["details"] == 4, "a picture without its table")
    by_source = {}
    for scan_seen in page.scans.values():
        for source in ("203.0.113.5", "203.0.113.6", "203.0.113.7"):
            if source in scan_seen["text"]:
                by_source[source] = scan_seen
    expect(len(by_source) == 3, f"scans of {sorted(by_source)} only")
    if len(by_source) < 3:
        return
    rising, mixed, slow = (by_source[each] for each in sorted(by_source))
    for scan_seen in (rising, mixed, slow):
        points = scan_seen["points"]
        expect(60 <= len(points) <= 128, f"{len(points)} points")
        expect(scan_seen["rows"] == len(points) + 1, "the table has other points than the picture")
        expect(all(100 < x < 700 and 10 < y < 220 for x, y in points), "a point outside its frame")
        expect("found open" in scan_seen["text"], "nothing about what was open")
    expect(rank_correlation(rising["points"]) > 0.99, "the sequential scan does not rise")
    expect(abs(rank_correlation(mixed["points"])) < 0.4, "the random scan rises or falls")
    expect("in ascending order, fast" in rising["text"], "sequential: " + rising["text"][:300])
    expect("in random order, fast" in mixed["text"], "random: " + mixed["text"][:300])
    expect("in random order, slow: a probe every 5 min" in slow["text"], "slow: " + slow["text"][:300])
    expect("1 h" in slow["text"] and "8 h" in slow["text"] and "200 ms" in mixed["text"],
           "time axes are not told apart")
    expect("22" in rising["text"].split("Found open")[1][:20], "open ports are not first")


def check_countries(ctl, browser, state, scratch, maker):
    """With a database, if there is a program that makes one; why there are none, if not."""
    page = scratch / "countries.html"
    if not maker:
        ctl(state, "report", "-o", str(page))
        expect("There are no countries: open(locations): this scanlogctl was built without libloc."
               in page.read_text(), "it does not say why there are no countries")
        return
    database = scratch / "locations.db"
    subprocess.run([*maker, str(database)], check=True, timeout=60)
    ctl(state, "report", "--locations", str(database), "-o", str(page))
    check_source(page.read_text())
    dom = browser.quietly(page, "--dump-dom")[0]
    section = dom.partition("Countries of sources")[2]
    for heading in ("Scans", "Sources", "Code", "Country"):
        expect(re.search(rf'<th scope="col"[^>]*>{heading}</th>', section), f"no column {heading}")
    for code, name in (("DE", "&lt;b&gt;Germany&lt;/b&gt; &amp; ?[31m"), ("FR", "France")):
        expect(f"<td>{code}</td><td>{name}</td>" in section, f"{code} is not in the table")
        expect(f"<td>{code} {name}</td>" in dom, f"{code} is not beside a source")
    expect("<td>AS64500 Example Net</td>" in dom, "the AS is not beside a source")
    expect("<b>" not in dom, "text of the database is no text")


def check_pictures(browser, scratch, page):
    shots = {}
    for name, words in (("light", []), ("dark", ["--blink-settings=preferredColorScheme=0"])):
        path = scratch / f"{name}.png"
        browser.quietly(page, "--window-size=900,2400", f"--screenshot={path}", *words)
        expect(path.exists(), f"no picture of the page in {name}")
        if path.exists():
            shots[name] = colours_of(path)
    for name, colours in shots.items():
        expect(len(colours) > 20, f"{name}: {len(colours)} colours: an empty page?")
    if len(shots) == 2:
        expect(sum(shots["light"][0]) > 700 and sum(shots["dark"][0]) < 150,
               f"the ground is {list(shots['light'][0])} and {list(shots['dark'][0])}")
    printed = scratch / "report.pdf"
    browser.quietly(page, f"--print-to-pdf={printed}", "--no-pdf-header-footer")
    expect(printed.exists() and printed.read_bytes().startswith(b"%PDF"), "it does not print")


def check_tree_picture(browser, scratch, page, pictures):
    """The beginning of the page: the same width, ground and ink as in the tree."""
    made, kept = scratch / "beginning.png", pictures / "report.png"
    browser.quietly(page, "--window-size=900,1400", f"--screenshot={made}")
    if os.environ.get("SCANLOGD_PICTURES"):
        shutil.copy(made, Path(os.environ["SCANLOGD_PICTURES"]) / kept.name)
    sizes, colours = [], []
    for path in (made, kept):
        rows, step = read_png(path)
        sizes.append((len(rows[0]) // step, len(rows)))
        colours.append(colours_of(path))
    expect(sizes[0] == sizes[1], f"{kept} is old: {sizes}")
    # The letters may be those of other fonts.
    expect(colours[0][0] == colours[1][0] and set(colours[0][:4]) <= set(colours[1][:20]),
           f"{kept} is old: {colours[0][:4]} are not among {colours[1][:20]}")


def pack(points):
    """A sample as docs/formats.md says it is packed: times in microseconds, ports; of one host."""
    def number(value):
        out = bytearray()
        while value > 127:
            out.append(value & 127 | 128)
            value >>= 7
        return bytes(out) + bytes([value])

    def signed(value):
        return number(value << 1 if value >= 0 else (-value << 1) - 1)

    out = bytes([1, 0]) + number(1) + bytes([4, 198, 51, 100, 1]) + number(len(points))
    before = (0, 0)
    for point in points:
        out += signed(point[0] - before[0]) + signed(point[1] - before[1]) + number(2)
        before = point
    return out


def check_size_and_time(ctl, maker, browser, scratch):
    state = scratch / "many"
    state.mkdir()
    subprocess.run([maker, str(state), "2000"], check=True, timeout=300)
    drawn = random.Random(3)
    with sqlite3.connect(state / "scanlogd.db") as database:
        numbers = [number for number, in database.execute("SELECT id FROM scan")]
        database.executemany("REPLACE INTO sample VALUES (?,?)", (
            (number, pack([(at * 1000, drawn.randrange(65536)) for at in range(104)]))
            for number in numbers))
    database.close()
    page = scratch / "many.html"
    began = time.monotonic()
    ctl(state, "report", "--since", "52w", "-n", "200", "-o", str(page))
    made = time.monotonic() - began
    text = page.read_text()
    points = text.count('class="p ')
    expect(points == 200 * 104, f"{points} points")
    expect("200 are shown, " in text, "what is left off is not counted")
    expect(made < 5, f"20,000 points took {made:.1f} s to write")
    check_source(text)
    dom, took = browser.quietly(page, "--dump-dom")
    expect(dom.count('class="p ') == points, "the browser has other points")
    # The start of the browser included; it takes a third of that on an idle machine.
    expect(took < 20, f"20,000 points took {took:.1f} s to render")
    print(f"{points} points, {len(text)} bytes: written in {made:.2f} s, rendered in {took:.2f} s")


def main():
    scanlogd, scanlogctl, maker, pictures, *locations = sys.argv[1:]
    program = shutil.which("chromium")
    if program is None:
        print("skipped: chromium is not installed")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="scanlogd-report.") as name:
        scratch = Path(name)

        def ctl(state, *words):
            done = subprocess.run([scanlogctl, "--state", str(state), *words], capture_output=True,
                                  text=True, timeout=120, check=False, env={**os.environ, "TZ": "UTC"})
            expect(done.returncode == 0, f"{words}: {done.stderr}")
            return done.stdout

        capture, state = scratch / "three.pcap", scratch / "state"
        state.mkdir()
        write_capture(capture)
        subprocess.run([scanlogd, "--no-config", "-r", str(capture), "--profile", "full",
                        "--local", "198.51.100.0/24", "--state", str(state)], check=True, timeout=60,
                       capture_output=True,
                       # Leaks are looked for in /proc, which is out of reach once it is locked in.
                       env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        page = scratch / "report.html"
        ctl(state, "report", "-o", str(page))
        expect(ctl(state, "report").startswith("<!DOCTYPE html>"), "nothing on standard output")
        text = page.read_text()
        check_source(text)
        browser = Browser(program, scratch)
        check_countries(ctl, browser, state, scratch, locations)
        check_three_scans(text, browser.quietly(page, "--dump-dom")[0])
        wrong = scratch / "wrong.html"
        wrong.write_text(text.replace("'sha256-", "'sha256-AAAA"))
        browser(wrong, "--dump-dom")
        expect(browser.said, "a style that the policy does not know goes unnoticed: so would others")
        check_pictures(browser, scratch, page)
        check_tree_picture(browser, scratch, page, Path(pictures))
        check_size_and_time(ctl, maker, browser, scratch)
    for problem in PROBLEMS:
        print(problem)
    return 1 if PROBLEMS else 0


if __name__ == "__main__":
    sys.exit(main())
