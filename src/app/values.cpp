#include "app/values.h"

#include <algorithm>
#include <array>

#include "app/nearest.h"
#include "base/text.h"
#include "dns/resolver.h"

namespace app {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
constexpr Unit kByteUnits[] = {{"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10}, {"B", 1}, {"", 1}};
constexpr Unit kTimeUnits[] = {{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}};

/// A number and a unit, a space in between or not.
std::optional<std::uint64_t> parse_united(std::string_view text, std::span<const Unit> units) {
  text = base::trim(text);
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = base::parse_u64(text.substr(0, digits));
  const std::string_view unit = base::trim(text.substr(digits));
  if (!number) return std::nullopt;
  for (const Unit& known : units) {
    if (!base::iequals(known.name, unit)) continue;
    if (*number > UINT64_MAX / known.factor) return std::nullopt;
    return *number * known.factor;
  }
  return std::nullopt;
}

std::string kind_of(const Raw& raw) {
  struct Visitor {
    std::string operator()(const std::string&) const { return "a text"; }
    std::string operator()(std::int64_t) const { return "a number"; }
    std::string operator()(bool) const { return "true or false"; }
    std::string operator()(const std::vector<std::string>&) const { return "a list"; }
    std::string operator()(const Other& other) const { return other.kind; }
  };
  return std::visit(Visitor{}, raw);
}

std::unexpected<base::Error> wrong_kind(const Raw& raw, std::string_view wanted) {
  return base::fail(base::Code::invalid, "must be " + std::string(wanted) + ", not " + kind_of(raw));
}

std::unexpected<base::Error> bad(std::string text) { return base::fail(base::Code::invalid, std::move(text)); }

base::Result<std::vector<std::string>> texts_of(const Raw& raw, std::string_view wanted) {
  if (const auto* list = std::get_if<std::vector<std::string>>(&raw)) return *list;
  const auto* text = std::get_if<std::string>(&raw);
  if (!text) return wrong_kind(raw, wanted);
  // One, or several as an environment variable holds them.
  std::vector<std::string> texts;
  for (const std::string_view one : base::split(*text, ',')) texts.emplace_back(base::trim(one));
  if (texts.size() == 1 && texts.front().empty()) texts.clear();
  return texts;
}

}  // namespace

base::Result<std::uint64_t> parse_bytes(std::string_view text) {
  const auto bytes = parse_united(text, kByteUnits);
  if (!bytes)
    return bad("must be a size such as \"25 MiB\" (B, KiB, MiB, GiB), not \"" + base::printable(text, 40) + "\"");
  return *bytes;
}

std::string print_bytes(std::uint64_t bytes) {
  for (const Unit& unit : kByteUnits) {
    if (bytes >= unit.factor && bytes % unit.factor == 0)
      return std::to_string(bytes / unit.factor) + " " + std::string(unit.name);
  }
  return "0 B";
}

base::Result<std::chrono::seconds> parse_seconds(std::string_view text) {
  const auto seconds = parse_united(text, kTimeUnits);
  if (!seconds || *seconds > INT32_MAX) {
    return bad("must be a duration such as \"90s\" (s, m, h, d), not \"" + base::printable(text, 40) + "\"");
  }
  return std::chrono::seconds(*seconds);
}

std::string print_seconds(std::chrono::seconds duration) {
  const auto seconds = static_cast<std::uint64_t>(duration.count());
  for (const Unit& unit : kTimeUnits) {
    if (seconds >= unit.factor && seconds % unit.factor == 0)
      return std::to_string(seconds / unit.factor) + std::string(unit.name);
  }
  return "0s";
}

std::string toml_text(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\u00" + base::hex(std::string_view(&c, 1));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string toml_list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() > 1 ? ", " : "") + toml_text(text);
  return out + "]";
}

base::Result<std::string> parse_hostname(std::string_view text) {
  const std::string name = base::lower(text);
  const auto refuse = [&](const char* why) {
    return bad("must be a full host name such as \"mail.example.org\"; \"" + base::printable(text, 80) + "\" " + why);
  };
  if (name.empty()) return refuse("is empty");
  if (name.size() > 253) return refuse("has more than 253 bytes");
  const auto labels = base::split(name, '.');
  for (const std::string_view label : labels) {
    if (label.empty()) return refuse("has an empty part");
    if (label.size() > 63) return refuse("has a part of more than 63 bytes");
    // RFC 1123 §2.1: letters, digits and hyphens, and no hyphen at either end.
    if (label.front() == '-' || label.back() == '-') return refuse("has a part that begins or ends with \"-\"");
    for (char c : label) {
      if (!base::is_alpha(c) && !base::is_digit(c) && c != '-')
        return refuse("has more than letters, digits and \"-\" in a part");
    }
  }
  if (labels.size() < 2) return refuse("has no domain");
  return name;
}

base::Result<std::string> Text::parse(const Raw& raw) {
  if (const auto* text = std::get_if<std::string>(&raw)) return *text;
  return wrong_kind(raw, "a text");
}

base::Result<std::string> HostName::parse(const Raw& raw) {
  TRY_ASSIGN(const std::string text, Text::parse(raw));
  return parse_hostname(text);
}

base::Result<std::string> Path::parse(const Raw& raw) {
  TRY_ASSIGN(std::string text, Text::parse(raw));
  if (!text.empty() && !text.starts_with('/'))
    return bad("must be a path from the root, not \"" + base::printable(text) + "\"");
  if (text.find('\0') != std::string::npos) return bad("holds a NUL byte");
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

base::Result<bool> Switch::parse(const Raw& raw) {
  if (const auto* value = std::get_if<bool>(&raw)) return *value;
  if (const auto* text = std::get_if<std::string>(&raw)) {  // from ${env:…}
    if (*text == "true") return true;
    if (*text == "false") return false;
  }
  return wrong_kind(raw, "true or false");
}

base::Result<std::vector<std::string>> parse_texts(const Raw& raw, const char* what) { return texts_of(raw, what); }

base::Result<std::uint64_t> parse_number(const Raw& raw, std::uint64_t least, std::uint64_t most) {
  const std::string wanted = "a number from " + std::to_string(least) + " to " + std::to_string(most);
  std::optional<std::uint64_t> number;
  std::string shown;
  if (const auto* value = std::get_if<std::int64_t>(&raw)) {
    if (*value >= 0) number = static_cast<std::uint64_t>(*value);
    shown = std::to_string(*value);
  } else if (const auto* text = std::get_if<std::string>(&raw)) {  // from ${env:…}
    number = base::parse_u64(*text);
    shown = "\"" + base::printable(*text, 40) + "\"";
  } else {
    return wrong_kind(raw, wanted);
  }
  if (!number || *number < least || *number > most) return bad("must be " + wanted + ", not " + shown);
  return *number;
}

base::Result<std::uint64_t> parse_size(const Raw& raw, std::uint64_t least, std::uint64_t most) {
  std::uint64_t bytes = 0;
  if (const auto* text = std::get_if<std::string>(&raw)) {
    TRY_ASSIGN(bytes, parse_bytes(*text));
  } else if (const auto* number = std::get_if<std::int64_t>(&raw); number && *number >= 0) {
    bytes = static_cast<std::uint64_t>(*number);
  } else {
    return wrong_kind(raw, "a size such as \"25 MiB\"");
  }
  if (bytes < least || bytes > most) {
    return bad("must be between " + print_bytes(least) + " and " + print_bytes(most) + ", not " + print_bytes(bytes));
  }
  return bytes;
}

base::Result<std::chrono::seconds> parse_duration(const Raw& raw, std::chrono::seconds least,
                                                  std::chrono::seconds most) {
  std::chrono::seconds duration{};
  if (const auto* text = std::get_if<std::string>(&raw)) {
    TRY_ASSIGN(duration, parse_seconds(*text));
  } else if (const auto* number = std::get_if<std::int64_t>(&raw); number && *number >= 0 && *number <= INT32_MAX) {
    duration = std::chrono::seconds(*number);
  } else {
    return wrong_kind(raw, "a duration such as \"90s\"");
  }
  if (duration < least || duration > most) {
    return bad("must be between " + print_seconds(least) + " and " + print_seconds(most) + ", not " +
               print_seconds(duration));
  }
  return duration;
}

base::Result<std::vector<std::string>> Addresses::parse(const Raw& raw) {
  TRY_ASSIGN(const auto texts, texts_of(raw, "a numeric address or a list of them"));
  if (texts.empty()) return bad("must name at least one address");
  std::vector<std::string> addresses;
  for (const std::string& text : texts) {
    auto address = base::canonical_address(text);
    if (!address) {
      return bad("must be numeric addresses such as \"0.0.0.0\" or \"::1\", not \"" + base::printable(text, 60) + "\"");
    }
    if (std::ranges::find(addresses, *address) == addresses.end()) addresses.push_back(*std::move(address));
  }
  return addresses;
}

base::Result<std::vector<std::string>> NameServers::parse(const Raw& raw) {
  TRY_ASSIGN(auto texts, texts_of(raw, "the address of a name server or a list of them"));
  for (const std::string& text : texts) {
    if (text != "system") TRY(dns::parse_server(text));
  }
  return texts;
}

base::Result<std::vector<std::string>> Zones::parse(const Raw& raw) {
  TRY_ASSIGN(auto texts, texts_of(raw, "a domain or a list of them"));
  for (std::string& text : texts) {
    text = base::lower(text);
    // A label may stand alone here ("test").
    TRY(parse_hostname(text.find('.') == std::string::npos ? text + ".example" : text));
  }
  return texts;
}

base::Result<std::vector<std::string>> HostPatterns::parse(const Raw& raw) {
  TRY_ASSIGN(auto texts, texts_of(raw, "a host name or a list of them"));
  for (std::string& text : texts) {
    const bool wildcard = text.starts_with("*.");
    TRY_ASSIGN(const std::string host, parse_hostname(std::string_view(text).substr(wildcard ? 2 : 0)));
    text = (wildcard ? "*." : "") + host;
  }
  return texts;
}

base::Result<std::vector<std::string>> LocalSenders::parse(const Raw& raw) {
  if (const auto* list = std::get_if<std::vector<std::string>>(&raw); list && list->empty()) return type();
  TRY_ASSIGN(auto texts, texts_of(raw, "USER=ADDRESS or a list of such"));
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    const std::string allowed = equals == std::string::npos ? std::string() : text.substr(equals + 1);
    const bool known =
        allowed == "*" || directory::normalize_address(allowed.starts_with('@') ? "x" + allowed : allowed);
    if (equals == 0 || equals == std::string::npos || !known) {
      return bad("must be as \"www-data=shop@example.org\", \"www-data=@example.org\" or \"www-data=*\", not \"" +
                 base::printable(text, 60) + "\"");
    }
  }
  return texts;
}

base::Result<std::string> MailAddress::parse(const Raw& raw) {
  TRY_ASSIGN(std::string text, Text::parse(raw));
  if (text == "postmaster" || directory::normalize_address(text)) return text;
  return bad("must be a mail address, or postmaster, not \"" + base::printable(text, 60) + "\"");
}

base::Result<std::vector<std::string>> AddressesOrNone::parse(const Raw& raw) {
  const auto* list = std::get_if<std::vector<std::string>>(&raw);
  return list && list->empty() ? base::Result<type>(type()) : Addresses::parse(raw);
}

base::Result<std::vector<base::Network>> Networks::parse(const Raw& raw) {
  TRY_ASSIGN(const auto texts, texts_of(raw, "a network or a list of them"));
  std::vector<base::Network> networks;
  for (const std::string& text : texts) {
    TRY_ASSIGN(const base::Network network, base::Network::parse(text));
    networks.push_back(network);
  }
  return networks;
}

std::string Networks::print(const std::vector<base::Network>& value) {
  std::vector<std::string> texts;
  for (const base::Network& network : value) texts.push_back(network.text());
  return toml_list(texts);
}

base::Result<sasl::Enabled> Mechanisms::parse(const Raw& raw) {
  TRY_ASSIGN(const auto texts, texts_of(raw, "the name of a mechanism or a list of them"));
  if (texts.empty()) return bad("must name at least one mechanism");
  const auto enabled = sasl::enabled_from(texts);
  if (enabled) return *enabled;
  return bad("must be of " + toml_list(sasl::names(sasl::all())) + "; " + enabled.error().text);
}

std::string Mechanisms::print(const sasl::Enabled& value) { return toml_list(sasl::names(value)); }

base::Result<std::size_t> parse_word(const Raw& raw, std::span<const char* const> words) {
  std::string list;
  for (const char* known : words) list += (list.empty() ? "\"" : ", \"") + std::string(known) + "\"";
  const auto* text = std::get_if<std::string>(&raw);
  if (!text) return wrong_kind(raw, "one of " + list);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (*text == words[i]) return i;
  }
  return bad("must be one of " + list + ", not \"" + base::printable(*text, 40) + "\"");
}

}  // namespace app
