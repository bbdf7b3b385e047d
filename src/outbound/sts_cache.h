#pragma once
// Private to the room: the MTA-STS policies of other domains (RFC 8461 §3.3, §5.1), kept in the store as long as they
// say, fetched when a domain announces another one, and refreshed daily so that one which is in use never runs out.
// Safe from any loop's thread.

#include <map>
#include <mutex>
#include <string>

#include "outbound/fetch.h"
#include "outbound/open.h"
#include "outbound/session.h"
#include "outbound/sts_policy.h"

namespace outbound {

struct StsLookup {
  StsPolicy policy;  // of mode none: there is none to follow
  /// What went wrong with finding a newer one, for reports.
  std::optional<TlsResult> failure;
  std::string why;
};

class StsCache {
 public:
  StsCache(Services services, const Config& config, Fetcher& fetcher, base::Log log)
      : services_(services), port_(config.mta_sts_port), fetcher_(fetcher), log_(std::move(log)) {}

  /// Never fails: a domain whose policy cannot be had has the one that is known, or none (§5.1).
  net::Task<StsLookup> look_up(std::string domain, base::SteadyTime deadline);

  /// Fetches anew what is older than a day, and forgets what has run out. `stopping` ends it early.
  net::Task<void> refresh(const std::atomic<bool>& stopping);

 private:
  struct Known {
    StsPolicy policy;
    std::string id;
    std::int64_t fetched = 0;  // seconds since 1970
  };
  struct Failed {
    std::string id;
    std::int64_t at = 0;
    TlsResult result = TlsResult::sts_policy_fetch_error;
    std::string why;
  };

  net::Task<std::optional<Known>> known(std::string domain);
  net::Task<StsLookup> renew(std::string domain, std::string id, std::optional<Known> known, base::SteadyTime deadline);
  net::Task<base::Result<StsPolicy>> fetch(std::string domain, base::SteadyTime deadline, TlsResult& failure);
  net::Task<void> keep(std::string domain, Known policy);
  void remember(const std::string& domain, Failed failed);
  std::optional<Failed> failed_lately(const std::string& domain, const std::string& id) const;
  std::int64_t now() const { return base::unix_seconds(services_.clock.now()); }

  const Services services_;
  const std::uint16_t port_;
  Fetcher& fetcher_;
  const base::Log log_;
  mutable std::mutex mutex_;
  std::map<std::string, Failed> failed_;  // by domain; guarded by mutex_
};

}  // namespace outbound
