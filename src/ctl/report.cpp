// `scanlogctl report`: what was found in a period, as one page of HTML that can be sent to somebody
// or printed: no script, nothing loaded from anywhere (html.h). Whatever could grow without bound
// is cut, and what is left off is counted.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/blind_interval.h"
#include "core/scan_names.h"
#include "core/scan_words.h"
#include "ctl/countries.h"
#include "ctl/html.h"
#include "ctl/scan_picture.h"
#include "ctl/subcommands.h"
#include "ctl/wording.h"

namespace scanlogd::ctl {
namespace {

using std::chrono::system_clock;
using namespace std::chrono_literals;

constexpr std::chrono::hours kDefaultPeriod = 24h;
constexpr std::size_t kDefaultScans = 12;
constexpr std::size_t kMostNotices = 100;
constexpr std::size_t kTopLines = 10;
constexpr std::size_t kParts = 48;  ///< of the period, in the picture of it

struct Period {
  system_clock::time_point since;
  system_clock::time_point until;
};

/// The blind intervals among the notices, each once: what is told when it begins is told again when
/// it is over.
std::vector<BlindInterval> list_blinds(std::span<const Notice> notices) {
  std::vector<BlindInterval> blinds;
  for (const Notice& notice : notices) {
    const auto blind = parse_blind_interval(notice.view());
    if (!blind) continue;
    const bool is_told = std::ranges::any_of(blinds, [&](const BlindInterval& each) {
      return each.start == blind->start && each.interface == blind->interface;
    });
    if (blind->end || !is_told) blinds.push_back(*blind);
  }
  return blinds;
}

std::string paragraph(std::string_view text) { return fmt::format("<p>{}</p>\n", escape(text)); }

std::string plural(std::uint64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", format_count(count), count == 1 ? one : many);
}

std::string write_head(const Period& period, const PeriodSummary& found,
                       const StoreSummary& store) {
  std::string out = open_page(fmt::format("Port scans from {} to {}", format_time(period.since),
                                          format_time(period.until)));
  out += fmt::format("<h1>Port scans, {} to {}</h1>\n", format_time(period.since),
                     format_time(period.until));
  out += fmt::format(
      "<p class=\"dim\">Made by scanlogctl {}, {}, from what scanlogd has on record. "
      "Times are local.</p>\n",
      SCANLOGD_VERSION, format_iso_time(period.until));
  if (found.scans == 0) {
    out += paragraph("No scan was found in this time.");
  } else {
    out += paragraph(fmt::format(
        "{} by {} against {}; {} found something open. In {} the source is proven to hold its "
        "address. {} on.",
        plural(found.scans, "scan", "scans"), plural(found.sources, "source", "sources"),
        plural(found.targets, "target", "targets"), format_count(found.found_open),
        format_count(found.proven), plural(found.going_on, "scan goes", "scans go")));
  }
  if (store.scans > 0 && store.oldest > period.since) {
    out += paragraph(fmt::format("The record begins at {}; what was before is not in it.",
                                 format_time(store.oldest)));
  }
  return out;
}

/// Where `at` stands in the picture of the period.
double place(const Period& period, system_clock::time_point at, double width) {
  const std::chrono::duration<double> length = period.until - period.since;
  const std::chrono::duration<double> before = at - period.since;
  return std::clamp(before / length, 0.0, 1.0) * width;
}

std::string write_timeline(const Period& period, const std::vector<std::uint64_t>& parts,
                           std::span<const BlindInterval> blinds) {
  constexpr double kWidth = 760;
  constexpr double kLeft = 60;
  constexpr double kBase = 110;
  constexpr double kHigh = 96;
  const std::uint64_t most = std::max<std::uint64_t>(std::ranges::max(parts), 1);
  std::string out = fmt::format(
      "<figure>\n<svg class=\"timeline\" viewBox=\"0 0 {} 134\" role=\"img\" "
      "aria-labelledby=\"tp dp\">\n<title id=\"tp\">Scans found, over time</title><desc id=\"dp\">"
      "{} bars, the highest {}. The table has the same.</desc>\n",
      kWidth, parts.size(), plural(most, "scan", "scans"));
  const double width = kWidth - kLeft;
  for (const BlindInterval& blind : blinds) {
    const double from = kLeft + place(period, blind.start, width);
    const double to = kLeft + place(period, blind.end.value_or(period.until), width);
    out += fmt::format(
        "<rect class=\"blind\" x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\"/>\n", from,
        kBase - kHigh, std::max(to - from, 2.0), kHigh);
  }
  const double step = width / static_cast<double>(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] == 0) continue;
    const double height =
        std::max(kHigh * static_cast<double>(parts[i]) / static_cast<double>(most), 1.5);
    out += fmt::format(
        "<rect class=\"bar\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>\n",
        kLeft + step * static_cast<double>(i) + 0.5, kBase - height, step - 1, height);
  }
  out += fmt::format("<path class=\"axis\" d=\"M{0} {1}H{2}\"/>\n", kLeft, kBase, kWidth);
  out += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n", kLeft - 6,
                     kBase - kHigh + 10, format_count(most));
  out += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">0</text>\n", kLeft - 6, kBase);
  out += fmt::format("<text x=\"{}\" y=\"130\" text-anchor=\"start\">{}</text>\n", kLeft,
                     format_time(period.since));
  out += fmt::format("<text x=\"{}\" y=\"130\" text-anchor=\"end\">{}</text>\n</svg>\n", kWidth,
                     format_time(period.until));
  out += fmt::format("<figcaption>Scans found in each {}{}.</figcaption>\n",
                     format_duration((period.until - period.since) / parts.size()),
                     blinds.empty() ? "" : "; shaded: scanlogd was blind");
  HtmlTable table("Scans found, by time; times without any are left off",
                  {{.title = "From"}, {.title = "Scans", .is_number = true}});
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] == 0) continue;
    const auto from = period.since + (period.until - period.since) / parts.size() * i;
    table.add({format_time(from), format_count(parts[i])});
  }
  return out + "<details><summary>As a table</summary>\n" + std::move(table).finish() +
         "</details>\n</figure>\n";
}

