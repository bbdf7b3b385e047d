#pragma once
// Private to the room: the Outbound itself, and what its parts share.

#include <condition_variable>

#include "outbound/ledger.h"
#include "outbound/open.h"
#include "outbound/policy.h"
#include "outbound/shelf.h"
#include "outbound/sts_cache.h"
#include "outbound/transaction.h"

namespace outbound {

struct Metrics {
  Metrics() = default;
  explicit Metrics(const base::Metrics& registry);
  base::Counter opened, failed, reused;
  base::Counter delivered, deferred, refused;
  base::Counter plain, encrypted, verified;
};

class Sender final : public System {
 public:
  /// `trusted`: the authorities in PEM; empty: those of the system.
  Sender(Services services, Config config, std::shared_ptr<const tls::Client> tls, std::string trusted, base::Log log);
  ~Sender() override;

  net::Task<std::vector<Outcome>> send(Destination destination, Message message,
                                       std::vector<smtp::Recipient> recipients, std::function<bool()> may_commit,
                                       base::SteadyTime deadline, base::Log log) override;
  net::Task<Outcome> verify(Destination destination, std::string sender, std::string recipient,
                            base::SteadyTime deadline, base::Log log) override;
  void set_report_sink(ReportSink sink) override;
  void stop() override;
  net::Task<DestinationView> examine(Destination destination, base::SteadyTime deadline, base::Log log) override;

 private:
  /// What is done over each session until nobody is left.
  struct Job;
  /// The hosts of a destination, one after the other.
  struct Journey;

  net::Task<void> work(Job& job);
  net::Task<void> to_command(Job& job);
  net::Task<void> over_waiting(Job& job, const std::string& key);
  net::Task<void> over_hosts(Job& job, const std::string& key);
  net::Task<void> at_host(Job& job, const std::string& key, Journey& journey, const Target& target);
  net::Task<bool> over_session(Job& job, const std::string& key, std::unique_ptr<Session> session);

  net::Task<DomainPolicy> domain_policy(const Destination& destination, const Targets& targets,
                                        base::SteadyTime deadline);
  Opening opening(const Destination& destination, const Targets& targets, const DomainPolicy& policy,
                  const Target& target, const std::string& address, const Security& security,
                  base::SteadyTime deadline);
  /// How TLS went is counted for domains whose hosts were found by MX.
  void count(const std::string& domain, const Security& security, const DomainPolicy& policy, TlsEvent event);
  net::Task<HostView> examine_host(const Destination& destination, const Targets& targets, const Target& target,
                                   const DomainPolicy& policy, base::SteadyTime deadline, base::Log log);
  struct RoundEnd;
  net::Task<void> keep_house();
  net::Task<void> make_round(std::int64_t& refreshed, std::int64_t& reported, std::int64_t offset);

  const Services services_;
  const Config config_;
  const std::shared_ptr<const tls::Client> tls_;
  const base::Log log_;
  const Metrics metrics_;
  Shelf shelf_;
  Fetcher fetcher_;
  StsCache sts_;
  Ledger ledger_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::condition_variable round_over_;
  ReportSink sink_;        // guarded by mutex_
  bool in_round_ = false;  // guarded by mutex_
};

}  // namespace outbound
