#pragma once
// Private to the room: how TLS went, counted by day and policy domain (RFC 8460 §4), first in memory and from there, a
// minute later at most, in the store; and the reports that are made of it when a day is over. Safe from any loop's
// thread.

#include <map>
#include <mutex>
#include <string>

#include "outbound/fetch.h"
#include "outbound/open.h"
#include "outbound/session.h"
#include "outbound/tls_report.h"

namespace outbound {

/// What is counted together; `why` is of the first.
struct TlsCount {
  std::string domain;               // policy-domain
  std::string policy_type;          // "tlsa", "sts", "no-policy-found"
  std::vector<std::string> policy;  // policy-string
  std::vector<std::string> mx;
  TlsEvent event;
};

class Ledger {
 public:
  Ledger(Services services, const Config& config, Fetcher& fetcher, base::Log log);

  void add(const TlsCount& count);
  /// Moves what was counted in memory to the store.
  net::Task<void> flush();
  /// Sends the reports of days that are over, by `sink` and by HTTPS, and drops what is too old to be told.
  /// `stopping` ends it early.
  net::Task<void> report(ReportSink sink, const std::atomic<bool>& stopping);

 private:
  struct Key {
    std::uint32_t day;
    std::string domain, digest;
    auto operator<=>(const Key&) const = default;
  };
  struct Entry {
    TlsCount count;
    std::uint64_t sessions = 0;
  };

  std::uint32_t today() const;
  net::Task<bool> report_one(std::uint32_t day, std::string domain, ReportSink sink);
  net::Task<bool> post(std::string url, std::string body);
  net::Task<void> drop(std::uint32_t day, std::string domain);

  const Services services_;
  const std::string hostname_;
  Fetcher& fetcher_;
  const base::Log log_;
  std::mutex mutex_;
  std::map<Key, Entry> counted_;  // guarded by mutex_
};

}  // namespace outbound
