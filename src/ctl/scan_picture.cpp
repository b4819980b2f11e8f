// See scan_picture.h.
#include "ctl/scan_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "ctl/html.h"
#include "ctl/wording.h"

namespace scanlogd::ctl {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

// The picture, in units of its own.
constexpr double kWidth = 760;
constexpr double kHeight = 300;
constexpr double kLeft = 110;
constexpr double kRight = 680;
constexpr double kTop = 14;
constexpr double kBottom = 216;
constexpr double kPaceLine = 280;

/// Maps values to places.
struct Scale {
  double low = 0;
  double high = 1;
  double from = 0;
  double to = 1;

  [[nodiscard]] double at(double value) const noexcept {
    return from + (value - low) / (high - low) * (to - from);
  }
};

/// What stands at one place of an axis.
struct Tick {
  double value = 0;
  std::string text;
};

/// A sample as it is drawn: a value upwards for each point, and what the values are called.
struct Drawn {
  PictureAxis axis = PictureAxis::ports;
  std::vector<double> values;
  std::vector<Address> hosts;  ///< in ascending order; of `PictureAxis::hosts`
};

std::vector<Address> hosts_of(const ProbeSample& sample) {
  std::vector<Address> hosts;
  hosts.reserve(sample.points.size());
  for (const ProbePoint& point : sample.points) hosts.push_back(point.target);
  std::ranges::sort(hosts);
  const auto rest = std::ranges::unique(hosts);
  hosts.erase(rest.begin(), rest.end());
  return hosts;
}

std::size_t count_ports(const ProbeSample& sample) {
  std::vector<Port> ports;
  ports.reserve(sample.points.size());
  for (const ProbePoint& point : sample.points) ports.push_back(point.port);
  std::ranges::sort(ports);
  return static_cast<std::size_t>(std::ranges::unique(ports).begin() - ports.begin());
}

Drawn arrange(const ProbeSample& sample) {
  Drawn drawn{.axis = axis_of(sample), .values = {}, .hosts = hosts_of(sample)};
  for (const ProbePoint& point : sample.points) {
    const auto host = std::ranges::lower_bound(drawn.hosts, point.target);
    drawn.values.push_back(drawn.axis == PictureAxis::ports
                               ? point.port
                               : static_cast<double>(host - drawn.hosts.begin()));
  }
  return drawn;
}

/// 1, 2 or 5 times a power of ten, so that `range` has about five of them; at least 1.
double step_of(double range) {
  const double least = std::max(range / 6, 1.0);
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least) return factor * power;
  }
  return 10 * power;
}

std::vector<Tick> ticks_of(const Scale& scale) {
  std::vector<Tick> ticks;
  const double step = step_of(scale.high - scale.low);
  const double first = std::ceil(std::max(scale.low, 0.0) / step) * step;
  for (double value = first; value <= scale.high; value += step) {
    ticks.push_back({.value = value, .text = fmt::format("{:.0f}", value)});
  }
  return ticks;
}

struct Unit {
  nanoseconds length;
  std::string_view name;
};
constexpr std::array<Unit, 6> kUnits = {
    {{24h, "d"}, {1h, "h"}, {1min, "min"}, {1s, "s"}, {1ms, "ms"}, {1us, "us"}}};

/// `1.2 ms`, in the largest unit of which there is one.
std::string format_exactly(nanoseconds time) {
  for (const Unit& unit : kUnits) {
    if (time < unit.length && unit.length > 1us) continue;
    const double value = std::round(std::chrono::duration<double>(time) / unit.length * 10) / 10;
    return fmt::format("{:.{}f} {}", value, value < 10 && value != std::floor(value) ? 1 : 0,
                       unit.name);
  }
  return {};
}

/// How far marks of time stand apart.
nanoseconds time_step(nanoseconds range) {
  const nanoseconds least = std::max<nanoseconds>(range / 6, 1us);
  for (nanoseconds power = 1us; power <= 10s; power *= 10) {
    for (const int factor : {1, 2, 5}) {
      if (factor * power >= least && factor * power < 1min) return factor * power;
    }
  }
  constexpr std::array<std::chrono::minutes, 11> kSteps = {1min, 2min, 5min, 10min, 15min, 30min,
                                                           1h,   2h,   3h,   6h,    12h};
  for (const std::chrono::minutes step : kSteps) {
    if (step >= least) return step;
  }
  return 24h *
         std::max<std::int64_t>(
             static_cast<std::int64_t>(step_of(std::chrono::duration<double>(range) / 24h)), 1);
}

