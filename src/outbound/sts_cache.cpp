#include "outbound/sts_cache.h"

#include <algorithm>

#include "base/text.h"
#include "outbound/tables.h"

namespace outbound {

namespace {

using net::Task;

constexpr std::int64_t kRefreshAfter = 86'400;  // RFC 8461 §10.2: an attacker has to hold off every refresh
constexpr std::int64_t kRetryAfter = 300;       // §3.3: after a fetch that failed
constexpr std::size_t kMaxFailed = 10'000;
constexpr std::chrono::seconds kFetchTime{60};
constexpr std::size_t kMaxRefreshed = 1000;  // policies in one round

bool is_plain_text(std::string_view type) {
  return base::iequals(base::trim(type.substr(0, type.find(';'))), "text/plain");
}

struct Due {
  std::vector<std::string> old;   // to be fetched anew
  std::vector<std::string> gone;  // to be forgotten
};

base::Result<Due> list_due(const store::Reader& reader, std::int64_t now) {
  Due due;
  auto cursor = reader.scan(kStsPolicies);
  for (; cursor.valid() && due.old.size() < kMaxRefreshed; cursor.next()) {
    const auto record = cursor.value();
    const std::string& domain = std::get<0>(cursor.key());
    if (!record || record->fetched() + record->max_age() <= now) {
      due.gone.push_back(domain);
    } else if (record->fetched() + kRefreshAfter <= now) {
      due.old.push_back(domain);
    }
  }
  return due;
}

}  // namespace

Task<StsLookup> StsCache::look_up(std::string domain, base::SteadyTime deadline) {
  auto found = co_await known(domain);
  const dns::Answer answer = co_await services_.resolver.look_up("_mta-sts." + domain, dns::Type::txt, deadline);
  const auto id = sts_id(answer.texts);
  // §5.1: without a record that announces another one, what is cached goes on holding.
  if (!id || (found && found->id == *id && now() - found->fetched < kRefreshAfter)) {
    co_return StsLookup{.policy = found ? found->policy : StsPolicy()};
  }
  co_return co_await renew(std::move(domain), *id, std::move(found), deadline);
}

Task<StsLookup> StsCache::renew(std::string domain, std::string id, std::optional<Known> known,
                                base::SteadyTime deadline) {
  StsLookup result{.policy = known ? known->policy : StsPolicy()};
  if (const auto failed = failed_lately(domain, id)) {
    result.failure = failed->result;
    result.why = failed->why;
    co_return result;
  }
  TlsResult failure = TlsResult::sts_policy_fetch_error;
  auto policy = co_await fetch(domain, deadline, failure);
  if (!policy) {
    log_.info("outbound.sts.failed", {{"domain", domain}, {"why", policy.error().text}});
    remember(domain, {.id = id, .at = now(), .result = failure, .why = policy.error().text});
    result.failure = failure;
    result.why = policy.error().text;
    co_return result;
  }
  log_.debug("outbound.sts.fetched", {{"domain", domain}, {"id", id}});
  result.policy = *policy;
  co_await keep(std::move(domain), {.policy = *std::move(policy), .id = std::move(id), .fetched = now()});
  co_return result;
}

Task<base::Result<StsPolicy>> StsCache::fetch(std::string domain, base::SteadyTime deadline, TlsResult& failure) {
  const std::string host = "mta-sts." + domain;
  FetchRequest request{.host = host, .port = port_, .path = "/.well-known/mta-sts.txt"};
  const auto left = std::chrono::ceil<std::chrono::seconds>(deadline - std::chrono::steady_clock::now());
  request.timeout = std::clamp(left, std::chrono::seconds(1), kFetchTime);
  request.max_bytes = kMaxPolicyBytes;
  for (const auto type : {dns::Type::aaaa, dns::Type::a}) {
    const dns::Answer answer = co_await services_.resolver.look_up(host, type, deadline);
    request.addresses.insert(request.addresses.end(), answer.addresses.begin(), answer.addresses.end());
  }
  if (request.addresses.empty()) co_return base::fail(base::Code::unavailable, host + " has no address");
  const FetchReply reply = co_await fetcher_.fetch(std::move(request));
  if (reply.failure != FetchReply::Failure::none) {
    if (reply.failure == FetchReply::Failure::tls) failure = TlsResult::sts_webpki_invalid;
    co_return base::fail(base::Code::unavailable, "the policy cannot be fetched from " + host + ": " + reply.why);
  }
  // RFC 8461 §3.3: 200 and nothing else, and no redirects.
  if (reply.status != 200) {
    co_return base::fail(base::Code::unavailable, host + " answers with status " + std::to_string(reply.status));
  }
  failure = TlsResult::sts_policy_invalid;
  if (!is_plain_text(reply.content_type)) {
    co_return base::fail(base::Code::invalid, "the policy of " + domain + " is not text/plain");
  }
  co_return parse_sts_policy(reply.body);
}

Task<std::optional<StsCache::Known>> StsCache::known(std::string domain) {
  const auto record = co_await services_.store.read(
      [domain](const store::Reader& reader) { return reader.get(kStsPolicies, {domain}); });
  if (!record || !*record) co_return std::nullopt;
  const schema::StsPolicyRecord& kept = **record;
  if (kept.mode() > 2 || kept.fetched() + kept.max_age() <= now()) co_return std::nullopt;
  Known known{.policy = {.mode = static_cast<StsMode>(kept.mode()), .max_age = kept.max_age()},
              .id = kept.id(),
              .fetched = kept.fetched()};
  known.policy.mx.assign(kept.mx().begin(), kept.mx().end());
  co_return known;
}

Task<void> StsCache::keep(std::string domain, Known policy) {
  schema::StsPolicyRecord record;
  record.set_id(policy.id);
  record.set_mode(static_cast<std::uint32_t>(policy.policy.mode));
  record.set_max_age(policy.policy.max_age);
  for (const std::string& mx : policy.policy.mx) record.add_mx(mx);
  record.set_fetched(policy.fetched);
  const auto written = co_await services_.store.write({store::Owner::directory()}, [domain, record](store::Txn& txn) {
    txn.put(kStsPolicies, {domain}, record);
    return base::Result<void>();
  });
  // It holds for this message, and is fetched again for the next.
  if (!written) log_.warning("outbound.sts.unkept", {{"domain", domain}, {"why", written.error().text}});
}

Task<void> StsCache::refresh(const std::atomic<bool>& stopping) {
  const std::int64_t at = now();
  const auto listed = co_await services_.store.read([at](const store::Reader& reader) { return list_due(reader, at); });
  if (!listed) co_return;
  if (!listed->gone.empty()) {
    (void)co_await services_.store.write({store::Owner::directory()}, [gone = listed->gone](store::Txn& txn) {
      for (const std::string& domain : gone) txn.erase(kStsPolicies, {domain});
      return base::Result<void>();
    });
  }
  for (const std::string& domain : listed->old) {
    if (stopping) co_return;
    (void)co_await look_up(domain, std::chrono::steady_clock::now() + kFetchTime);
  }
}

void StsCache::remember(const std::string& domain, Failed failed) {
  const std::lock_guard lock(mutex_);
  const std::int64_t at = failed.at;
  if (failed_.size() >= kMaxFailed)
    std::erase_if(failed_, [&](const auto& one) { return one.second.at + kRetryAfter <= at; });
  if (failed_.size() < kMaxFailed) failed_[domain] = std::move(failed);
}

std::optional<StsCache::Failed> StsCache::failed_lately(const std::string& domain, const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = failed_.find(domain);
  if (found == failed_.end() || found->second.id != id || found->second.at + kRetryAfter <= now()) return std::nullopt;
  return found->second;
}

}  // namespace outbound
