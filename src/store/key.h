#pragma once
// Keys as bytes that sort like the tuples they stand for: one byte for the table, then each part. Unsigned numbers and
// ids are big-endian; a text is its bytes with 00 written as 00 FF, ended by 00 01, so that "a" sorts before "aa" and
// before every longer key. Decoding is total: nullopt for what no encoder wrote.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "base/ids.h"

namespace store {

void append_key_part(std::string& out, std::uint8_t value);
void append_key_part(std::string& out, std::uint32_t value);
void append_key_part(std::string& out, std::uint64_t value);
void append_key_part(std::string& out, std::string_view value);
inline void append_key_part(std::string& out, const std::string& value) {
  append_key_part(out, std::string_view(value));
}
template <class Tag, class Number>
void append_key_part(std::string& out, base::Id<Tag, Number> id) {
  append_key_part(out, id.value);
}

bool take_key_part(std::string_view& in, std::uint8_t& value);
bool take_key_part(std::string_view& in, std::uint32_t& value);
bool take_key_part(std::string_view& in, std::uint64_t& value);
bool take_key_part(std::string_view& in, std::string& value);
template <class Tag, class Number>
bool take_key_part(std::string_view& in, base::Id<Tag, Number>& id) {
  return take_key_part(in, id.value);
}

/// The bytes of a whole key, or of the first parts of one (which is the prefix of all keys that begin with them).
template <class... Parts>
std::string encode_key(std::uint8_t table, const Parts&... parts) {
  std::string out(1, static_cast<char>(table));
  (append_key_part(out, parts), ...);
  return out;
}

/// The parts of a key of `table`; nullopt when it is another table's or malformed or longer.
template <class Tuple>
std::optional<Tuple> decode_key(std::uint8_t table, std::string_view key) {
  if (key.empty() || static_cast<std::uint8_t>(key[0]) != table) return std::nullopt;
  key.remove_prefix(1);
  Tuple parts;
  const bool whole = std::apply([&](auto&... part) { return (take_key_part(key, part) && ...); }, parts);
  if (!whole || !key.empty()) return std::nullopt;
  return parts;
}

/// The first key behind all that begin with `prefix`; empty (no bound) when there is none.
std::string prefix_end(std::string_view prefix);

}  // namespace store