std::vector<Tick> time_ticks(nanoseconds range) {
  std::vector<Tick> ticks;
  const nanoseconds step = time_step(range);
  const auto* const unit =
      std::ranges::find_if(kUnits, [step](const Unit& each) { return each.length <= step; });
  for (nanoseconds time{}; time <= range; time += step) {
    ticks.push_back({.value = std::chrono::duration<double>(time).count(),
                     .text = fmt::format("{} {}", time / unit->length, unit->name)});
  }
  return ticks;
}

void put_line(std::string& out, std::string_view kind, double x1, double y1, double x2, double y2) {
  out += fmt::format("<path class=\"{}\" d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\"/>\n", kind, x1, y1, x2,
                     y2);
}

void put_text(std::string& out, double x, double y, std::string_view anchor, std::string_view text,
              std::string_view kind = {}) {
  out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}{}{}>{}</text>\n", x, y,
                     anchor, kind.empty() ? "" : " class=\"", kind, kind.empty() ? "" : "\"", text);
}

void put_axes(std::string& out, const Scale& x, const std::vector<Tick>& x_ticks,
              std::string_view x_name, const Scale& y, const std::vector<Tick>& y_ticks) {
  for (const Tick& tick : y_ticks) {
    put_line(out, "grid", kLeft, y.at(tick.value), kRight, y.at(tick.value));
    put_text(out, kLeft - 6, y.at(tick.value) + 4, "end", tick.text);
  }
  for (const Tick& tick : x_ticks) {
    put_line(out, "grid", x.at(tick.value), kTop, x.at(tick.value), kBottom);
    put_text(out, x.at(tick.value), kBottom + 16, "middle", tick.text);
  }
  out += fmt::format("<path class=\"axis\" d=\"M{} {}V{}H{}\"/>\n", kLeft, kTop, kBottom, kRight);
  put_text(out, kRight, kBottom + 32, "end", x_name);
}

void put_point(std::string& out, double x, double y, ProbeOutcome outcome) {
  if (outcome == ProbeOutcome::open) {
    out += fmt::format("<path class=\"p o\" d=\"M{:.1f} {:.1f}l5 5-5 5-5-5z\"/>\n", x, y - 5);
    return;
  }
  out += fmt::format("<circle class=\"p {}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\"/>\n",
                     outcome == ProbeOutcome::closed ? 'c' : 'u', x, y);
}

/// Where the pace of this scan stands among all, from a microsecond to a day between probes: the
/// time axis of every picture has another length, this one has not.
void put_pace(std::string& out, nanoseconds pace) {
  const Scale scale{
      .low = -6, .high = std::log10(86400.0), .from = kLeft, .to = kRight};  // of seconds
  const auto at = [&](nanoseconds time) {
    const double seconds = std::chrono::duration<double>(time).count();
    return scale.at(std::clamp(std::log10(std::max(seconds, 1e-9)), scale.low, scale.high));
  };
  out += "<g class=\"pace\">\n";
  put_text(out, kLeft - 6, kPaceLine + 4, "end", "pace");
  put_line(out, "axis", kLeft, kPaceLine, kRight, kPaceLine);
  constexpr std::array<std::pair<nanoseconds, std::string_view>, 6> kMarks = {{
      {1us, "1 us between probes"},
      {1ms, "1 ms"},
      {1s, "1 s"},
      {1min, "1 min"},
      {1h, "1 h"},
      {24h, "1 d"},
  }};
  for (const auto& [time, name] : kMarks) {
    put_line(out, "axis", at(time), kPaceLine - 3, at(time), kPaceLine + 3);
    put_text(out, at(time), kPaceLine + 17, time == 1us ? "start" : "middle", name);
  }
  const double x = at(pace);
  out += fmt::format("<path class=\"bar\" d=\"M{:.1f} {:.1f}l-6 -10h12z\"/>\n", x, kPaceLine - 2);
  put_text(out, x, kPaceLine - 15, "middle", format_exactly(pace));
  out += "</g>\n";
}

std::string open_picture(const Scan& scan, std::string_view name, std::string_view what,
                         double height) {
  return fmt::format(
      "<svg class=\"{2}\" viewBox=\"0 0 {0} {1}\" role=\"img\" aria-labelledby=\"t{3} d{3}\">\n"
      "<title id=\"t{3}\">Scan {3}</title><desc id=\"d{3}\">{4}</desc>\n",
      kWidth, height, name, scan.id, escape(what));
}

