#include "dns/records.h"

#include <arpa/inet.h>

#include "base/text.h"

namespace dns {

namespace {

constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxName = 255;

std::uint8_t byte(std::string_view data, std::size_t at) { return static_cast<std::uint8_t>(data[at]); }

void append_label(std::string_view label, std::string& name) {
  for (const char c : label) {
    const auto code = static_cast<unsigned char>(c);
    if (code > 0x20 && code < 0x7F && c != '.' && c != '\\') {
      name += base::ascii_lower(c);
      continue;
    }
    const std::string digits = std::to_string(code);
    name += "\\" + std::string(3 - digits.size(), '0') + digits;
  }
}

/// RFC 1035 §3.3.14: strings, each behind its length.
bool take_strings(std::string_view data, std::string& text) {
  if (data.empty()) return false;
  while (!data.empty()) {
    const std::size_t size = byte(data, 0);
    if (data.size() < size + 1) return false;
    text += data.substr(1, size);
    data.remove_prefix(size + 1);
  }
  return true;
}

bool add_address(Answer& answer, int family, std::size_t size, std::string_view data) {
  char text[INET6_ADDRSTRLEN];
  if (data.size() != size || inet_ntop(family, data.data(), text, sizeof text) == nullptr) return false;
  answer.addresses.emplace_back(text);
  return true;
}

bool whole_name(std::string_view data, std::string& name) { return take_name(data, name) && data.empty(); }

}  // namespace

bool take_name(std::string_view& data, std::string& name) {
  std::string_view rest = data;
  std::string made;
  while (!rest.empty()) {
    const std::size_t size = byte(rest, 0);
    if (size > kMaxLabel || rest.size() < size + 1 || data.size() - rest.size() + size >= kMaxName) return false;
    const std::string_view label = rest.substr(1, size);
    rest.remove_prefix(size + 1);
    if (size == 0) {
      name = std::move(made);
      data = rest;
      return true;
    }
    if (!made.empty()) made += '.';
    append_label(label, made);
  }
  return false;
}

bool add_record(Answer& answer, Type type, std::string_view data) {
  switch (type) {
    case Type::a:
      return add_address(answer, AF_INET, 4, data);
    case Type::aaaa:
      return add_address(answer, AF_INET6, 16, data);
    case Type::ptr:
    case Type::cname: {
      std::string name;
      if (!whole_name(data, name)) return false;
      answer.names.push_back(std::move(name));
      return true;
    }
    case Type::mx: {
      Mx mx;
      if (data.size() < 3 || !whole_name(data.substr(2), mx.host)) return false;
      mx.preference = static_cast<std::uint16_t>(byte(data, 0) << 8 | byte(data, 1));
      answer.mx.push_back(std::move(mx));
      return true;
    }
    case Type::txt: {
      std::string text;
      if (!take_strings(data, text)) return false;
      answer.texts.push_back(std::move(text));
      return true;
    }
    case Type::tlsa:
      if (data.size() < 4) return false;
      answer.tlsa.push_back({.usage = byte(data, 0),
                             .selector = byte(data, 1),
                             .matching = byte(data, 2),
                             .data = std::string(data.substr(3))});
      return true;
  }
  return false;
}

std::string canonical_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return base::lower(name);
}

std::string reverse_name(std::string_view address) {
  const std::string text(address);
  unsigned char bytes[16];
  std::string name;
  if (inet_pton(AF_INET, text.c_str(), bytes) == 1) {
    for (int i = 3; i >= 0; --i) name += std::to_string(bytes[i]) + ".";
    return name + "in-addr.arpa";
  }
  if (inet_pton(AF_INET6, text.c_str(), bytes) != 1) return {};
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (int i = 15; i >= 0; --i) {
    name += {kDigits[bytes[i] & 0xF], '.', kDigits[bytes[i] >> 4], '.'};
  }
  return name + "ip6.arpa";
}

}  // namespace dns
