// See location_file.h. All numbers are big-endian.
#include "ctl/location_file.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/big_endian.h"

namespace scanlogd {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::string_view kMagic = "LOCDBXX";
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHeaderSize = 4200;  // with the magic, two signatures and padding
constexpr std::size_t kNodeSize = 12;      // two children and a network
constexpr std::size_t kNetworkSize = 12;
constexpr std::uint32_t kNoNetwork = 0xffffffff;
constexpr std::uint8_t kMaxDepth = 128;  // bits of an address

/// Where the header has offset and length of each section, and how large what is in it is.
struct Section {
  std::size_t at;
  std::size_t item;
};
constexpr Section kSystems{.at = 28, .item = 8};
constexpr Section kNetworks{.at = 36, .item = kNetworkSize};
constexpr Section kTree{.at = 44, .item = kNodeSize};
constexpr Section kCountries{.at = 52, .item = 8};
constexpr Section kNames{.at = 60, .item = 1};

std::optional<Bytes> find_section(Bytes file, const Section& section) {
  const std::size_t offset = load_be32(file, section.at);
  const std::size_t length = load_be32(file, section.at + sizeof(std::uint32_t));
  if (offset > file.size() || length > file.size() - offset) return std::nullopt;
  if (length % section.item != 0) return std::nullopt;
  return file.subspan(offset, length);
}

/// libloc goes down by recursion as far as the tree leads. In a sound one children come behind
/// their parents, so that one pass finds loops and depths.
bool is_sound_tree(Bytes tree, std::size_t networks) {
  const std::size_t count = tree.size() / kNodeSize;
  if (count == 0) return false;
  std::vector<std::uint8_t> depths(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Bytes node = tree.subspan(i * kNodeSize, kNodeSize);
    const std::uint32_t network = load_be32(node, 2 * sizeof(std::uint32_t));
    if (network != kNoNetwork && network >= networks) return false;
    for (const std::size_t at : {std::size_t{0}, sizeof(std::uint32_t)}) {
      const std::uint32_t child = load_be32(node, at);
      if (child == 0) continue;
      if (child <= i || child >= count || depths[i] == kMaxDepth) return false;
      depths[child] = std::max(depths[child], static_cast<std::uint8_t>(depths[i] + 1));
    }
  }
  return true;
}

}  // namespace

std::string_view find_damage(Bytes file) {
  const auto is_letter = [](char letter, std::byte byte) { return std::byte(letter) == byte; };
  if (file.size() < kMagic.size() + 1 ||
      !std::ranges::equal(kMagic, file.first(kMagic.size()), is_letter)) {
    return "is no database of libloc";
  }
  if (load_8(file, kMagic.size()) != kVersion) return "is of a version that is not known";
  if (file.size() < kHeaderSize) return "ends in its header";
  const auto systems = find_section(file, kSystems);
  const auto networks = find_section(file, kNetworks);
  const auto tree = find_section(file, kTree);
  const auto countries = find_section(file, kCountries);
  const auto names = find_section(file, kNames);
  if (!systems || !networks || !tree || !countries || !names) {
    return "ends before what its header announces";
  }
  if (!names->empty() && names->back() != std::byte{0}) return "has names without an end";
  if (!is_sound_tree(*tree, networks->size() / kNetworkSize)) return "has a damaged tree";
  return {};
}

}  // namespace scanlogd
