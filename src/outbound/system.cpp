// What Sender does beside sending: the policies of domains, counting, reports, and a look at a destination.
#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/text.h"
#include "crypto/random.h"
#include "outbound/outcome.h"
#include "outbound/sender.h"
#include "outbound/tables.h"

namespace outbound {

namespace {

using net::Task;

constexpr std::chrono::seconds kRound{60};
constexpr std::int64_t kRefreshEvery = 3600;
constexpr std::int64_t kReportEvery = 900;
constexpr std::int64_t kDay = 86'400;
// RFC 8460 §4.3 asks not to send all reports at midnight.
constexpr std::uint64_t kReportSpread = 3 * 3600;
constexpr std::size_t kMaxExamined = 10;

std::string source_for(const std::string& address, const std::vector<std::string>& sources) {
  const auto same = std::ranges::find_if(sources, [&](const auto& own) { return is_ipv6(own) == is_ipv6(address); });
  return same == sources.end() ? std::string() : *same;
}

base::Result<std::string> read_authorities(const std::string& file) {
  if (file.empty()) return std::string();
  std::ifstream in(file, std::ios::binary);
  std::string pem((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in.bad() && !pem.empty()) return pem;
  return base::fail(base::Code::invalid, "the authorities in " + file + " cannot be read");
}

const char* word(StsMode mode) {
  return mode == StsMode::enforce ? "enforce" : mode == StsMode::testing ? "testing" : "none";
}

std::string words(const Security& security, const DomainPolicy& policy) {
  switch (security.source) {
    case PolicyKind::dane:
      return security.check == tls::Check::dane ? "DANE" : "DANE (no usable record)";
    case PolicyKind::mta_sts:
      return std::string("MTA-STS (") + word(policy.sts ? policy.sts->mode : StsMode::none) + ")";
    case PolicyKind::route:
      return "route";
    case PolicyKind::none:
      break;
  }
  return "none";
}

/// RFC 8460 §4.4: policy-string.
std::vector<std::string> policy_strings(const Security& security, const DomainPolicy& policy) {
  std::vector<std::string> list;
  if (security.source == PolicyKind::dane) {
    for (const tls::TlsaRecord& record : security.tlsa) {
      list.push_back(std::to_string(record.usage) + " " + std::to_string(record.selector) + " " +
                     std::to_string(record.matching) + " " + base::hex(record.data));
    }
  }
  if (security.source != PolicyKind::mta_sts || !policy.sts) return list;
  list = {"version: STSv1", std::string("mode: ") + word(policy.sts->mode)};
  for (const std::string& mx : policy.sts->mx) list.push_back("mx: " + mx);
  list.push_back("max_age: " + std::to_string(policy.sts->max_age));
  return list;
}

}  // namespace

Task<DomainPolicy> Sender::domain_policy(const Destination& destination, const Targets& targets,
                                         base::SteadyTime deadline) {
  DomainPolicy policy;
  if (!wants_domain_policy(destination, targets, config_)) co_return policy;
  StsLookup found = co_await sts_.look_up(destination.domain, deadline);
  if (found.policy.mode != StsMode::none) policy.sts = std::move(found.policy);
  if (found.failure) {
    const Security security{.source = PolicyKind::mta_sts};
    count(destination.domain, security, policy, {.result = *found.failure, .why = found.why});
  }
  co_return policy;
}

Opening Sender::opening(const Destination& destination, const Targets& targets, const DomainPolicy& policy,
                        const Target& target, const std::string& address, const Security& security,
                        base::SteadyTime deadline) {
  Opening made{.host = target.name.empty() ? address : target.name,
               .address = address,
               .path = target.path,
               .port = target.port,
               .lmtp = destination.lmtp,
               .by_mx = targets.by_mx,
               .source = source_for(address, destination.source_address),
               .helo = destination.helo.empty() ? config_.hostname : destination.helo,
               .user = destination.user,
               .password = destination.password,
               .security = security,
               .observe = {},
               .deadline = deadline};
  if (targets.by_mx && security.use_tls) {
    made.observe = [this, domain = destination.domain, security, policy](const TlsEvent& event) {
      count(domain, security, policy, event);
    };
  }
  return made;
}

void Sender::count(const std::string& domain, const Security& security, const DomainPolicy& policy, TlsEvent event) {
  const char* const type = security.source == PolicyKind::dane      ? "tlsa"
                           : security.source == PolicyKind::mta_sts ? "sts"
                                                                    : "no-policy-found";
  TlsCount counted{.domain = domain, .policy_type = type, .policy = policy_strings(security, policy)};
  if (security.source == PolicyKind::mta_sts && policy.sts) counted.mx = policy.sts->mx;
  counted.event = std::move(event);
  ledger_.add(counted);
}

void Sender::set_report_sink(ReportSink sink) {
  const std::lock_guard lock(mutex_);
  sink_ = std::move(sink);
}

void Sender::stop() {
  stopping_ = true;
  fetcher_.stop();
  std::unique_lock lock(mutex_);
  round_over_.wait(lock, [this] { return !in_round_; });
}

struct Sender::RoundEnd {
  Sender& sender;
  ~RoundEnd() {
    const std::lock_guard lock(sender.mutex_);
    sender.in_round_ = false;
    sender.round_over_.notify_all();
  }
};

/// A round is never left behind by a loop that ends (stop()); between two rounds there is nothing to leave.
Task<void> Sender::keep_house() {
  const auto offset = static_cast<std::int64_t>(crypto::random_u64() % kReportSpread);
  std::int64_t refreshed = 0;
  std::int64_t reported = 0;
  while (true) {
    co_await net::sleep_for(kRound);
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) co_return;
      in_round_ = true;
    }
    const RoundEnd end{*this};
    co_await make_round(refreshed, reported, offset);
  }
}

