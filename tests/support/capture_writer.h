// Capture files for tests: pcap (pcap-savefile(5)) of either byte order and precision, pcapng,
// gzip. Field names as there; every size can be wrong on purpose.
#pragma once

#include <zlib.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/frame_builder.h"

namespace scanlogd::test {

/// One captured frame. `seconds` and `fraction` (in the unit of the file) are written as they are.
struct Record {
  Bytes frame;
  std::uint32_t seconds = 1'700'000'000;
  std::uint32_t fraction = 0;
  std::optional<std::uint32_t> captured_size = {};  ///< by default what `frame` has
  std::optional<std::uint32_t> wire_size = {};      ///< by default the same
};

/// The header of a pcap file. On this machine `swapped` files are those of the other byte order.
struct PcapFormat {
  std::uint32_t link_type = 1;
  bool nanoseconds = true;
  bool swapped = false;
};

namespace detail {
inline void put_native(Bytes& out, const void* value, std::size_t size, bool swapped) {
  const std::size_t at = out.size();
  const auto* const bytes = static_cast<const std::byte*>(value);
  out.insert(out.end(), bytes, bytes + size);
  if (swapped) std::reverse(out.begin() + static_cast<std::ptrdiff_t>(at), out.end());
}
inline void put_native32(Bytes& out, std::uint32_t value, bool swapped = false) {
  put_native(out, &value, sizeof(value), swapped);
}
inline void put_native16(Bytes& out, std::uint16_t value, bool swapped = false) {
  put_native(out, &value, sizeof(value), swapped);
}
}  // namespace detail

/// The 24 bytes before the records.
inline Bytes pcap_header(const PcapFormat& format = {}) {
  Bytes out;
  detail::put_native32(out, format.nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, format.swapped);
  detail::put_native16(out, 2, format.swapped);  // version 2.4
  detail::put_native16(out, 4, format.swapped);
  detail::put_native32(out, 0, format.swapped);  // time zone
  detail::put_native32(out, 0, format.swapped);  // accuracy
  detail::put_native32(out, 65535, format.swapped);
  detail::put_native32(out, format.link_type, format.swapped);
  return out;
}

/// A record header and the frame.
inline Bytes pcap_record(const Record& record, const PcapFormat& format = {}) {
  const auto captured =
      record.captured_size.value_or(static_cast<std::uint32_t>(record.frame.size()));
  Bytes out;
  detail::put_native32(out, record.seconds, format.swapped);
  detail::put_native32(out, record.fraction, format.swapped);
  detail::put_native32(out, captured, format.swapped);
  detail::put_native32(out, record.wire_size.value_or(captured), format.swapped);
  put(out, record.frame);
  return out;
}

/// A whole pcap file.
inline Bytes pcap_file(const std::vector<Record>& records, const PcapFormat& format = {}) {
  Bytes out = pcap_header(format);
  for (const Record& record : records) put(out, pcap_record(record, format));
  return out;
}

/// One block of pcapng, of the type and body given; the body is filled up to 32 bits.
inline Bytes pcapng_block(std::uint32_t type, Bytes body) {
  body.resize((body.size() + 3) / 4 * 4);
  Bytes out;
  const auto size = static_cast<std::uint32_t>(body.size() + 12);
  detail::put_native32(out, type);
  detail::put_native32(out, size);
  put(out, body);
  detail::put_native32(out, size);
  return out;
}

/// A section header and one interface of `link_type`, whose time stamps count nanoseconds.
inline Bytes pcapng_header(std::uint16_t link_type = 1) {
  Bytes section;
  detail::put_native32(section, 0x1a2b3c4d);
  detail::put_native16(section, 1);  // version 1.0
  detail::put_native16(section, 0);
  detail::put_native32(section, 0xffffffff);  // length not said
  detail::put_native32(section, 0xffffffff);
  Bytes interface;
  detail::put_native16(interface, link_type);
  detail::put_native16(interface, 0);
  detail::put_native32(interface, 65535);
  detail::put_native16(interface, 9);  // if_tsresol: 10^-9
  detail::put_native16(interface, 1);
  put(interface, hex("09 00 00 00"));
  detail::put_native32(interface, 0);  // end of options
  return join({pcapng_block(0x0a0d0d0a, section), pcapng_block(1, interface)});
}

/// An enhanced packet block of interface 0.
inline Bytes pcapng_record(const Record& record) {
  const std::uint64_t time = std::uint64_t{record.seconds} * 1'000'000'000 + record.fraction;
  const auto captured =
      record.captured_size.value_or(static_cast<std::uint32_t>(record.frame.size()));
  Bytes body;
  detail::put_native32(body, 0);
  detail::put_native32(body, static_cast<std::uint32_t>(time >> 32));
  detail::put_native32(body, static_cast<std::uint32_t>(time));
  detail::put_native32(body, captured);
  detail::put_native32(body, record.wire_size.value_or(captured));
  put(body, record.frame);
  return pcapng_block(6, std::move(body));
}

/// A whole pcapng file of one interface.
inline Bytes pcapng_file(const std::vector<Record>& records, std::uint16_t link_type = 1) {
  Bytes out = pcapng_header(link_type);
  for (const Record& record : records) put(out, pcapng_record(record));
  return out;
}

/// `bytes` as gzip(1) packs them.
inline Bytes gzip(const Bytes& bytes) {
  z_stream zlib{};
  if (deflateInit2(&zlib, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("deflateInit2");
  Bytes in = bytes;
  Bytes out(deflateBound(&zlib, in.size()));
  zlib.next_in = static_cast<Bytef*>(static_cast<void*>(in.data()));
  zlib.avail_in = static_cast<uInt>(in.size());
  zlib.next_out = static_cast<Bytef*>(static_cast<void*>(out.data()));
  zlib.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&zlib, Z_FINISH);
  out.resize(zlib.total_out);
  (void)deflateEnd(&zlib);
  if (status != Z_STREAM_END) throw std::runtime_error("deflate");
  return out;
}

/// Writes `bytes` to a file of its own.
inline void write_file(const std::string& path, const Bytes& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(static_cast<const char*>(static_cast<const void*>(bytes.data())),
             static_cast<std::streamsize>(bytes.size()));
  if (!file) throw std::runtime_error("cannot write " + path);
}

}  // namespace scanlogd::test
