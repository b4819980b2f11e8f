// See remote.h. tcp(7): a socket that is still connecting takes nothing (EAGAIN), and one that
// could not connect says why at the next send, so that nobody has to wait for it.
#include "sink/remote.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "core/address.h"

namespace scanlogd {
namespace {

/// How long what was sent may stay unacknowledged before the connection is given up, and made anew.
constexpr unsigned kPatienceMs = 30'000;

struct Scheme {
  std::string_view prefix;
  int type;
  bool is_network;
};
constexpr std::array kSchemes = {
    Scheme{"udp:", SOCK_DGRAM, true},
    Scheme{"tcp:", SOCK_STREAM, true},
    Scheme{"unix:", SOCK_DGRAM, false},
    Scheme{"unix_stream:", SOCK_STREAM, false},
};

struct Endpoint {
  Address address;
  Port port = 0;
};

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return {};
  std::string_view host = text.substr(0, colon);
  const std::string_view number = text.substr(colon + 1);
  const bool has_brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (has_brackets) host = host.substr(1, host.size() - 2);
  const auto address = parse_address(host);
  if (!address || (address->family == Family::ipv6) != has_brackets) return {};
  Endpoint endpoint{.address = *address};
  const char* const end = number.data() + number.size();
  const auto [last, error] = std::from_chars(number.data(), end, endpoint.port);
  if (error != std::errc() || last != end || endpoint.port == 0) return {};
  return endpoint;
}

Port to_network(Port port) noexcept {
  return std::endian::native == std::endian::little ? std::byteswap(port) : port;
}

template <class Native>
socklen_t put(sockaddr_storage& into, const Native& address) noexcept {
  std::memcpy(&into, &address, sizeof(address));
  return sizeof(address);
}

socklen_t to_native(const Endpoint& endpoint, sockaddr_storage& into) noexcept {
  const auto& bytes = endpoint.address.bytes;
  if (endpoint.address.family == Family::ipv4) {
    sockaddr_in native{};
    native.sin_family = AF_INET;
    native.sin_port = to_network(endpoint.port);
    std::memcpy(&native.sin_addr, bytes.data(), sizeof(native.sin_addr));
    return put(into, native);
  }
  sockaddr_in6 native{};
  native.sin6_family = AF_INET6;
  native.sin6_port = to_network(endpoint.port);
  std::memcpy(&native.sin6_addr, bytes.data(), sizeof(native.sin6_addr));
  return put(into, native);
}

}  // namespace

Result<std::shared_ptr<const Remote>> Remote::parse(std::string_view text,
                                                    const std::string& origin) {
  const auto* const scheme = std::ranges::find_if(
      kSchemes, [&](const Scheme& each) { return text.starts_with(each.prefix); });
  if (scheme == kSchemes.end()) {
    return fail(origin + ": '" + std::string(text) +
                "' must begin with udp:, tcp:, unix: or unix_stream:");
  }
  const std::string_view rest = text.substr(scheme->prefix.size());
  Remote remote;
  remote.name_ = text;
  remote.type_ = scheme->type;
  if (!scheme->is_network) {
    auto place = Place::open(std::string(rest));
    if (!place) return std::unexpected(place.error());
    remote.place_.emplace(std::move(*place));
    return std::make_shared<const Remote>(std::move(remote));
  }
  const auto endpoint = parse_endpoint(rest);
  if (!endpoint) {
    return fail(origin + ": '" + std::string(rest) +
                "' must be ADDRESS:PORT, such as 192.0.2.1:514 or [2001:db8::1]:514");
  }
  remote.port_ = endpoint->port;
  remote.address_size_ = to_native(*endpoint, remote.address_);
  return std::make_shared<const Remote>(std::move(remote));
}

Delivery::Way Remote::connect() const noexcept {
  return {.out = place_ ? place_->try_connect(type_) : connect_network(),
          .carrier = is_stream() ? Delivery::Carrier::stream : Delivery::Carrier::datagrams};
}

UniqueFd Remote::connect_network() const noexcept {
  UniqueFd out(::socket(address_.ss_family, type_ | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!out) return out;
  if (is_stream()) {
    // Where it is not known, what was sent is given up later.
    (void)::setsockopt(out.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &kPatienceMs, sizeof(kPatienceMs));
  }
  const int status =
      ::connect(out.get(), reinterpret_cast<const sockaddr*>(&address_), address_size_);
  if (status != 0 && errno != EINPROGRESS) out.reset();
  return out;
}

std::vector<AllowedCall> Remote::calls() const {
  if (place_) return {};
  std::vector<AllowedCall> calls = {
      {"socket", {is(0, address_.ss_family), is(1, type_ | SOCK_NONBLOCK | SOCK_CLOEXEC)}}};
  if (is_stream()) calls.push_back({"setsockopt", {is(1, IPPROTO_TCP), is(2, TCP_USER_TIMEOUT)}});
  return calls;
}

Port Remote::tcp_port() const noexcept { return !place_ && is_stream() ? port_ : Port{0}; }

std::string host_name(std::string_view fallback) {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') {
    return std::string(fallback);
  }
  std::string text(name.data());
  std::ranges::replace_if(
      text, [](char c) { return c < 0x21 || c > 0x7e; }, '?');
  return text;
}

}  // namespace scanlogd
