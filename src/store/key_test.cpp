#include "store/key.h"

#include <doctest/doctest.h>

#include <random>

namespace store {
namespace {

using Key = std::tuple<std::uint8_t, std::string, base::BlobId, std::uint32_t, std::string>;

std::string encode(const Key& key) {
  return std::apply([](const auto&... parts) { return encode_key(9, parts...); }, key);
}

/// Short texts over few bytes, the special ones among them, so that equal prefixes are common.
std::string random_text(std::mt19937& random) {
  static constexpr char kBytes[] = {'\x00', '\x01', '\xFF', 'a', '\x7F'};
  std::string text(random() % 5, ' ');
  for (char& c : text) c = kBytes[random() % sizeof(kBytes)];
  return text;
}

Key random_key(std::mt19937& random) {
  static constexpr std::uint64_t kNumbers[] = {0, 1, 255, 256, 65535, 1ull << 32, UINT64_MAX};
  return {static_cast<std::uint8_t>(random() % 3), random_text(random), base::BlobId{kNumbers[random() % 7]},
          static_cast<std::uint32_t>(kNumbers[random() % 7]), random_text(random)};
}

}  // namespace

TEST_CASE("keys sort as the tuples they stand for, and come back") {
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    const Key a = random_key(random);
    const Key b = random_key(random);
    const std::string ea = encode(a);
    const std::string eb = encode(b);
    const auto by_bytes = ea.compare(eb) <=> 0;
    CHECK((a < b) == (by_bytes < 0));
    CHECK((a == b) == (by_bytes == 0));
    CHECK(decode_key<Key>(9, ea) == a);
  }
}

TEST_CASE("a prefix holds exactly the keys that begin with its parts") {
  std::mt19937 random(2);
  for (int i = 0; i < 5000; ++i) {
    const Key key = random_key(random);
    const Key other = random_key(random);
    const std::string from = encode_key(9, std::get<0>(other), std::get<1>(other));
    const std::string to = prefix_end(from);
    const std::string bytes = encode(key);
    const bool inside = bytes >= from && bytes < to;
    CHECK(inside == (std::get<0>(key) == std::get<0>(other) && std::get<1>(key) == std::get<1>(other)));
  }
  CHECK(prefix_end("a\xFF\xFF") == "b");
  CHECK(prefix_end("\xFF\xFF").empty());
}

TEST_CASE("the documented example") {
  CHECK(encode_key(33, base::AccountId{7}, std::string("a\0b", 3)) == std::string("\x21\0\0\0\0\0\0\0\x07"
                                                                                  "a\0\xFF"
                                                                                  "b\0\x01",
                                                                                  15));
}

TEST_CASE("what no encoder wrote does not decode") {
  using Text = std::tuple<std::string>;
  CHECK(!decode_key<Text>(9, ""));
  CHECK(!decode_key<Text>(9, "\x09"));
  CHECK(!decode_key<Text>(9,
                          "\x09"
                          "abc"));
  CHECK(!decode_key<Text>(9, std::string("\x09"
                                         "a\0",
                                         3)));
  CHECK(!decode_key<Text>(9, std::string("\x09"
                                         "a\0\x02",
                                         4)));
  CHECK(!decode_key<Text>(9, std::string("\x09"
                                         "a\0\x01z",
                                         5)));
  CHECK(!decode_key<Text>(8, std::string("\x09"
                                         "a\0\x01",
                                         4)));
  CHECK(decode_key<Text>(9, std::string("\x09"
                                        "a\0\x01",
                                        4)) == Text{"a"});
  CHECK(!decode_key<std::tuple<std::uint32_t>>(9, std::string("\x09\0\0\0", 4)));
  CHECK(!decode_key<std::tuple<>>(9, "\x09\x01"));
  CHECK(decode_key<std::tuple<>>(9, "\x09").has_value());
}

}  // namespace store
