#pragma once
// The values that the guard takes and gives.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/network.h"

namespace guard {

/// Who comes through a listener: other people's servers (port 25), or our users (submission, IMAP). What one group does
/// counts for that group alone; a ban is for both.
enum class Group : std::uint8_t { strangers, users };

/// What is counted within a minute.
enum class What : std::uint8_t { connections, messages, recipients, errors, logins };
inline constexpr std::size_t kWhats = 5;

/// Whose limit it is. A client is an IPv4 address or an IPv6 /64, because whoever has one address of such a network has
/// all of them (RFC 4291 §2.5.1); a network is an IPv4 /24 or an IPv6 /48, what one site gets (RFC 6177 §2).
enum class Scope : std::uint8_t { client, network, account, all };

const char* name(What what);
const char* name(Scope scope);

base::Network client_of(const base::Address& address);
base::Network network_of(const base::Address& address);

/// A limit that was reached.
struct Limit {
  What what = What::connections;
  Scope scope = Scope::client;
  friend bool operator==(const Limit&, const Limit&) = default;
};

/// Why a connection is turned away.
struct Refusal {
  bool banned = false;
  bool for_good = false;  // banned without an end
  Limit limit;            // when it is not banned
};

/// A limit of an account's day that is used up.
struct Spent {
  enum class Of { messages, new_recipients } of = Of::messages;
  std::uint64_t limit = 0;
  bool none_left = true;  // false: a message to fewer new recipients may still go
  base::WallTime until;   // the next day, in UTC
};

/// A network that is turned away.
struct Ban {
  base::Network network;
  base::WallTime created;
  std::optional<base::WallTime> until;  // nothing: until it is removed
  std::string reason;
  bool by_operator = false;
  std::uint32_t times = 1;  // how often in a row wrong passwords have earned it one; each time it is longer

  bool holds(base::WallTime now) const { return !until || now < *until; }
};

/// What an account may do in a day, and has done today. 0 is any number.
struct Allowance {
  std::optional<std::uint64_t> own_messages;  // nothing: as the configuration says
  std::optional<std::uint64_t> own_new_recipients;
  std::uint64_t messages = 0;  // what holds
  std::uint64_t new_recipients = 0;
  std::uint64_t messages_today = 0;
  std::uint64_t new_recipients_today = 0;
};

/// An absent member means "as it is"; nothing within means "as the configuration says".
struct AllowanceChange {
  std::optional<std::optional<std::uint64_t>> messages = std::nullopt;
  std::optional<std::optional<std::uint64_t>> new_recipients = std::nullopt;
};

/// Within any minute; 0 is any number.
struct Rates {
  std::uint32_t connections = 0;
  std::uint32_t messages = 0;
  std::uint32_t recipients = 0;
  std::uint32_t errors = 0;
  std::uint32_t logins = 0;

  std::uint32_t of(What what) const;
};

struct Config {
  Rates stranger{.connections = 10, .messages = 20, .recipients = 200, .errors = 50};  // a client on port 25
  Rates user{.connections = 120, .errors = 200};                                       // a client of our users
  std::uint32_t network_factor = 10;  // what all clients of a network may do, in times of what one may; 0: any number
  Rates account{.messages = 120, .recipients = 1000, .logins = 120};
  Rates all{.connections = 6000, .messages = 30'000, .recipients = 300'000};
  std::size_t records = 8192;  // clients, networks and accounts that are remembered; about 250 bytes each

  std::uint64_t messages_per_day = 1000;  // of an account; 0: any number
  std::uint64_t new_recipients_per_day = 500;

  std::uint32_t wrong_passwords = 10;  // of a client within `ban_window`, for which it is banned; 0: never
  std::chrono::seconds ban_window{10 * 60};
  std::chrono::seconds first_ban{10 * 60};  // each further one is twice as long
  std::chrono::seconds longest_ban{86'400};
};

}  // namespace guard
