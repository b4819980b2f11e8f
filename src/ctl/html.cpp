// See html.h.
#include "ctl/html.h"

#include <fmt/format.h>

namespace scanlogd::ctl {
namespace {

/// Colours have a contrast of 4.5 at least for text, 3 for marks (WCAG 2.1), light and dark; what
/// they say is said by shapes, too.
constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--bg:#fff;--fg:#1a1a1a;--dim:#565d64;--line:#d4d8dc;--open:#b3261e;
--closed:#4f6375;--none:#7a8794;--bar:#3b6ea5;--blind:#f5d98b}
@media (prefers-color-scheme:dark){:root{--bg:#14171a;--fg:#e8e8e8;--dim:#a9b2ba;--line:#3a4147;
--open:#ff8a65;--closed:#9db2c6;--none:#7d8995;--bar:#6fa8dc;--blind:#6b5716}}
body{margin:0 auto;max-width:60rem;padding:1rem;font:1rem/1.5 system-ui,sans-serif;
background:var(--bg);color:var(--fg)}
h1,h2,h3{line-height:1.25}
h3{margin-bottom:.25rem}
table{border-collapse:collapse;margin:.5rem 0;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--dim)}
th,td{padding:.15rem 1rem .15rem 0;border-bottom:1px solid var(--line);text-align:left;
vertical-align:top;overflow-wrap:anywhere}
th.n,td.n{text-align:right;white-space:nowrap}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:.5rem 0}
dt{color:var(--dim)}
dd{margin:0;overflow-wrap:anywhere}
figure{margin:.5rem 0}
figcaption,.dim{color:var(--dim)}
svg{width:100%;height:auto;display:block}
svg text{font:12px system-ui,sans-serif;fill:var(--dim)}
.axis{stroke:var(--dim);fill:none}
.grid{stroke:var(--line);fill:none}
.found{stroke:var(--dim);stroke-dasharray:4 3;fill:none}
.ports{stroke:var(--open);stroke-dasharray:1 4;fill:none}
.o{fill:var(--open)}
.c{fill:var(--closed)}
.u{fill:none;stroke:var(--none);stroke-width:1.5}
.bar{fill:var(--bar)}
.blind{fill:var(--blind)}
svg text.open{fill:var(--open)}
.tops{display:grid;grid-template-columns:repeat(auto-fit,minmax(16rem,1fr));gap:0 2rem}
.scan{border-top:1px solid var(--line);margin-top:1.5rem}
@media print{:root{--bg:#fff;--fg:#000;--dim:#444;--line:#bbb;--open:#b3261e;--closed:#4f6375;
--none:#7a8794;--bar:#3b6ea5;--blind:#f5d98b}
body{max-width:none;padding:0;font-size:10pt}
.scan,figure,table{break-inside:avoid}
h2,h3{break-after:avoid}
details{display:none}}
)";

/// Of `kStyle`, for the policy. Whoever changes the one is told the other by formats.report.
constexpr std::string_view kStyleHash = "sha256-/5meI8TcMLhZVWJxv/f0VRVtLnJUAqQKOdFXRPSwQOw=";

constexpr std::string_view class_of(const Column& column) noexcept {
  return column.is_number ? " class=\"n\"" : "";
}

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char byte : text) {
    switch (byte) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += byte >= ' ' && byte <= '~' ? byte : '?';
    }
  }
  return out;
}

std::string open_page(std::string_view title) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{}';"
      " base-uri 'none'; form-action 'none'\">\n"
      "<meta name=\"referrer\" content=\"no-referrer\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n",
      kStyleHash, escape(title), kStyle);
}

std::string_view close_page() noexcept { return "</main>\n</body>\n</html>\n"; }

HtmlTable::HtmlTable(std::string_view caption, std::vector<Column> columns)
    : columns_(std::move(columns)),
      out_(fmt::format("<table>\n<caption>{}</caption>\n<thead><tr>", escape(caption))) {
  for (const Column& column : columns_) {
    out_ += fmt::format("<th scope=\"col\"{}>{}</th>", class_of(column), escape(column.title));
  }
  out_ += "</tr></thead>\n<tbody>\n";
}

void HtmlTable::add(const std::vector<std::string>& cells) {
  out_ += "<tr>";
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    out_ += fmt::format("<td{}>{}</td>", class_of(columns_[i]), escape(cells[i]));
  }
  out_ += "</tr>\n";
}

std::string HtmlTable::finish() && { return std::move(out_) + "</tbody>\n</table>\n"; }

}  // namespace scanlogd::ctl
