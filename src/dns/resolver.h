#pragma once
// Resolver: what the DNS says of a name, validated by ourselves (RFC 4033 to 4035), so that neither DANE nor anything
// else trusts the resolver of the machine. Answers tell apart what a mail server must tell apart: a record that is not
// there (mail fails, or something else is tried), and one that could not be had (mail waits). Safe from any loop's
// thread; a call resumes on its caller's loop. Never throws. Nothing is retried beyond what the look-up itself retries.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "net/task.h"

namespace dns {

/// Record types by their numbers (RFC 1035 §3.2.2, 3596, 6698).
enum class Type : std::uint16_t { a = 1, cname = 5, ptr = 12, mx = 15, txt = 16, aaaa = 28, tlsa = 52 };
/// "MX"
const char* name(Type type);

enum class Status {
  found,        // there are records
  no_data,      // the name exists, records of this type do not
  no_name,      // NXDOMAIN: nothing of this name exists
  bogus,        // the answer fails DNSSEC validation: an attack, or a zone that is broken
  unreachable,  // SERVFAIL, REFUSED, a time-out, no resolver: nothing is known
};

struct Mx {
  std::uint16_t preference = 0;
  std::string host;  // "" for the root: a null MX (RFC 7505)
  friend bool operator==(const Mx&, const Mx&) = default;
};

/// RFC 6698 §2.1.
struct Tlsa {
  std::uint8_t usage = 0;
  std::uint8_t selector = 0;
  std::uint8_t matching = 0;
  std::string data;  // bytes
  friend bool operator==(const Tlsa&, const Tlsa&) = default;
};

/// Only the list of the asked type is filled. Names are in lower case without the final dot. A record that is not
/// well-formed is left out; when none is left the status is no_data.
struct Answer {
  Status status = Status::unreachable;
  bool secure = false;                 // validated from a trust anchor; also that there is nothing
  std::uint32_t ttl = 0;               // seconds
  std::string why;                     // bogus, unreachable: in words
  std::string canonical;               // the name at the end of the CNAMEs; the asked one when there are none
  std::vector<std::string> addresses;  // a, aaaa: numeric
  std::vector<std::string> names;      // ptr, cname
  std::vector<Mx> mx;                  // as they came
  std::vector<std::string> texts;      // txt: the strings of each record joined
  std::vector<Tlsa> tlsa;

  /// The DNS has said that there is no such record.
  bool absent() const { return status == Status::no_data || status == Status::no_name; }
  /// Nothing is known: try again later.
  bool unknown() const { return status == Status::bogus || status == Status::unreachable; }
};

class Resolver {
 public:
  virtual ~Resolver() = default;
  /// `name` in A-labels, with or without a final dot. Ends by `deadline`: unreachable.
  virtual net::Task<Answer> look_up(std::string name, Type type, base::SteadyTime deadline) = 0;
};

struct Config {
  /// "192.0.2.53", "192.0.2.53:5353", "[2001:db8::53]:5353": resolvers that are asked instead of the name servers of
  /// the world; they must pass on DNSSEC's records. "system": those of /etc/resolv.conf. None: full recursion.
  std::vector<std::string> servers;
  /// Whether answers are validated. Without, nothing is secure: for networks whose resolver drops DNSSEC's records.
  bool validate = true;
  /// A file with the DS or DNSKEY records to trust. Empty: those of the root, which are built in.
  std::string trust_anchor;
  /// Names for special use (RFC 6761: "test", "home.arpa") that are looked up nevertheless.
  std::vector<std::string> special_names;
  /// Of one look-up, whatever the caller's deadline.
  std::chrono::seconds timeout{20};
  /// Look-ups under way at once; more wait for a place.
  std::size_t max_lookups = 500;

  friend bool operator==(const Config&, const Config&) = default;
};

/// One entry of Config::servers as libunbound writes it ("192.0.2.53@5353"); invalid in words.
base::Result<std::string> parse_server(std::string_view text);

/// Over libunbound, with a thread of its own. invalid: a server that is no address, a trust anchor that cannot be read.
base::Result<std::unique_ptr<Resolver>> make_resolver(const Config& config, base::Log log);

}  // namespace dns