/// Ports that were found open, whether their probes are in the sample or not.
void put_open_ports(std::string& out, const Scan& scan, const Scale& y) {
  std::vector<Port> ports(scan.event.open.begin(), scan.event.open.begin() + scan.event.open_count);
  std::ranges::sort(ports);
  constexpr double kLineOfText = 13;
  constexpr std::size_t kMostText = 12;
  double label = 0;
  std::string text;
  const auto put_label = [&] {
    if (!text.empty()) put_text(out, kRight + 6, label + 4, "start", text + " open", "open");
  };
  for (const Port port : ports) {
    if (port < y.low || port > y.high) continue;
    const double at = y.at(port);
    put_line(out, "ports", kLeft, at, kRight, at);
    // What is too near for a line of its own joins the one below.
    if (!text.empty() && label - at < kLineOfText) {
      if (text.size() < kMostText)
        text += fmt::format(",{}", port);
      else if (!text.ends_with(".."))
        text += "..";
      continue;
    }
    put_label();
    label = at;
    text = std::to_string(port);
  }
  put_label();
}

std::vector<Tick> host_ticks(const Drawn& drawn) {
  std::vector<Tick> ticks;
  const std::size_t count = drawn.hosts.size();
  for (const std::size_t at : {std::size_t{0}, count / 2, count - 1}) {
    if (!ticks.empty() && ticks.back().value == static_cast<double>(at)) continue;
    ticks.push_back({.value = static_cast<double>(at), .text = to_string(drawn.hosts[at])});
  }
  return ticks;
}

Scale port_scale(std::span<const double> values, const Scan& scan) {
  Scale scale{.low = 65535, .high = 0, .from = kBottom, .to = kTop};
  for (const double value : values) {
    scale.low = std::min(scale.low, value);
    scale.high = std::max(scale.high, value);
  }
  for (const Port port : std::span(scan.event.open).first(scan.event.open_count)) {
    scale.low = std::min<double>(scale.low, port);
    scale.high = std::max<double>(scale.high, port);
  }
  const double margin = std::max((scale.high - scale.low) / 20, 1.0);
  scale.low = std::max(scale.low - margin, -1.0);
  scale.high = std::min(scale.high + margin, 65536.0);
  return scale;
}

std::string_view name_of_outcome(ProbeOutcome outcome) noexcept {
  switch (outcome) {
    case ProbeOutcome::open:
      return "open";
    case ProbeOutcome::closed:
      return "closed";
    case ProbeOutcome::filtered:
      return "filtered";
    case ProbeOutcome::unknown:
      break;
  }
  return "none seen";
}

}  // namespace

PictureAxis axis_of(const ProbeSample& sample) {
  const bool has_hosts = hosts_of(sample).size() > std::max<std::size_t>(count_ports(sample), 2);
  return has_hosts && count_ports(sample) <= 2 ? PictureAxis::hosts : PictureAxis::ports;
}

ProbeOrder order_of(const ProbeSample& sample) {
  constexpr std::size_t kLeast = 6;
  const std::vector<double> values = arrange(sample).values;
  if (values.size() < kLeast) return ProbeOrder::unclear;
  std::size_t up = 0;
  std::size_t down = 0;
  for (std::size_t i = 1; i < values.size(); ++i) {
    up += values[i] > values[i - 1] ? 1U : 0U;
    down += values[i] < values[i - 1] ? 1U : 0U;
  }
  if (up + down < kLeast - 1) return ProbeOrder::unclear;
  constexpr std::size_t kTenth = 10;
  if (down * kTenth <= up + down) return ProbeOrder::ascending;
  if (up * kTenth <= up + down) return ProbeOrder::descending;
  return ProbeOrder::mixed;
}

std::optional<nanoseconds> pace_of(const ProbeSample& sample) {
  std::span<const ProbePoint> points = sample.points;
  if (points.size() < 2) return {};
  // Between the first and the second stand all those of before the scan was found.
  if (points.size() > 2) points = points.subspan(1);
  const nanoseconds span = points.back().time - points.front().time;
  if (span < 0ns) return {};
  const double probes = std::ldexp(static_cast<double>(points.size() - 1), sample.shift);
  return std::chrono::round<nanoseconds>(std::chrono::duration<double, std::nano>(span) / probes);
}

