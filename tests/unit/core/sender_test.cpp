// Names that somebody else chose.
#include "core/sender.h"

#include <gtest/gtest.h>

namespace scanlogd {
namespace {

TEST(Sender, NamesOfUnitsStay) {
  EXPECT_EQ(clean_unit("user@1000.service"), "user@1000.service");
  EXPECT_EQ(clean_unit("dev-disk-by\\x2dlabel.mount"), "dev-disk-by\\x2dlabel.mount");
  EXPECT_EQ(clean_unit(""), "");
}

TEST(Sender, NoOtherByteReachesAnOutput) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string cleaned = clean_unit(std::string(1, static_cast<char>(byte)));
    const bool is_kept = cleaned[0] == static_cast<char>(byte);
    const bool is_harmless = std::string_view(
                                 "0123456789:_.@-\\?"
                                 "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
                                 .find(cleaned[0]) != std::string_view::npos;
    EXPECT_TRUE(is_harmless && (is_kept || cleaned == "?")) << byte;
  }
}

TEST(Sender, ANameIsCutAtItsMost) {
  EXPECT_EQ(clean_unit(std::string(kMaxUnit, 'a')).size(), kMaxUnit);
  EXPECT_EQ(clean_unit(std::string(kMaxUnit + 1, 'a')).size(), kMaxUnit);
}

}  // namespace
}  // namespace scanlogd