std::string write_blindness(const PeriodNotices& notices, std::span<const BlindInterval> blinds) {
  std::string out = "<h2>What was not seen</h2>\n";
  if (notices.total == 0) {
    return out + paragraph(
                     "No blind interval, no lost packet and no other trouble of scanlogd's is "
                     "on record for this time. While scanlogd did not run it saw nothing, and "
                     "recorded nothing of that.");
  }
  if (!blinds.empty()) {
    system_clock::duration total{};
    std::uint64_t packets = 0;
    std::size_t open = 0;
    std::size_t unknown = 0;
    for (const BlindInterval& blind : blinds) {
      if (blind.end) total += *blind.end - blind.start;
      open += blind.end ? 0U : 1U;
      packets += blind.packets.value_or(0);
      unknown += blind.end && !blind.packets ? 1U : 0U;
    }
    out += paragraph(fmt::format(
        "scanlogd was blind: {} of {} together; {} are known to be lost, and of {} it is not known "
        "how many. {} told while going on. Scans in these times may be missing, or shown smaller "
        "than they were.",
        plural(blinds.size() - open, "interval", "intervals"), format_duration(total),
        plural(packets, "packet", "packets"), plural(unknown, "interval", "intervals"),
        plural(open, "was", "were")));
  }
  HtmlTable table(fmt::format("Warnings and errors, the latest first: {} of {}",
                              format_count(notices.latest.size()), format_count(notices.total)),
                  {{.title = "Time"}, {.title = "Severity"}, {.title = "What"}});
  for (const Notice& notice : notices.latest) {
    table.add({format_time(notice.at), std::string(name_of(notice.severity)),
               std::string(notice.view())});
  }
  return out + std::move(table).finish();
}

std::string list_open(const ScanEvent& event) {
  if (event.open_total == 0) return event.closed_total + event.filtered_total == 0 ? "" : "none";
  std::vector<Port> ports(event.open.begin(), event.open.begin() + event.open_count);
  std::ranges::sort(ports);
  return fmt::format("{}{}", fmt::join(ports, ", "),
                     event.open_count < event.open_total
                         ? fmt::format(" ({} in all)", format_count(event.open_total))
                         : "");
}

void put_fact(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out += fmt::format("<dt>{}</dt><dd>{}</dd>\n", escape(name), escape(value));
}

