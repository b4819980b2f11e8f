// What is taken for a database, and what libloc must not be shown.
#include "ctl/location_file.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <vector>

#include "support/location_database.h"
#include "support/temporary_directory.h"

namespace scanlogd::test {
namespace {

// Of the header: offset and length of each section lie behind one another.
constexpr std::size_t kVersion = 7;
constexpr std::size_t kSystems = 28;
constexpr std::size_t kNetworks = 36;
constexpr std::size_t kTree = 44;
constexpr std::size_t kCountries = 52;
constexpr std::size_t kNames = 60;
constexpr std::size_t kHeaderSize = 4200;
constexpr std::size_t kNodeSize = 12;

class LocationFile : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(write_locations(home_.file("locations.db")));
    std::ifstream in(home_.file("locations.db"), std::ios::binary);
    sound_.assign(std::istreambuf_iterator<char>(in), {});
    ASSERT_GT(sound_.size(), kHeaderSize);
  }
  static std::string_view damage(const std::vector<char>& file) {
    return find_damage(std::as_bytes(std::span(file)));
  }
  std::uint32_t number(std::size_t at) const {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < sizeof value; ++i) {
      value = value << 8 | static_cast<unsigned char>(sound_[at + i]);
    }
    return value;
  }
  /// What is wrong with the file once `value` is at `at`.
  std::string_view with(std::size_t at, std::uint32_t value) const {
    std::vector<char> file = sound_;
    for (std::size_t i = 0; i < sizeof value; ++i) {
      file[at + i] = static_cast<char>(value >> (24 - 8 * i) & 0xff);
    }
    return damage(file);
  }
  /// Where this node of the tree is.
  std::size_t node(std::size_t index) const { return number(kTree) + index * kNodeSize; }

  TemporaryDirectory home_;
  std::vector<char> sound_;
};

TEST_F(LocationFile, WhatLiblocHasWrittenIsSound) { EXPECT_EQ(damage(sound_), ""); }

TEST_F(LocationFile, OtherFilesAreNone) {
  EXPECT_EQ(damage({}), "is no database of libloc");
  EXPECT_EQ(damage({'L', 'O', 'C', 'D', 'B', 'X', 'X'}), "is no database of libloc");
  EXPECT_EQ(damage(std::vector<char>(100'000, 'x')), "is no database of libloc");
  std::vector<char> later = sound_;
  later[kVersion] = 2;
  EXPECT_EQ(damage(later), "is of a version that is not known");
}

TEST_F(LocationFile, AHeaderThatIsCutIsNone) {
  std::vector<char> cut = sound_;
  cut.resize(kHeaderSize - 1);
  EXPECT_EQ(damage(cut), "ends in its header");
  cut.resize(kVersion + 1);
  EXPECT_EQ(damage(cut), "ends in its header");
}

TEST_F(LocationFile, EverySectionLiesInTheFile) {
  const auto size = static_cast<std::uint32_t>(sound_.size());
  for (const std::size_t section : {kSystems, kNetworks, kTree, kCountries, kNames}) {
    constexpr std::string_view kEnds = "ends before what its header announces";
    EXPECT_EQ(with(section, size + 1), kEnds) << section;
    EXPECT_EQ(with(section, size), kEnds) << section;
    EXPECT_EQ(with(section, 0xffffffff), kEnds) << section;
    EXPECT_EQ(with(section + 4, size - number(section) + 1), kEnds) << section;
    EXPECT_EQ(with(section + 4, 0xffffffff), kEnds) << section;
    // In the last one bytes are all there is.
    if (section != kNames) {
      EXPECT_EQ(with(section + 4, number(section + 4) - 1), kEnds) << section;
    }
  }
}

TEST_F(LocationFile, ACutFileIsDamagedWhereverItEnds) {
  for (std::size_t size = 0; size < sound_.size(); size += 61) {
    EXPECT_NE(damage({sound_.begin(), sound_.begin() + static_cast<std::ptrdiff_t>(size)}), "");
  }
  std::vector<char> cut = sound_;
  cut.pop_back();
  EXPECT_NE(damage(cut), "");
}

TEST_F(LocationFile, NamesEndInTheFile) {
  EXPECT_EQ(with(kNames + 4, number(kNames + 4) - 1), "has names without an end");
  EXPECT_EQ(with(kNames + 4, 0), "");
}

TEST_F(LocationFile, TheTreeLeadsDownOnly) {
  constexpr std::string_view kTreeDamage = "has a damaged tree";
  const std::uint32_t nodes = number(kTree + 4) / kNodeSize;
  ASSERT_GT(nodes, 10U);
  EXPECT_EQ(with(kTree + 4, 0), kTreeDamage) << "no root";
  EXPECT_EQ(with(node(5), 4), kTreeDamage) << "upwards";
  EXPECT_EQ(with(node(5), 5), kTreeDamage) << "to itself";
  EXPECT_EQ(with(node(5) + 4, 5), kTreeDamage) << "to itself, by a one";
  EXPECT_EQ(with(node(5), nodes), kTreeDamage) << "out of it";
  EXPECT_EQ(with(node(nodes - 1), nodes - 1), kTreeDamage) << "the last to itself";
}

TEST_F(LocationFile, NoPathIsLongerThanAnAddress) {
  // Networks of one address are at a depth of 128; from there it may lead nowhere.
  std::vector<std::size_t> depths(number(kTree + 4) / kNodeSize);
  std::size_t deepest = 0;
  for (std::size_t i = 0; i < depths.size(); ++i) {
    for (const std::size_t child : {number(node(i)), number(node(i) + 4)}) {
      if (child != 0) depths[child] = depths[i] + 1;
    }
    if (depths[i] == 128 && deepest == 0) deepest = i;
  }
  ASSERT_NE(deepest, 0U);
  ASSERT_LT(deepest + 1, depths.size());
  const auto last = static_cast<std::uint32_t>(depths.size() - 1);
  EXPECT_EQ(with(node(deepest), last), "has a damaged tree");
  std::size_t above = 0;
  while (depths[above] != 127) ++above;
  EXPECT_EQ(with(node(above), last), "");
}

TEST_F(LocationFile, NetworksOfTheTreeExist) {
  const std::uint32_t networks = number(kNetworks + 4) / kNodeSize;
  EXPECT_EQ(with(node(3) + 8, networks - 1), "");
  EXPECT_EQ(with(node(3) + 8, networks), "has a damaged tree");
  EXPECT_EQ(with(node(3) + 8, 0xffffffff), "");
}

}  // namespace
}  // namespace scanlogd::test
