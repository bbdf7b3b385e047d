#include "net/proxy_header.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/crc32c.h"
#include "base/text.h"

namespace net {
namespace {

using Parsed = std::expected<std::optional<ProxyHeader>, std::string>;

constexpr std::string_view kSignature1 = "PROXY ";
constexpr std::string_view kSignature2{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::size_t kMaxLine1 = 107;  // section 2.1, with its CRLF
constexpr std::size_t kFixed2 = 16;
constexpr char kTypeCrc32c = 0x03;
constexpr std::size_t kTlvHead = 3;

Parsed bad(std::string why) { return std::unexpected(std::move(why)); }

/// A numeric address in this system's words for it, an IPv4-mapped one as IPv4.
std::string address_text(int family, const void* bytes) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(family, bytes, text, sizeof text);
  const std::string_view address(text);
  constexpr std::string_view kMapped = "::ffff:";
  const bool mapped = address.starts_with(kMapped) && address.contains('.');
  return std::string(mapped ? address.substr(kMapped.size()) : address);
}

std::optional<std::string> parse_address(int family, std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN || text.contains('\0')) return std::nullopt;
  std::array<unsigned char, 16> bytes{};
  if (inet_pton(family, std::string(text).c_str(), bytes.data()) != 1) return std::nullopt;
  return address_text(family, bytes.data());
}

/// Section 2.1: decimal, without leading zeros.
std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (text.size() > 5 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  const auto number = base::parse_u32(text);
  return number && *number <= 65535 ? std::optional(static_cast<std::uint16_t>(*number)) : std::nullopt;
}

Parsed parse_line(std::string_view input) {
  const std::string_view first = input.substr(0, kMaxLine1);
  const std::size_t end = first.find("\r\n");
  // A CR or LF alone ends nothing, and never stands within.
  const std::size_t lone = first.substr(0, end).find_first_of("\r\n");
  if (lone != std::string_view::npos && (first[lone] == '\n' || lone + 1 < first.size())) {
    return bad("a bare CR or LF in the line");
  }
  if (end == std::string_view::npos) {
    return input.size() >= kMaxLine1 ? bad("the line is too long") : Parsed(std::nullopt);
  }
  ProxyHeader header{.size = end + 2};
  const std::vector<std::string_view> words = base::split(first.substr(0, end), ' ');
  if (words[1] == "UNKNOWN") return header;
  const bool v4 = words[1] == "TCP4";
  if (!v4 && words[1] != "TCP6") return bad("neither TCP4, TCP6 nor UNKNOWN");
  if (words.size() != 6) return bad("not two addresses and two ports");
  const int family = v4 ? AF_INET : AF_INET6;
  const auto source = parse_address(family, words[2]);
  const auto destination = parse_address(family, words[3]);
  const auto source_port = parse_port(words[4]);
  const auto destination_port = parse_port(words[5]);
  if (!source || !destination || !source_port || !destination_port) return bad("a malformed address or port");
  header.kind = ProxyHeader::Kind::client;
  header.endpoints = {.peer_address = *source,
                      .peer_port = *source_port,
                      .local_address = *destination,
                      .local_port = *destination_port};
  return header;
}

std::size_t number_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at])) << 8 |
         static_cast<unsigned char>(bytes[at + 1]);
}

/// Section 2.2: the source's address, the destination's, then the ports.
Endpoints endpoints_at(std::string_view block, int family) {
  const std::size_t size = family == AF_INET ? 4 : 16;
  return {.peer_address = address_text(family, block.data()),
          .peer_port = static_cast<std::uint16_t>(number_at(block, 2 * size)),
          .local_address = address_text(family, block.data() + size),
          .local_port = static_cast<std::uint16_t>(number_at(block, 2 * size + 2))};
}

/// Section 2.2.3: over the whole header, the four bytes of the checksum taken as zeros.
bool checksum_is_right(std::string_view header, std::size_t at) {
  constexpr std::string_view kZeros{"\0\0\0\0", 4};
  std::uint32_t crc = base::crc32c(0, header.substr(0, at));
  crc = base::crc32c(crc, kZeros);
  crc = base::crc32c(crc, header.substr(at + kZeros.size()));
  std::uint32_t told = 0;
  for (std::size_t i = 0; i < kZeros.size(); ++i) told = told << 8 | static_cast<unsigned char>(header[at + i]);
  return crc == told;
}

/// Walks the TLVs from `at` to the end; they are passed over but for the checksum. "" or what is wrong.
std::string check_tlvs(std::string_view header, std::size_t at) {
  while (at < header.size()) {
    if (header.size() - at < kTlvHead) return "a TLV is cut off";
    const char type = header[at];
    const std::size_t length = number_at(header, at + 1);
    at += kTlvHead;
    if (length > header.size() - at) return "a TLV is longer than the header";
    if (type == kTypeCrc32c && (length != 4 || !checksum_is_right(header, at))) return "the checksum is wrong";
    at += length;
  }
  return {};
}

/// The bytes that the addresses of a family take; nothing for a family or protocol that does not exist.
std::optional<std::size_t> address_bytes(unsigned family, unsigned protocol) {
  constexpr std::array<std::size_t, 4> kBytes{0, 12, 36, 216};  // UNSPEC, INET, INET6, UNIX
  return family < kBytes.size() && protocol <= 2 ? std::optional(kBytes[family]) : std::nullopt;
}

Parsed parse_block(std::string_view input) {
  if (input.size() < kFixed2) return std::nullopt;
  const unsigned version = static_cast<unsigned char>(input[12]);
  const unsigned family = static_cast<unsigned char>(input[13]) >> 4;
  const unsigned protocol = static_cast<unsigned char>(input[13]) & 15;
  ProxyHeader header{.size = kFixed2 + number_at(input, 14)};
  if (version != 0x20 && version != 0x21) return bad("neither LOCAL nor PROXY of version 2");
  if (header.size > kMaxProxyHeader) return bad("the header is too long");
  if (input.size() < header.size) return std::nullopt;
  const std::string_view whole = input.substr(0, header.size);
  if (version == 0x20) {  // whatever else it says is to be passed over
    header.kind = ProxyHeader::Kind::local;
    return header;
  }
  const auto bytes = address_bytes(family, protocol);
  if (!bytes) return bad("no family or protocol of addresses that exists");
  if (whole.size() - kFixed2 < *bytes) return bad("the addresses are cut off");
  // UNSPEC addresses may be anything, so where TLVs would begin behind them is not known.
  if (family != 0) {
    if (std::string wrong = check_tlvs(whole, kFixed2 + *bytes); !wrong.empty()) return bad(std::move(wrong));
  }
  if (protocol != 1 || (family != 1 && family != 2)) return header;
  header.kind = ProxyHeader::Kind::client;
  header.endpoints = endpoints_at(whole.substr(kFixed2), family == 1 ? AF_INET : AF_INET6);
  return header;
}

/// Whether one begins with the other.
bool may_be(std::string_view input, std::string_view signature) {
  const std::size_t size = std::min(input.size(), signature.size());
  return input.substr(0, size) == signature.substr(0, size);
}

}  // namespace

std::expected<std::optional<ProxyHeader>, std::string> parse_proxy_header(std::string_view input) {
  if (input.size() < kSignature1.size() && (may_be(input, kSignature1) || may_be(input, kSignature2))) {
    return std::nullopt;
  }
  if (input.starts_with(kSignature1)) return parse_line(input);
  if (may_be(input, kSignature2)) return parse_block(input);
  return bad("no PROXY header");
}

}  // namespace net
