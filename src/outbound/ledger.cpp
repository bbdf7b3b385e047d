#include "outbound/ledger.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "outbound/tables.h"

namespace outbound {

namespace {

using net::Task;

constexpr std::int64_t kDay = 86'400;
constexpr std::uint32_t kKeptDays = 7;
constexpr std::size_t kMaxCounted = 20'000;  // that differ, between two flushes
constexpr std::size_t kMaxPerReport = 5'000;
constexpr std::size_t kMaxWhy = 200;
constexpr std::chrono::seconds kLookUp{30};

using Records = std::vector<schema::TlsResultRecord>;
using DayAndDomain = std::pair<std::uint32_t, std::string>;

std::uint32_t type_number(const std::string& type) { return type == "tlsa" ? 1 : type == "sts" ? 2 : 0; }
const char* type_name(std::uint32_t number) { return number == 1 ? "tlsa" : number == 2 ? "sts" : "no-policy-found"; }

std::string digest_of(const TlsCount& count) {
  std::string all = count.policy_type;
  const auto add = [&all](const std::string& part) { all += '\0' + part; };
  for (const std::string& one : count.policy) add(one);
  all += '\1';
  add(name(count.event.result));
  // Of successes nothing else is told.
  if (count.event.result != TlsResult::success) {
    add(count.event.host);
    add(count.event.address);
    add(count.event.local);
  }
  return crypto::sha256(all).substr(0, 16);
}

schema::TlsResultRecord record_of(const TlsCount& count, std::uint64_t sessions) {
  schema::TlsResultRecord record;
  record.set_policy_type(type_number(count.policy_type));
  for (const std::string& one : count.policy) record.add_policy(one);
  for (const std::string& one : count.mx) record.add_mx(one);
  record.set_result(name(count.event.result));
  record.set_count(sessions);
  if (count.event.result == TlsResult::success) return record;
  record.set_host(count.event.host);
  record.set_address(count.event.address);
  record.set_local(count.event.local);
  record.set_why(base::printable(count.event.why, kMaxWhy));
  return record;
}

base::Result<std::set<DayAndDomain>> list_days(const store::Reader& reader, std::uint32_t before) {
  std::set<DayAndDomain> found;
  auto cursor = reader.scan(kTlsResults);
  while (cursor.valid() && std::get<0>(cursor.key()) < before) {
    const auto& [day, domain, digest] = cursor.key();
    found.emplace(day, domain);
    cursor.next();
  }
  return found;
}

base::Result<Records> read_results(const store::Reader& reader, std::uint32_t day, const std::string& domain) {
  Records records;
  for (auto cursor = reader.scan(kTlsResults, day, domain); cursor.valid(); cursor.next()) {
    const auto record = cursor.value();
    if (record && records.size() < kMaxPerReport) records.push_back(*record);
  }
  return records;
}

bool same_policy(const TlsPolicyReport& policy, const schema::TlsResultRecord& record) {
  return policy.type == type_name(record.policy_type()) && std::ranges::equal(policy.policy, record.policy());
}

std::vector<TlsPolicyReport> policies_of(const Records& records, const std::string& domain) {
  std::vector<TlsPolicyReport> policies;
  for (const auto& record : records) {
    auto policy = std::ranges::find_if(policies, [&](const auto& one) { return same_policy(one, record); });
    if (policy == policies.end()) {
      policies.push_back({.type = type_name(record.policy_type()),
                          .policy = {record.policy().begin(), record.policy().end()},
                          .domain = domain,
                          .mx = {record.mx().begin(), record.mx().end()}});
      policy = std::prev(policies.end());
    }
    if (record.result() == name(TlsResult::success)) {
      policy->successful += record.count();
      continue;
    }
    policy->failed += record.count();
    policy->failures.push_back({.result_type = record.result(),
                                .sending_ip = record.local(),
                                .receiving_host = record.host(),
                                .receiving_ip = record.address(),
                                .count = record.count(),
                                .reason = record.why()});
  }
  return policies;
}

/// "https://host/path" in its parts; false when it has a port, a user or no host.
bool split_url(std::string_view url, std::string& host, std::string& path) {
  const std::string_view rest = url.substr(std::string_view("https://").size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  host = base::lower(rest.substr(0, slash));
  path = slash < rest.size() ? std::string(rest.substr(slash)) : "/";
  const auto plain = [](char c) { return base::is_alpha(c) || base::is_digit(c) || c == '.' || c == '-'; };
  return !host.empty() && std::ranges::all_of(host, plain);
}

}  // namespace

Ledger::Ledger(Services services, const Config& config, Fetcher& fetcher, base::Log log)
    : services_(services), hostname_(config.hostname), fetcher_(fetcher), log_(std::move(log)) {}

std::uint32_t Ledger::today() const {
  return static_cast<std::uint32_t>(base::unix_seconds(services_.clock.now()) / kDay);
}

void Ledger::add(const TlsCount& count) {
  Key key{.day = today(), .domain = count.domain, .digest = digest_of(count)};
  const std::lock_guard lock(mutex_);
  const auto known = counted_.find(key);
  if (known != counted_.end()) {
    ++known->second.sessions;
  } else if (counted_.size() < kMaxCounted) {
    counted_.emplace(std::move(key), Entry{.count = count, .sessions = 1});
  }
}

Task<void> Ledger::flush() {
  auto taken = std::make_shared<std::map<Key, Entry>>();
  {
    const std::lock_guard lock(mutex_);
    taken->swap(counted_);
  }
  if (taken->empty()) co_return;
  const auto written =
      co_await services_.store.write({store::Owner::directory()}, [taken](store::Txn& txn) -> base::Result<void> {
        for (const auto& [key, entry] : *taken) {
          const auto place = std::make_tuple(key.day, key.domain, key.digest);
          TRY_ASSIGN(auto record, txn.get(kTlsResults, place));
          if (!record) record = record_of(entry.count, 0);
          record->set_count(record->count() + entry.sessions);
          txn.put(kTlsResults, place, *record);
        }
        return {};
      });
  if (!written) log_.warning("outbound.tlsrpt.unkept", {{"why", written.error().text}});
}

Task<void> Ledger::report(ReportSink sink, const std::atomic<bool>& stopping) {
  const std::uint32_t now = today();
  const auto listed =
      co_await services_.store.read([now](const store::Reader& reader) { return list_days(reader, now); });
  if (!listed) co_return;
  for (const auto& [day, domain] : *listed) {
    if (stopping) co_return;
    const bool old = day + kKeptDays < now;
    if (old || (sink && co_await report_one(day, domain, sink))) co_await drop(day, domain);
  }
}

/// True when it is done with: told, or wanted by nobody.
Task<bool> Ledger::report_one(std::uint32_t day, std::string domain, ReportSink sink) {
  const dns::Answer answer = co_await services_.resolver.look_up("_smtp._tls." + domain, dns::Type::txt,
                                                                 std::chrono::steady_clock::now() + kLookUp);
  if (answer.unknown()) co_return false;
  const auto receivers = report_receivers(answer.texts);
  if (!receivers) co_return true;
  const auto records = co_await services_.store.read(
      [day, domain](const store::Reader& reader) { return read_results(reader, day, domain); });
  if (!records || records->empty()) co_return records.has_value();
  const base::WallTime begin{std::chrono::seconds(day * kDay)};
  TlsReport report{.organization = hostname_,
                   .contact = "postmaster@" + hostname_,
                   .id = base::hex(crypto::random_bytes(8)) + "." + std::to_string(day) + "@" + hostname_,
                   .begin = begin,
                   .end = begin + std::chrono::seconds(kDay - 1),
                   .policies = policies_of(*records, domain)};
  bool told = false;
  if (!receivers->mail.empty()) {
    ReportMail mail{.domain = domain, .to = receivers->mail};
    mail.message = report_message(report, {.from = report.contact,
                                           .submitter = hostname_,
                                           .domain = domain,
                                           .to = receivers->mail,
                                           .now = services_.clock.now()});
    const auto sent = co_await sink(std::move(mail));
    if (!sent) log_.warning("outbound.tlsrpt.failed", {{"domain", domain}, {"why", sent.error().text}});
    told = sent.has_value();
  }
  const std::string body = gzip(report_json(report));
  for (const std::string& url : receivers->https) {
    const bool posted = co_await post(url, body);
    told = told || posted;
  }
  if (told) log_.info("outbound.tlsrpt.sent", {{"domain", domain}, {"id", report.id}});
  co_return told;
}

/// RFC 8460 §5.4.
Task<bool> Ledger::post(std::string url, std::string body) {
  FetchRequest request{.post = std::move(body), .content_type = "application/tlsrpt+gzip"};
  if (!split_url(url, request.host, request.path)) co_return false;
  for (const auto type : {dns::Type::aaaa, dns::Type::a}) {
    const dns::Answer answer =
        co_await services_.resolver.look_up(request.host, type, std::chrono::steady_clock::now() + kLookUp);
    request.addresses.insert(request.addresses.end(), answer.addresses.begin(), answer.addresses.end());
  }
  if (request.addresses.empty()) co_return false;
  const FetchReply reply = co_await fetcher_.fetch(std::move(request));
  const bool taken = reply.failure == FetchReply::Failure::none && reply.status >= 200 && reply.status < 300;
  if (!taken) {
    log_.info("outbound.tlsrpt.post.failed", {{"url", url}, {"status", reply.status}, {"why", reply.why}});
  }
  co_return taken;
}

Task<void> Ledger::drop(std::uint32_t day, std::string domain) {
  (void)co_await services_.store.write(
      {store::Owner::directory()},
      [day, domain](store::Txn& txn) -> base::Result<void> {
        std::vector<std::tuple<std::uint32_t, std::string, std::string>> keys;
        for (auto cursor = txn.scan(kTlsResults, day, domain); cursor.valid(); cursor.next())
          keys.push_back(cursor.key());
        for (const auto& key : keys) txn.erase(kTlsResults, key);
        return {};
      },
      store::Kind::frees_space);
}

}  // namespace outbound