std::string describe_course(const ProbeSample& sample) {
  std::string text;
  const std::string_view what = axis_of(sample) == PictureAxis::ports ? "ports" : "hosts";
  switch (order_of(sample)) {
    case ProbeOrder::ascending:
      text = fmt::format("{} in ascending order", what);
      break;
    case ProbeOrder::descending:
      text = fmt::format("{} in descending order", what);
      break;
    case ProbeOrder::mixed:
      text = fmt::format("{} in random order", what);
      break;
    case ProbeOrder::unclear:
      break;
  }
  const auto pace = pace_of(sample);
  if (!pace) return text;
  constexpr nanoseconds kSlow = 15s;
  constexpr nanoseconds kFast = 100ms;
  const std::string_view word = *pace >= kSlow ? "slow" : *pace <= kFast ? "fast" : "steady";
  return fmt::format("{}{}{}: a probe every {}", text, text.empty() ? "" : ", ", word,
                     format_exactly(*pace));
}

std::string draw_scan(const Scan& scan, const ProbeSample& sample) {
  const Drawn drawn = arrange(sample);
  nanoseconds length = std::max<nanoseconds>(scan.last - scan.started, 1us);
  for (const ProbePoint& point : sample.points) length = std::max(length, point.time);
  const bool has_ports = drawn.axis == PictureAxis::ports;
  std::string out = open_picture(
      scan, "scatter",
      fmt::format("{} points: the {} that were probed, over {}; {}. The table has the same.",
                  sample.points.size(), has_ports ? "ports" : "hosts", format_duration(length),
                  describe_course(sample)),
      kHeight);
  const Scale x{.low = 0,
                .high = std::chrono::duration<double>(length).count(),
                .from = kLeft + 6,
                .to = kRight - 6};
  const Scale y = has_ports ? port_scale(drawn.values, scan)
                            : Scale{.low = -1,
                                    .high = static_cast<double>(drawn.hosts.size()),
                                    .from = kBottom,
                                    .to = kTop};
  put_axes(out, x, time_ticks(length), "time since the first packet", y,
           has_ports ? ticks_of(y) : host_ticks(drawn));
  put_text(out, 0, kTop + 10, "start", has_ports ? "port" : "host");
  const nanoseconds found = scan.detected - scan.started;
  if (found > 0ns && found < length) {
    const double at = x.at(std::chrono::duration<double>(found).count());
    put_line(out, "found", at, kTop, at, kBottom);
    put_text(out, at, kTop - 3, "middle", "found");
  }
  if (has_ports) put_open_ports(out, scan, y);
  for (std::size_t i = 0; i < sample.points.size(); ++i) {
    const ProbePoint& point = sample.points[i];
    const double time = std::max(std::chrono::duration<double>(point.time).count(), 0.0);
    put_point(out, x.at(time), y.at(drawn.values[i]), point.outcome);
  }
  if (const auto pace = pace_of(sample)) put_pace(out, *pace);
  return out + "</svg>\n";
}

std::string draw_first_ports(const Scan& scan) {
  const std::span<const Port> ports = std::span(scan.event.ports).first(scan.event.port_count);
  std::string out = open_picture(
      scan, "order",
      fmt::format("The first {} ports in the order in which they were first seen; when "
                  "is not on record.",
                  ports.size()),
      kBottom + 40);
  const std::vector<double> values(ports.begin(), ports.end());
  const Scale x{.low = 1,
                .high = std::max(static_cast<double>(ports.size()), 2.0),
                .from = kLeft + 6,
                .to = kRight - 6};
  const Scale y = port_scale(values, scan);
  put_axes(out, x, ticks_of(x), "order in which they were first seen, not time", y, ticks_of(y));
  put_text(out, 0, kTop + 10, "start", "port");
  put_open_ports(out, scan, y);
  for (std::size_t i = 0; i < ports.size(); ++i) {
    put_point(out, x.at(static_cast<double>(i + 1)), y.at(values[i]), ProbeOutcome::unknown);
  }
  return out + "</svg>\n";
}

std::string list_points(const ProbeSample& sample) {
  HtmlTable table("Probes in the sample, by the time since the first packet",
                  {{.title = "Seconds", .is_number = true},
                   {.title = "Target"},
                   {.title = "Port", .is_number = true},
                   {.title = "Answer"}});
  for (const ProbePoint& point : sample.points) {
    table.add({fmt::format("{:.6f}", std::chrono::duration<double>(point.time).count()),
               to_string(point.target), std::to_string(point.port),
               std::string(name_of_outcome(point.outcome))});
  }
  return std::move(table).finish();
}

}  // namespace scanlogd::ctl
