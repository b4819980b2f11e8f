// Pages of HTML in which nothing that was said can become anything else.
#include "ctl/html.h"

#include <gtest/gtest.h>

namespace scanlogd::ctl {
namespace {

TEST(Html, WhatHasAMeaningThereIsEscaped) {
  EXPECT_EQ(escape("a<b>&\"c'"), "a&lt;b&gt;&amp;&quot;c&#39;");
  EXPECT_EQ(escape("one two\t\n\x7f\xc3\xa9"), "one two?????");
  EXPECT_EQ(escape(std::string_view("\0", 1)), "?");
}

TEST(Html, APageForbidsScriptsAndLoading) {
  const std::string page = open_page("<b>");
  EXPECT_TRUE(page.starts_with("<!DOCTYPE html>\n"));
  EXPECT_NE(page.find("content=\"default-src 'none'; style-src 'sha256-"), std::string::npos);
  EXPECT_NE(page.find("<title>&lt;b&gt;</title>"), std::string::npos);
  for (const std::string_view word : {"<script", "http:", "https:", "url(", "@import", "style="}) {
    EXPECT_EQ(page.find(word), std::string::npos) << word;
  }
}

TEST(Html, APageIsForLightDarkAndPaper) {
  const std::string page = open_page("x");
  EXPECT_NE(page.find("@media (prefers-color-scheme:dark)"), std::string::npos);
  EXPECT_NE(page.find("@media print"), std::string::npos);
}

TEST(Html, ATableHasACaptionTitlesAndLines) {
  HtmlTable table("A & B", {{.title = "N", .is_number = true}, {.title = "<x>"}});
  table.add({"1", "<script>"});
  EXPECT_EQ(std::move(table).finish(),
            "<table>\n<caption>A &amp; B</caption>\n<thead><tr><th scope=\"col\" class=\"n\">N</th>"
            "<th scope=\"col\">&lt;x&gt;</th></tr></thead>\n<tbody>\n"
            "<tr><td class=\"n\">1</td><td>&lt;script&gt;</td></tr>\n</tbody>\n</table>\n");
}

}  // namespace
}  // namespace scanlogd::ctl