/// What the scanner learned, and what was learned of him.
std::string write_facts(const Scan& scan) {
  const ScanEvent& event = scan.event;
  constexpr std::size_t kMostText = 400;
  std::string out = "<dl>\n";
  const bool knows_answers = event.open_total + event.closed_total + event.filtered_total > 0;
  put_fact(out, "found open", list_open(event));
  put_fact(out, "other answers",
           knows_answers
               ? fmt::format("{} closed, {} without an answer", format_count(event.closed_total),
                             format_count(event.filtered_total))
               : "not known: the answers were not looked at");
  put_fact(out, "source", name_source(scan));
  put_fact(out, "verdict", fmt::format("{}: {}", name_of(event.verdict), reason_of(event.verdict)));
  put_fact(out, "target", name_targets(scan));
  std::string ports = list_ports(scan);
  if (ports.size() > kMostText) ports = ports.substr(0, ports.rfind(',', kMostText)) + ", ...";
  put_fact(out, "ports", fmt::format("{}: {}", format_count(count_ports(scan)), ports));
  put_fact(out, "technique, tool",
           fmt::format("{}, {}", name_of(event.technique), name_of(event.tool)));
  put_fact(out, "began", format_time(scan.started));
  put_fact(out, "found",
           fmt::format("{} later, by the rule {}", format_duration(scan.detected - scan.started),
                       name_of(event.rule)));
  put_fact(out, "ended",
           scan.has_ended()
               ? fmt::format("{} after it began", format_duration(scan.last - scan.started))
               : "it goes on");
  return out + "</dl>\n";
}

std::string caption_of(const Scan& scan, const ProbeSample& sample) {
  std::string text = describe_course(sample);
  if (!text.empty()) text += ". ";
  if (sample.shift == 0) {
    text += fmt::format("{} drawn", plural(sample.points.size(), "probe is", "probes are"));
  } else {
    text += fmt::format("Drawn is a sample of {} probes, about one of each {}",
                        sample.points.size(), format_count(std::uint64_t{1} << sample.shift));
  }
  if (scan.event.packets > 0)
    text += fmt::format(", of {} packets", format_count(scan.event.packets));
  text +=
      ". Of those before it was found only the first has its time on record. Full circles are "
      "closed ports, hollow ones gave no answer; diamonds, and dotted lines, are open.";
  text.front() = text.front() >= 'a' && text.front() <= 'z'
                     ? static_cast<char>(text.front() - 'a' + 'A')
                     : text.front();
  return text;
}

std::string write_picture(const Scan& scan, const ProbeSample& sample) {
  constexpr std::string_view kForm =
      "<figure>\n{}<figcaption>{}</figcaption>\n<details><summary>These points as a table</summary>"
      "\n{}</details>\n</figure>\n";
  if (!sample.points.empty()) {
    return fmt::format(kForm, draw_scan(scan, sample), escape(caption_of(scan, sample)),
                       list_points(sample));
  }
  if (scan.event.port_count == 0) return paragraph("No probe of it is on record one by one.");
  HtmlTable table("The first ports, in the order in which they were first seen",
                  {{.title = "Number", .is_number = true}, {.title = "Port", .is_number = true}});
  for (std::size_t i = 0; i < scan.event.port_count; ++i) {
    table.add({std::to_string(i + 1), std::to_string(scan.event.ports[i])});
  }
  return fmt::format(kForm, draw_first_ports(scan),
                     "When which port was probed is not on record, or not yet: it comes with the "
                     "first update of a scan, or with its end.",
                     std::move(table).finish());
}

std::string write_scan(const Scan& scan, const ProbeSample& sample) {
  const std::string out =
      fmt::format("<section class=\"scan\" id=\"scan-{0}\">\n<h3>Scan {0}: {1} by {2}</h3>\n",
                  scan.id, escape(classify(scan.event).title), escape(name_source(scan)));
  const std::string open = list_open(scan.event);
  std::string first =
      fmt::format("{} of {} in {}.", plural(count_ports(scan), "port", "ports"),
                  plural(std::max<std::uint64_t>(scan.event.hosts_total, 1), "host", "hosts"),
                  format_duration(scan.last - scan.started));
  if (!open.empty()) first = fmt::format("Found open: {}. {}", open, first);
  return out + paragraph(first) + write_picture(scan, sample) + write_facts(scan) + "</section>\n";
}

Result<void> write_scans(const StoreReader& store, const Period& period, std::size_t limit,
                         std::uint64_t total, const Emit& emit) {
  const auto scans = store.notable(period.since, limit);
  if (!scans) return std::unexpected(scans.error());
  if (scans->empty()) return {};
  emit("<h2>Notable scans</h2>\n");
  emit(paragraph(fmt::format(
      "Those that found most open come first, then those whose source is proven, then the largest. "
      "{} shown, {} not: scanlogctl list has all.",
      plural(scans->size(), "is", "are"), format_count(total - std::min(total, scans->size())))));
  for (const Scan& scan : *scans) {
    const auto sample = store.sample(scan.id);
    if (!sample) return std::unexpected(sample.error());
    emit(write_scan(scan, *sample));
  }
  return {};
}