Task<void> Sender::make_round(std::int64_t& refreshed, std::int64_t& reported, std::int64_t offset) {
  co_await ledger_.flush();
  const std::int64_t now = base::unix_seconds(services_.clock.now());
  if (now - refreshed >= kRefreshEvery) {
    refreshed = now;
    co_await sts_.refresh(stopping_);
  }
  if (now % kDay < offset || now - reported < kReportEvery) co_return;
  reported = now;
  ReportSink sink;
  {
    const std::lock_guard lock(mutex_);
    sink = sink_;
  }
  co_await ledger_.report(std::move(sink), stopping_);
}

Task<DestinationView> Sender::examine(Destination destination, base::SteadyTime deadline, base::Log log) {
  DestinationView view;
  const Targets targets = co_await find_targets(services_.resolver, config_, destination, deadline);
  view.by_mx = targets.by_mx;
  view.secure = targets.secure;
  if (targets.problem) {
    view.problem = targets.problem->text;
    co_return view;
  }
  const DomainPolicy policy = co_await domain_policy(destination, targets, deadline);
  view.policy = policy.sts ? std::string("MTA-STS (") + word(policy.sts->mode) + ")" : "none";
  for (const Target& target : targets.hosts) {
    if (view.hosts.size() >= kMaxExamined) break;
    view.hosts.push_back(co_await examine_host(destination, targets, target, policy, deadline, log));
  }
  co_return view;
}

Task<HostView> Sender::examine_host(const Destination& destination, const Targets& targets, const Target& target,
                                    const DomainPolicy& policy, base::SteadyTime deadline, base::Log log) {
  HostView view{.host = target.name};
  Addresses addresses{.list = {std::string()}};
  if (target.path.empty()) {
    addresses = co_await find_addresses(services_.resolver, config_, target, destination.source_address, deadline);
  }
  if (view.host.empty()) view.host = target.path.empty() ? addresses.list.front() : target.path;
  if (addresses.problem) {
    view.problem = addresses.problem->text;
    co_return view;
  }
  const Decision decision =
      co_await decide(services_.resolver, config_, destination, targets, target, addresses, policy, false, deadline);
  view.policy = words(decision.security, policy);
  if (decision.problem) {
    view.problem = decision.problem->text;
    co_return view;
  }
  for (const std::string& address : addresses.list) {
    view.address = address;
    Opening how = opening(destination, targets, policy, target, address, decision.security, deadline);
    how.observe = {};
    Opened opened = co_await open_session(config_, tls_, services_.store.pool(), std::move(how), log);
    view.problem = opened.problem ? opened.problem->text : "";
    if (!opened.session) continue;
    view.tls = opened.session->tls;
    view.usable = true;
    dismiss(std::move(opened.session));
    break;
  }
  co_return view;
}

std::vector<store::TableName> tables() {
  return {{kStsPolicies.id, kStsPolicies.name}, {kTlsResults.id, kTlsResults.name}};
}

base::Result<std::unique_ptr<System>> open(Services services, Config config, base::Log log) {
  TRY_ASSIGN(std::string trusted, read_authorities(config.trusted_ca));
  TRY_ASSIGN(auto tls, tls::make_client(trusted));
  return std::make_unique<Sender>(services, std::move(config), std::move(tls), std::move(trusted), std::move(log));
}

}  // namespace outbound
