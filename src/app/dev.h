#pragma once
// Developer mode: the production server with its ports shifted, a certificate of its own, a domain and users, in one
// directory, without root and without any configuration. Stable: tests and benchmarks start it. See docs/operations.md.

#include <optional>
#include <string>

#include "app/config.h"
#include "base/result.h"

namespace app {

struct DevOptions {
  std::string directory;
  std::string host = "127.0.0.1";
  unsigned base_port = 2000;
  std::string domain = "example.test";
  std::size_t users = 2;
  std::string password = "test";
  std::string resolver;     // a name server, ADDRESS:PORT; empty: as without developer mode
  std::string config_file;  // TOML on top; empty: none
  std::string smarthost;    // HOST:PORT; empty: none
  bool no_sync = false;
  bool proxy_protocol = false;  // connections from loopback begin with a PROXY header
};

/// The configuration of developer mode, without the file on top. invalid: which option, and why.
base::Result<Config> dev_config(const DevOptions& options);

/// The certificate and key that are kept in the directory, made there when they are missing or have expired.
base::Result<TlsFiles> dev_certificate(const std::string& directory, const std::vector<std::string>& names,
                                       base::WallTime now);

/// Runs until a signal; prints "ready" on standard output when every listener accepts and every user can log in.
int run_dev(const DevOptions& options);

}  // namespace app
