#pragma once
// Certificate: the acceptor of the moment, shared by all listeners, and how it is exchanged while they run: sessions
// that have one keep it, new ones get the new. From any thread. The files are only ever read.

#include <memory>
#include <mutex>
#include <optional>

#include "app/config.h"
#include "app/privileged.h"
#include "base/clock.h"
#include "base/result.h"
#include "tls/tls.h"

namespace app {

class Certificate {
 public:
  /// `privileged` reads the files and outlives this.
  Certificate(TlsFiles files, Privileged& privileged) : files_(std::move(files)), privileged_(privileged) {}

  /// Reads the files; when they are not a usable pair nothing changes. Blocks.
  base::Result<void> load();

  bool configured() const { return !files_.certificate.empty(); }
  /// nullptr when there is none.
  std::shared_ptr<const tls::Acceptor> acceptor() const;
  std::optional<base::WallTime> expires() const;
  /// Names and expiry, for the log.
  std::string description() const;

 private:
  const TlsFiles files_;
  Privileged& privileged_;
  mutable std::mutex mutex_;
  std::shared_ptr<const tls::Acceptor> acceptor_;
  std::optional<tls::CertificateInfo> info_;
};

}  // namespace app
