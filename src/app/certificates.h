#pragma once
// Certificates: the certificates of the configuration, and the acceptor that each listener uses at the moment. A reload
// is all or nothing: prepare() reads everything and changes nothing, adopt() cannot fail. Between reloads refresh()
// takes up files that have changed, each pair only when it fits: a half-written one is waited for, and so is a file
// that is not there yet. Sessions keep the acceptor that they have. The files are only ever read. acceptor() and
// status() from any thread; prepare(), adopt() and refresh() block, from any thread but a loop's.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/api.h"
#include "app/config.h"
#include "app/file_watch.h"
#include "app/privileged.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "tls/tls.h"

namespace app {

class Certificates {
 public:
  /// `privileged` reads the files; it and `clock` outlive this.
  Certificates(Privileged& privileged, const base::Clock& clock, base::Log log);

  class Prepared;

  /// Reads all certificates that the configuration names. A file that does not exist is no error; a pair that does not
  /// fit, or cannot be read, is one, unless those files are in use with a pair that fits: it is kept then.
  base::Result<Prepared> prepare(const Config& config);
  void adopt(Prepared prepared);

  /// nullptr: the listener is unknown, has no certificate, or its certificate is not there yet.
  std::shared_ptr<const tls::Acceptor> acceptor(std::string_view listener) const;

  /// To be called every second or two: takes up what has changed, and says in the log, once each, what cannot be used
  /// and what is about to expire. True when acceptors have changed.
  bool refresh();

  /// The default one first.
  std::vector<admin::Status::Certificate> status() const;

 private:
  /// A certificate of the configuration, with what was last found in its files.
  struct One {
    NamedCertificate what;  // without a name: the default one
    std::optional<tls::KeyPair> pair;
    tls::CertificateInfo info;           // of the pair
    std::optional<base::Error> problem;  // with the files as they are; the pair is from before then

    bool operator==(const One& other) const;
  };
  /// What a listener needs an acceptor for: the name of its certificate, and its file of client authorities, if any.
  using Choice = std::pair<std::string, std::string>;
  /// Immutable once made.
  struct Set {
    std::vector<One> all;
    std::map<std::string, std::string> client_cas;       // PEM by file
    std::map<std::string, std::string> kept_client_cas;  // of these what a file held before, and why
    std::map<std::string, Choice, std::less<>> by_listener;
    std::map<Choice, std::shared_ptr<const tls::Acceptor>> acceptors;
  };
  using Shared = std::shared_ptr<const Set>;

  static std::vector<std::string> paths(const Set& set);
  base::Result<std::string> read_client_ca(const std::string& path) const;
  base::Result<void> add_client_ca(Set& set, const std::string& path, const Set& before) const;
  One read(NamedCertificate what, const Set& before) const;
  base::Result<Shared> build(Set set) const;
  Shared current() const;
  void replace(Shared set, bool first);
  void tell(const One& one, const One* before) const;
  void remind();

  Privileged& privileged_;
  const base::Clock& clock_;
  const base::Log log_;
  const std::shared_ptr<tls::TicketKeys> tickets_;  // shared by all acceptors, so that a renewal ends no resumption

  std::mutex changing_;   // held by who exchanges the set
  FileWatch watch_;       // guarded by changing_
  bool adopted_ = false;  // guarded by changing_
  struct Reminded {
    base::WallTime not_after;
    std::size_t steps = 0;  // of kReminders that were logged
  };
  std::map<std::string, Reminded> reminded_;  // guarded by changing_; by name

  mutable std::mutex mutex_;
  Shared set_;  // guarded by mutex_
};

/// What adopt() takes: certificates that were read and fit.
class Certificates::Prepared {
 public:
  /// Whether the listener could begin TLS.
  bool has(std::string_view listener) const;

 private:
  friend class Certificates;
  Prepared(Shared set, FileWatch watch) : set_(std::move(set)), watch_(std::move(watch)) {}
  Shared set_;
  FileWatch watch_;
};

}  // namespace app
