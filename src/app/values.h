#pragma once
// Private to the room. The kinds of values that a setting can have: each kind parses what the file holds into the
// member's type, with a sentence when it does not fit, and prints it as TOML again. Pure.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "app/config.h"

namespace app {

/// A value as it stands in the file, references (${…}) already replaced.
struct Other {
  std::string kind;  // "a date"
};
using Raw = std::variant<std::string, std::int64_t, bool, std::vector<std::string>, Other>;

/// "25 MiB", "4096", "1 GiB". invalid with what is expected.
base::Result<std::uint64_t> parse_bytes(std::string_view text);
std::string print_bytes(std::uint64_t bytes);
/// "90s", "5m", "2h", "1d".
base::Result<std::chrono::seconds> parse_seconds(std::string_view text);
std::string print_seconds(std::chrono::seconds duration);

/// A TOML basic string, toml_text.
std::string toml_text(std::string_view text);
std::string toml_list(const std::vector<std::string>& texts);

/// A host name of at least two labels (RFC 1123 §2.1), lower case.
base::Result<std::string> parse_hostname(std::string_view text);

struct Text {
  using type = std::string;
  static constexpr const char* kName = "text";
  static base::Result<type> parse(const Raw& raw);
  static std::string print(const type& value) { return toml_text(value); }
};

/// What config print and logs do not show.
struct Secret : Text {
  static constexpr const char* kName = "secret";
  static std::string print(const type& value) { return toml_text(value.empty() ? "" : "(secret)"); }
};

struct HostName : Text {
  static constexpr const char* kName = "host name";
  static base::Result<type> parse(const Raw& raw);
};

/// A path from the root; empty for none.
struct Path : Text {
  static constexpr const char* kName = "path";
  static base::Result<type> parse(const Raw& raw);
};

struct Switch {
  using type = bool;
  static constexpr const char* kName = "true or false";
  static base::Result<type> parse(const Raw& raw);
  static std::string print(bool value) { return value ? "true" : "false"; }
};

/// A list of texts, or one text with commas; `what` is what is wanted, in words.
base::Result<std::vector<std::string>> parse_texts(const Raw& raw, const char* what);

base::Result<std::uint64_t> parse_number(const Raw& raw, std::uint64_t least, std::uint64_t most);
template <std::uint64_t least, std::uint64_t most, class T = std::size_t>
struct Number {
  using type = T;
  static constexpr const char* kName = "number";
  static base::Result<type> parse(const Raw& raw) {
    TRY_ASSIGN(const std::uint64_t number, parse_number(raw, least, most));
    return static_cast<T>(number);
  }
  static std::string print(T value) { return std::to_string(value); }
};
using Port = Number<1, 65535, std::uint16_t>;

base::Result<std::uint64_t> parse_size(const Raw& raw, std::uint64_t least, std::uint64_t most);
template <std::uint64_t least, std::uint64_t most>
struct Size {
  using type = std::uint64_t;
  static constexpr const char* kName = "size";
  static base::Result<type> parse(const Raw& raw) { return parse_size(raw, least, most); }
  static std::string print(type value) { return toml_text(print_bytes(value)); }
};

base::Result<std::chrono::seconds> parse_duration(const Raw& raw, std::chrono::seconds least,
                                                  std::chrono::seconds most);
template <std::int64_t least, std::int64_t most>
struct Duration {
  using type = std::chrono::seconds;
  static constexpr const char* kName = "duration";
  static base::Result<type> parse(const Raw& raw) {
    return parse_duration(raw, std::chrono::seconds(least), std::chrono::seconds(most));
  }
  static std::string print(type value) { return toml_text(print_seconds(value)); }
};

/// Numeric addresses: one as text, or a list.
struct Addresses {
  using type = std::vector<std::string>;
  static constexpr const char* kName = "addresses";
  static base::Result<type> parse(const Raw& raw);
  static std::string print(const type& value) { return toml_list(value); }
};

/// The same, and an empty list for none.
struct AddressesOrNone : Addresses {
  static base::Result<type> parse(const Raw& raw);
};

/// Host names and wildcards ("*.example.org"): one as text, or a list; lower case.
struct HostPatterns {
  using type = std::vector<std::string>;
  static constexpr const char* kName = "host names";
  static base::Result<type> parse(const Raw& raw);
  static std::string print(const type& value) { return toml_list(value); }
};

/// "USER=ADDRESS", "USER=@domain" and "USER=*" (delivery::Config::local_senders): one as text, or a list.
struct LocalSenders {
  using type = std::vector<std::string>;
  static constexpr const char* kName = "senders";
  static base::Result<type> parse(const Raw& raw);
  static std::string print(const type& value) { return toml_list(value); }
};

/// Rules for addresses (delivery/rewrite.h), in order: one as text, or a list.
struct Rewrites {
  using type = std::vector<delivery::Rewrite>;
  static constexpr const char* kName = "rules";
  static base::Result<type> parse(const Raw& raw);
  static std::string print(const type& value);
};

/// Shared entries of the server (imap/server_entries.h): one as text, or a list.
struct ServerEntries {
  using type = std::vector<mailstore::Annotation>;
  static constexpr const char* kName = "entries";
  static base::Result<type> parse(const Raw& raw);
  static std::string print(const type& value);
};

/// Name servers to ask: addresses with an optional port, or "system"; one as text, or a list.
struct NameServers {
  using type = std::vector<std::string>;
  static constexpr const char* kName = "name servers";
  static base::Result<type> parse(const Raw& raw);
  static std::string print(const type& value) { return toml_list(value); }
};

/// A mail address, or postmaster.
struct MailAddress : Text {
  static constexpr const char* kName = "address";
  static base::Result<type> parse(const Raw& raw);
};

/// Domains, also of one label: one as text, or a list; lower case.
struct Zones {
  using type = std::vector<std::string>;
  static constexpr const char* kName = "domains";
  static base::Result<type> parse(const Raw& raw);
  static std::string print(const type& value) { return toml_list(value); }
};

/// Networks: one as text, or a list.
struct Networks {
  using type = std::vector<base::Network>;
  static constexpr const char* kName = "networks";
  static base::Result<type> parse(const Raw& raw);
  static std::string print(const type& value);
};

/// Durations in their order: one as text, or a list.
struct Durations {
  using type = std::vector<std::chrono::seconds>;
  static constexpr const char* kName = "durations";
  static base::Result<type> parse(const Raw& raw);
  static std::string print(const type& value);
};

/// Hosts with their ports ("relay.example.net:587", "[2001:db8::1]:25"), and paths of Unix sockets: one as text, or a
/// list, tried in order. Port 0: that of the protocol.
struct RouteHosts {
  using type = std::vector<outbound::RouteHost>;
  static constexpr const char* kName = "hosts";
  static base::Result<type> parse(const Raw& raw);
  static std::string print(const type& value);
};

/// A command: its path and its arguments, with placeholders (outbound/pipe.h); without arguments the path alone will
/// do.
struct Command {
  using type = std::vector<std::string>;
  static constexpr const char* kName = "command";
  static base::Result<type> parse(const Raw& raw);
  static std::string print(const type& value) { return toml_list(value); }
};

/// Mail domains as lower-case A-labels; ".example.org" and "*.example.org" are those below it, "*" is any.
struct MailDomains {
  using type = std::vector<std::string>;
  static constexpr const char* kName = "domains";
  static base::Result<type> parse(const Raw& raw);
  static std::string print(const type& value) { return toml_list(value); }
};

/// Mail addresses, normalized.
struct MailAddresses {
  using type = std::vector<std::string>;
  static constexpr const char* kName = "addresses";
  static base::Result<type> parse(const Raw& raw);
  static std::string print(const type& value) { return toml_list(value); }
};

/// SASL mechanisms by their names: one as text, or a list.
struct Mechanisms {
  using type = sasl::Enabled;
  static constexpr const char* kName = "mechanisms";
  static base::Result<type> parse(const Raw& raw);
  static std::string print(const type& value);
};

/// One of the words of an enumeration, in the order of its values.
template <class E>
struct Words;
template <>
struct Words<base::Level> {
  static constexpr const char* kWords[] = {"debug", "info", "warning", "error"};
};
template <>
struct Words<LogFormat> {
  static constexpr const char* kWords[] = {"text", "json"};
};
template <>
struct Words<LogTarget> {
  static constexpr const char* kWords[] = {"auto", "stderr", "journal", "syslog"};
};
template <>
struct Words<Protocol> {
  static constexpr const char* kWords[] = {"smtp", "submission", "submissions", "imap", "imaps", "lmtp"};
};
template <>
struct Words<smtp::Vrfy> {
  static constexpr const char* kWords[] = {"nobody", "known", "everybody"};
};
template <>
struct Words<smtp::Policy> {
  static constexpr const char* kWords[] = {"ignore", "log", "refuse"};
};
template <>
struct Words<TlsMode> {
  static constexpr const char* kWords[] = {"starttls", "implicit", "none"};
};

template <>
struct Words<queue::By> {
  static constexpr const char* kWords[] = {"mx", "hosts", "lmtp", "pipe", "local", "refuse", "discard"};
};
template <>
struct Words<outbound::TlsPolicy> {
  static constexpr const char* kWords[] = {"none", "opportunistic", "policy", "encrypt", "verify"};
};

base::Result<std::size_t> parse_word(const Raw& raw, std::span<const char* const> words);
template <class E>
struct Choice {
  using type = E;
  static constexpr const char* kName = "word";
  static base::Result<type> parse(const Raw& raw) {
    TRY_ASSIGN(const std::size_t index, parse_word(raw, Words<E>::kWords));
    return static_cast<E>(index);
  }
  static std::string print(E value) { return toml_text(word(value)); }
  static const char* word(E value) { return Words<E>::kWords[static_cast<std::size_t>(value)]; }
};

}  // namespace app
