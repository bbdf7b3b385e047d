#include "net/proxy_header.h"

#include <doctest/doctest.h>

#include "base/crc32c.h"
#include "net/loop.h"
#include "net/memory_stream.h"
#include "net/proxied_stream.h"

namespace net {
namespace {

using Kind = ProxyHeader::Kind;

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
const std::string kV4("\xC0\x00\x02\x01\xC6\x33\x64\x02\x10\xE1\x00\x19", 12);  // 192.0.2.1:4321 to 198.51.100.2:25

std::string version2(char command, char family, std::string block) {
  std::string header = kSignature + command + family;
  header += static_cast<char>(block.size() >> 8);
  header += static_cast<char>(block.size() & 255);
  return header + block;
}

std::string tlv(char type, const std::string& value) {
  return std::string{type, static_cast<char>(value.size() >> 8), static_cast<char>(value.size() & 255)} + value;
}

ProxyHeader whole(const std::string& input) {
  const auto parsed = parse_proxy_header(input + "EHLO c\r\n");
  REQUIRE(parsed.has_value());
  REQUIRE(parsed->has_value());
  CHECK_EQ((*parsed)->size, input.size());
  // Cut anywhere, it is waited for.
  for (std::size_t length = 0; length < input.size(); ++length) {
    CAPTURE(length);
    const auto part = parse_proxy_header(std::string_view(input).substr(0, length));
    REQUIRE(part.has_value());
    REQUIRE_FALSE(part->has_value());
  }
  return **parsed;
}

bool refused(const std::string& input) { return !parse_proxy_header(input).has_value(); }

TEST_CASE("version 1 names both ends") {
  const ProxyHeader v4 = whole("PROXY TCP4 192.0.2.1 198.51.100.2 4321 25\r\n");
  CHECK_EQ(v4.kind, Kind::client);
  CHECK_EQ(v4.endpoints.peer_address, "192.0.2.1");
  CHECK_EQ(v4.endpoints.peer_port, 4321);
  CHECK_EQ(v4.endpoints.local_address, "198.51.100.2");
  CHECK_EQ(v4.endpoints.local_port, 25);
  const ProxyHeader v6 = whole("PROXY TCP6 2001:DB8:0::1 ::ffff:192.0.2.7 0 65535\r\n");
  CHECK_EQ(v6.endpoints.peer_address, "2001:db8::1");
  CHECK_EQ(v6.endpoints.local_address, "192.0.2.7");
  CHECK_EQ(whole("PROXY UNKNOWN\r\n").kind, Kind::unknown);
  CHECK_EQ(whole("PROXY UNKNOWN ffff::1 what ever\r\n").kind, Kind::unknown);
}

TEST_CASE("version 1 that is not exactly so is refused") {
  for (const char* bad : {"PROXY\r\n", "PROXY TCP4\r\n", "PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
                          "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
                          "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
                          "PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n", "PROXY TCP4 ::1 ::1 1 2\r\n",
                          "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
                          "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rx",
                          "proxy UNKNOWN\r\n", "EHLO c\r\n", "GET / HTTP/1.0\r\n", "\x16\x03\x01"}) {
    CAPTURE(bad);
    CHECK(refused(bad));
  }
  CHECK(refused("PROXY UNKNOWN " + std::string(200, 'x')));
  CHECK(refused("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n"));
  CHECK_EQ(whole("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n").size, 107);
}

TEST_CASE("version 2 names both ends") {
  const ProxyHeader v4 = whole(version2(0x21, 0x11, kV4));
  CHECK_EQ(v4.kind, Kind::client);
  CHECK_EQ(v4.endpoints.peer_address, "192.0.2.1");
  CHECK_EQ(v4.endpoints.peer_port, 4321);
  CHECK_EQ(v4.endpoints.local_address, "198.51.100.2");
  CHECK_EQ(v4.endpoints.local_port, 25);
  const std::string loopback = std::string(15, '\0') + "\x01";
  const ProxyHeader v6 = whole(version2(0x21, 0x21, loopback + loopback + std::string("\x00\x07\x00\x19", 4)));
  CHECK_EQ(v6.endpoints.peer_address, "::1");
  CHECK_EQ(v6.endpoints.peer_port, 7);
}

TEST_CASE("version 2: of a health check the connection counts, of other clients no address is known") {
  CHECK_EQ(whole(version2(0x20, 0x00, "")).kind, Kind::local);
  CHECK_EQ(whole(version2(0x20, 0x7F, "what ever")).kind, Kind::local);
  CHECK_EQ(whole(version2(0x21, 0x00, "what ever")).kind, Kind::unknown);
  CHECK_EQ(whole(version2(0x21, 0x31, std::string(216, 'x'))).kind, Kind::unknown);
  CHECK_EQ(whole(version2(0x21, 0x12, kV4)).kind, Kind::unknown);  // a datagram
}

TEST_CASE("version 2: TLVs are passed over within their bounds, and a checksum is checked") {
  CHECK_EQ(whole(version2(0x21, 0x11, kV4 + tlv(0x02, "mx.example") + tlv(0x04, ""))).kind, Kind::client);
  CHECK_EQ(whole(version2(0x21, 0x11, kV4 + tlv(0x04, std::string(4000, 'x')))).kind, Kind::client);
  CHECK(refused(version2(0x21, 0x11, kV4 + std::string("\x04\x00", 2))));
  CHECK(refused(version2(0x21, 0x11, kV4 + std::string("\x04\x00\x05yz", 5))));
  CHECK(refused(version2(0x21, 0x11, kV4 + tlv(0x03, "abc"))));

  std::string header = version2(0x21, 0x11, kV4 + tlv(0x03, std::string(4, '\0')) + tlv(0x05, "id"));
  const std::uint32_t crc = base::crc32c(0, header);
  const std::size_t at = header.size() - 5 - 4;
  CHECK(refused(header));
  for (std::size_t i = 0; i < 4; ++i) header[at + i] = static_cast<char>(crc >> (24 - 8 * i));
  CHECK_EQ(whole(header).kind, Kind::client);
  header.back() = 'x';
  CHECK(refused(header));
}

TEST_CASE("version 2 that is not exactly so is refused") {
  CHECK(refused(version2(0x11, 0x11, kV4)));
  CHECK(refused(version2(0x22, 0x11, kV4)));
  CHECK(refused(version2(0x21, 0x41, kV4)));
  CHECK(refused(version2(0x21, 0x13, kV4)));
  CHECK(refused(version2(0x21, 0x11, kV4.substr(1))));
  CHECK(refused(version2(0x21, 0x21, kV4)));
  CHECK(refused(version2(0x21, 0x31, kV4)));
  CHECK(refused(version2(0x21, 0x11, std::string(5000, 'x'))));
  CHECK(refused("\r\n\r\nx"));
}

Task<void> reads(std::string input, std::size_t piece, std::string expected) {
  std::string output;
  ProxyHeader::Kind kind{};
  auto stream = co_await read_proxy_header(scripted_stream({.input = std::move(input), .piece = piece}, output),
                                           base::SteadyTime::max(), kind);
  CHECK_EQ(kind, Kind::client);
  CHECK_EQ(stream->endpoints().peer_address, "192.0.2.1");
  std::string got;
  char bytes[3];
  CHECK_EQ(co_await stream->wait(), Ready::data);
  while (const std::size_t count = co_await stream->read(bytes)) got.append(bytes, count);
  CHECK_EQ(got, expected);
}

TEST_CASE("what follows the header is the stream's, however it was cut") {
  for (const std::string& header : {std::string("PROXY TCP4 192.0.2.1 198.51.100.2 4321 25\r\n"),
                                    version2(0x21, 0x11, kV4 + tlv(0x04, std::string(700, 'x')))}) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{10}, SIZE_MAX}) {
      net::run(reads(header + "EHLO c\r\n", piece, "EHLO c\r\n"));
    }
  }
}

Task<void> fails(std::string input, Closed::Why why) {
  std::string output;
  ProxyHeader::Kind kind{};
  try {
    (void)co_await read_proxy_header(scripted_stream({.input = std::move(input)}, output), base::SteadyTime::max(),
                                     kind);
    CHECK(false);
  } catch (const Closed& closed) {
    CHECK_EQ(closed.why, why);
  }
  CHECK_EQ(output, "");
}

TEST_CASE("nothing is said to a peer whose header does not come") {
  net::run(fails("EHLO c\r\n", Closed::Why::local));
  net::run(fails("PROXY TCP4 192.0.2.1", Closed::Why::peer));
}

}  // namespace
}  // namespace net
