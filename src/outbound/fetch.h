#pragma once
// Private to the room: HTTPS with hosts of strangers, by libcurl, on threads of its own so that slow ones hold up
// nobody else. Bounded in time and size, no redirects (RFC 8461 §3.3), TLS 1.2 and up, to addresses that our resolver
// found.

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "net/pool.h"
#include "net/task.h"

namespace outbound {

struct FetchRequest {
  std::string host;  // a name: in the URL, for SNI, and what the certificate must be for
  std::uint16_t port = 443;
  std::string path;  // with its slash
  std::vector<std::string> addresses;
  std::string post;          // sent by POST when not empty
  std::string content_type;  // of it
  std::chrono::seconds timeout{60};
  std::size_t max_bytes = 64 * 1024;
};

struct FetchReply {
  enum class Failure { none, tls, other };
  Failure failure = Failure::none;
  std::string why;
  long status = 0;
  std::string content_type;
  std::string body;
};

class Fetcher {
 public:
  /// Trusts the authorities in `trusted_pem`, or those of the system when it is empty.
  explicit Fetcher(std::string trusted_pem) : trusted_(std::move(trusted_pem)) {}
  /// Gives up what is under way.
  ~Fetcher() { stop(); }
  /// From now on nothing is fetched.
  void stop() { stopping_ = true; }

  net::Task<FetchReply> fetch(FetchRequest request);

 private:
  FetchReply perform(const FetchRequest& request) const;

  const std::string trusted_;
  std::atomic<bool> stopping_ = false;
  net::Pool pool_{2};  // the last: what runs there uses the others
};

}  // namespace outbound
