#pragma once
// Config: everything that an operator can set, as values. Read from one TOML file, what it includes and the environment
// (load), checked as a whole: every mistake is reported with its line, not only the first. The field table in
// fields.cpp is the one place that knows keys, defaults (those of these structs) and their one sentence; the parser,
// `config check`, `config print` and docs/config.md come from it. A server holds snapshots of it, each immutable. Pure
// but for what the Sources read and examine() looks at.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "app/expand.h"
#include "base/log.h"
#include "base/network.h"
#include "delivery/delivery.h"
#include "directory/directory.h"
#include "dns/resolver.h"
#include "guard/types.h"
#include "imap/session.h"
#include "net/server.h"
#include "outbound/open.h"
#include "sasl/sasl.h"
#include "smtp/session.h"
#include "store/store.h"

namespace app {

enum class Protocol { smtp, submission, submissions, imap, imaps, lmtp };
enum class TlsMode { starttls, implicit, none };
enum class LogFormat { text, json };
enum class LogTarget { automatic, standard_error, journal, syslog };

/// A named place where connections are taken.
struct Listener {
  std::string name;
  Protocol protocol = Protocol::smtp;
  std::vector<std::string> addresses{"0.0.0.0", "::"};
  std::uint16_t port = 25;
  TlsMode tls = TlsMode::starttls;
  std::string path;  // of a Unix socket, in place of addresses and port
  std::vector<base::Network> allowed;
  std::vector<base::Network> proxies;
  std::vector<base::Network> trusted;
  std::vector<base::Network> relay;
  bool plaintext_auth = false;
  bool hide_clients = false;
  std::string certificate;  // the name of a NamedCertificate; empty: the default one
  std::string client_ca;    // PEM, the authorities of client certificates; empty: clients are asked for none

  /// As the protocol is usually served: its port, and TLS by STARTTLS or from the first byte.
  static Listener standard(std::string name, Protocol protocol);
};

/// Where the metrics can be read over HTTP.
struct MetricsEndpoint {
  std::vector<std::string> addresses;  // none: nowhere
  std::uint16_t port = 9464;
  std::vector<base::Network> allowed = base::loopback_networks();
};

struct TlsFiles {
  std::string certificate;   // PEM, the leaf first; empty: no TLS
  std::string key;           // PEM; empty: `certificate` is a directory that holds both (key_files.h)
  std::string key_password;  // of an encrypted key; empty: none

  friend bool operator==(const TlsFiles&, const TlsFiles&) = default;
};

/// A certificate beside the default one, for clients that name one of its hosts and for listeners that name it.
struct NamedCertificate {
  std::string name;
  TlsFiles files;
  std::vector<std::string> domains;  // host names and wildcards; empty: those that stand in it
};

struct Config {
  std::string hostname;
  std::string data_dir = "/var/lib/postrider";
  std::string user;                // empty: stay who we are
  std::string sendmail_directory;  // where programs of this machine leave mail; empty: see spool_path()
  std::size_t threads = 0;         // event loops; 0: one per core
  std::size_t workers = 4;         // of the pool

  base::Level log_level = base::Level::info;
  LogFormat log_format = LogFormat::text;
  LogTarget log_target = LogTarget::automatic;
  MetricsEndpoint metrics;
  TlsFiles tls;  // the default certificate
  std::vector<NamedCertificate> certificates;
  sasl::Enabled mechanisms;

  std::uint64_t max_message_bytes = 25ull << 20;
  std::uint64_t mailbox_quota_bytes = directory::kDefaultQuota;
  net::Limits connections{.connections = 10'000, .connections_per_address = 200};
  std::chrono::seconds stop_timeout{30};

  smtp::Config smtp;
  imap::Config imap;
  delivery::Config delivery;
  directory::Config directory;
  guard::Config guard;
  store::Options store;
  dns::Config dns;
  outbound::Config outbound;
  std::vector<Listener> listeners;

  /// Hands what stands in one place here to the rooms that each want to know it (host name, sizes, directories). Called
  /// by load(); whoever changes such a value afterwards calls it again.
  void settle();

  std::string socket_path() const { return data_dir + "/admin.sock"; }
  std::string spool_path() const;
  /// Where a server leaves its name for the commands that are given the directory alone.
  std::string hostname_path() const { return data_dir + "/hostname"; }
};

/// The listeners of a server that was given none: 25, 587, 465, 143 and 993 on all addresses.
std::vector<Listener> standard_listeners();

/// Where a value was given: a file and its line, or an environment variable (line 0).
struct Origin {
  std::string file;
  int line = 0;
};

/// Something that is wrong with the configuration. Line 0: with what is not in the file.
struct Mistake {
  Origin at;
  std::string text;

  /// "FILE:LINE: text", as compilers write it.
  std::string located() const;
};

/// All of them, one a line.
std::string located(const std::vector<Mistake>& mistakes);

/// What a configuration was read from; a change of any of it may change the configuration.
struct Inputs {
  std::vector<std::string> files;  // the file itself, what it includes, ${file:…}; in the order of reading, each once
  std::vector<std::string> patterns;  // of `include`

  void add_file(const std::string& file);
  void add_pattern(const std::string& pattern);
};

/// A configuration as it was read. When there are mistakes it is what could be read, and must not be used.
struct Loaded {
  Config config;
  std::vector<Mistake> mistakes;          // by file and line
  std::map<std::string, Origin> origins;  // of the keys that were given
  Inputs inputs;

  /// Where the key was given; otherwise the file as such.
  Origin origin(const std::string& key) const;
};

inline constexpr const char* kSendmailDirectory = "/var/spool/postrider";
inline constexpr std::size_t kMaxConfigFile = 1 << 20;  // bytes
inline constexpr const char* kVariablePrefix = "POSTRIDER_";

/// Reads TOML text and what it includes, and then the environment, on top of `base`: a listener that `base` has is
/// changed, others are added. `file` is the text's name.
Loaded load(std::string_view toml, const std::string& file, Config base, const Sources& sources);
/// The same with the text read from the file; a file that cannot be read is a mistake.
Loaded load_file(const std::string& file, Config base, const Sources& sources);

/// What load() cannot see in the text: whether the user exists, and whether each certificate can be read, fits its
/// key, and has not expired.
std::vector<Mistake> examine(const Loaded& loaded, base::WallTime now, Privileged& privileged);

/// The machine's own name when it is fully qualified, and empty otherwise.
std::string machine_hostname();

/// The configuration as TOML that load() reads again.
std::string print(const Config& config);

/// docs/config.md.
std::string reference();

}  // namespace app