/// The most frequent countries, and what they are to be taken for.
Result<void> write_countries(const StoreReader& store, const Period& period,
                             const Result<std::unique_ptr<Locator>>& locator, const Emit& emit) {
  if (!locator) {
    emit(paragraph(fmt::format("There are no countries: {}.", locator.error().what)));
    return {};
  }
  const Locator& places = **locator;
  const auto top = top_countries(store, period.since, places, kTopLines);
  if (!top) return std::unexpected(top.error());
  emit("<h2>Countries of sources</h2>\n");
  HtmlTable table("By the number of scans", {{.title = "Scans", .is_number = true},
                                             {.title = "Sources", .is_number = true},
                                             {.title = "Code"},
                                             {.title = "Country"}});
  for (const CountryCount& each : *top) {
    table.add({format_count(each.scans), format_count(each.sources), text_of(each.code),
               name_country(places, each.code)});
  }
  emit(std::move(table).finish());
  constexpr std::size_t kDate = 10;
  emit(paragraph(fmt::format(
      "A country is where a network is registered, by a database of {}; who speaks from there may "
      "be elsewhere, and an address that is not proven may be anybody's.",
      format_time(places.made_at()).substr(0, kDate))));
  return {};
}

Result<void> write_tops(const StoreReader& store, const Period& period,
                        const Result<std::unique_ptr<Locator>>& locator, const Emit& emit) {
  struct Top {
    TopBy by;
    std::string_view caption;
    std::string_view title;
  };
  constexpr std::array<Top, 6> kTops = {{{TopBy::source, "Sources", "Source"},
                                         {TopBy::network, "Networks of sources", "Network"},
                                         {TopBy::port, "Ports", "Port"},
                                         {TopBy::target, "Targets", "Target"},
                                         {TopBy::technique, "Techniques", "Technique"},
                                         {TopBy::tool, "Tools", "Tool"}}};
  std::string wide;
  std::string narrow;
  for (const Top& top : kTops) {
    const auto entries = store.top(top.by, period.since, kTopLines);
    if (!entries) return std::unexpected(entries.error());
    const bool has_place = locator && (top.by == TopBy::source || top.by == TopBy::network);
    std::vector<Column> columns = {{.title = "Scans", .is_number = true}, {.title = top.title}};
    if (has_place) columns.insert(columns.end(), {{.title = "Country"}, {.title = "AS"}});
    HtmlTable table(top.caption, std::move(columns));
    for (const TopEntry& entry : *entries) {
      std::vector<std::string> cells = {format_count(entry.scans), entry.name};
      if (has_place) {
        const auto network = parse_network(entry.name);
        const Location location = network ? (*locator)->locate(network->base) : Location{};
        cells.push_back(describe_country(**locator, location));
        cells.push_back(describe_as(**locator, location));
      }
      table.add(cells);
    }
    (has_place ? wide : narrow) += std::move(table).finish();
  }
  emit(fmt::format("<h2>The most frequent</h2>\n{}<div class=\"tops\">\n{}</div>\n", wide, narrow));
  return write_countries(store, period, locator, emit);
}

}  // namespace

Result<void> write_report(const StoreReader& store, const Request& request, const Emit& emit) {
  const auto locator = open_locator(locator_table(), request.locations);
  if (!locator && request.locations_given) return std::unexpected(locator.error());
  const Period period{.since = request.filter.since.value_or(request.now - kDefaultPeriod),
                      .until = request.now};
  const auto found = store.summarise(period.since);
  if (!found) return std::unexpected(found.error());
  const auto whole = store.summary();
  if (!whole) return std::unexpected(whole.error());
  const auto parts = store.histogram(period.since, period.until, kParts);
  if (!parts) return std::unexpected(parts.error());
  const auto notices = store.notices(period.since, kMostNotices);
  if (!notices) return std::unexpected(notices.error());
  const std::vector<BlindInterval> blinds = list_blinds(notices->latest);
  emit(write_head(period, *found, *whole));
  if (found->scans > 0 || !blinds.empty()) emit(write_timeline(period, *parts, blinds));
  emit(write_blindness(*notices, blinds));
  if (found->scans > 0) {
    auto done =
        write_scans(store, period, request.limit.value_or(kDefaultScans), found->scans, emit);
    if (done) done = write_tops(store, period, locator, emit);
    if (!done) return done;
  }
  emit(close_page());
  return {};
}

}  // namespace scanlogd::ctl
