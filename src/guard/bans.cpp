// Bans: in memory for each connection, and in the store for the next start.

#include <algorithm>

#include "base/text.h"
#include "guard/service.h"
#include "guard/tables.h"

namespace guard {
namespace {

constexpr std::size_t kMaxReason = 200;
constexpr std::chrono::days kMaxLength{100 * 366};

std::int64_t micros(base::WallTime time) { return time.time_since_epoch().count(); }
base::WallTime wall(std::int64_t micros) { return base::WallTime(std::chrono::microseconds(micros)); }

schema::GuardBan record_of(const Ban& ban) {
  schema::GuardBan record;
  record.set_created_us(micros(ban.created));
  if (ban.until) record.set_until_us(micros(*ban.until));
  record.set_reason(ban.reason);
  record.set_by_operator(ban.by_operator);
  record.set_times(ban.times);
  return record;
}

/// The network that a key stands for, if it is one in the form that is written.
std::optional<base::Network> network_of_key(const std::string& key) {
  const auto network = base::Network::parse(key);
  return network && network->text() == key ? std::optional(*network) : std::nullopt;
}

Ban ban_of(const base::Network& network, const schema::GuardBan& record) {
  Ban ban{.network = network, .created = wall(record.created_us()), .until = {}, .reason = record.reason()};
  if (record.has_until_us()) ban.until = wall(record.until_us());
  // Only the operator bans without an end.
  ban.by_operator = record.by_operator() || !ban.until;
  ban.times = std::max(record.times(), 1u);
  return ban;
}

}  // namespace

base::Result<void> Service::load() {
  TRY_ASSIGN(const auto reader, store_.reader());
  const base::WallTime now = clock_.now();
  const std::string from = store::encode_key(kBans.id);
  const auto cursor = reader->scan_raw(from, store::prefix_end(from));
  const std::lock_guard lock(mutex_);
  for (; cursor->valid(); cursor->next()) {
    const auto key = store::decode_key<std::tuple<std::string>>(kBans.id, cursor->key());
    const auto network = key ? network_of_key(std::get<0>(*key)) : std::nullopt;
    schema::GuardBan record;
    if (!network || !record.ParseFromArray(cursor->value().data(), static_cast<int>(cursor->value().size()))) {
      log_.error("guard.ban.corrupt", {{"key", base::hex(cursor->key())}, {"next", "postrider store check"}});
      continue;
    }
    Ban ban = ban_of(*network, record);
    if (ban.holds(now) || !ban.by_operator) bans_.put(std::move(ban));
  }
  metrics_.bans.set(static_cast<double>(bans_.size()));
  if (cursor->error()) return std::unexpected(*cursor->error());
  return {};
}

net::Task<base::Result<void>> Service::keep(Ban ban) {
  std::vector<base::Network> gone;
  {
    const std::lock_guard lock(mutex_);
    gone = bans_.forget(clock_.now());
    std::ranges::move(bans_.put(ban), std::back_inserter(gone));
    metrics_.bans.set(static_cast<double>(bans_.size()));
  }
  co_return co_await store_.write({store::Owner::directory()}, [&](store::Txn& txn) -> base::Result<void> {
    for (const base::Network& network : gone) txn.erase(kBans, std::tuple(network.text()));
    txn.put(kBans, std::tuple(ban.network.text()), record_of(ban));
    return {};
  });
}

std::vector<Ban> Service::bans() {
  const std::lock_guard lock(mutex_);
  return bans_.holding(clock_.now());
}

base::Result<void> Service::fits(const Ban& ban) {
  if (ban.reason.size() > kMaxReason || base::printable(ban.reason, kMaxReason) != ban.reason) {
    return base::fail(base::Code::invalid, "a reason is printable text of at most 200 bytes");
  }
  const std::lock_guard lock(mutex_);
  if (!ban.until && !bans_.has_room()) {
    return base::fail(base::Code::too_large, "there are as many bans without an end as there may be");
  }
  return {};
}

net::Task<base::Result<Ban>> Service::ban(base::Network network, std::optional<std::chrono::seconds> length,
                                          std::string reason) {
  if (length && (length->count() <= 0 || *length > kMaxLength)) {
    co_return base::fail(base::Code::invalid, "a ban lasts from a second to a hundred years");
  }
  Ban ban{.network = network, .created = clock_.now(), .until = {}, .reason = std::move(reason), .by_operator = true};
  if (length) ban.until = ban.created + *length;
  CO_TRY(fits(ban));
  CO_TRY(co_await keep(ban));
  metrics_.bans_by_operator.add();
  co_return ban;
}

net::Task<base::Result<void>> Service::unban(base::Network network) {
  {
    const std::lock_guard lock(mutex_);
    const Ban* ban = bans_.of(network);
    if (ban == nullptr || !ban->holds(clock_.now())) {
      co_return base::fail(base::Code::not_found, network.text() + " is not banned");
    }
  }
  CO_TRY(co_await store_.write({store::Owner::directory()}, [&](store::Txn& txn) -> base::Result<void> {
    txn.erase(kBans, std::tuple(network.text()));
    return {};
  }));
  const std::lock_guard lock(mutex_);
  bans_.erase(network);
  metrics_.bans.set(static_cast<double>(bans_.size()));
  co_return base::Result<void>();
}

base::Result<void> Service::check(const store::Reader& reader, const std::function<void(store::Problem)>& report) {
  const auto walk = [&]<class K, class V>(const store::Table<K, V>& table, auto each) -> base::Result<void> {
    const std::string from = store::encode_key(table.id);
    const auto cursor = reader.scan_raw(from, store::prefix_end(from));
    for (; cursor->valid(); cursor->next()) {
      const std::string where = std::string(table.name) + " " + base::hex(cursor->key());
      const auto key = store::decode_key<K>(table.id, cursor->key());
      V value;
      if (!key) {
        report({where, "the key is malformed"});
      } else if (!value.ParseFromArray(cursor->value().data(), static_cast<int>(cursor->value().size()))) {
        report({where, "the record does not decode"});
      } else {
        each(where, *key, value);
      }
    }
    if (cursor->error()) return std::unexpected(*cursor->error());
    return {};
  };
  std::unordered_map<base::AccountId, std::uint64_t> known;
  TRY(walk(kBans, [&](const std::string& where, const auto& key, const schema::GuardBan&) {
    if (!network_of_key(std::get<0>(key))) report({where, "the key is no network"});
  }));
  TRY(walk(kKnown, [&](const std::string&, const auto& key, const schema::GuardKnown&) { ++known[std::get<0>(key)]; }));
  TRY(walk(kAccounts, [&](const std::string& where, const auto& key, const schema::GuardAccount& record) {
    const auto found = known.find(std::get<0>(key));
    const std::uint64_t count = found == known.end() ? 0 : found->second;
    if (count != record.known()) {
      report({where, "it says " + std::to_string(record.known()) + " known recipients, and there are " +
                         std::to_string(count)});
    }
    if (found != known.end()) known.erase(found);
  }));
  for (const auto& [account, count] : known) {
    report({"guard.known of account " + std::to_string(account.value), "the account has no record"});
  }
  return {};
}

std::vector<store::TableName> tables() {
  return {{kBans.id, kBans.name}, {kAccounts.id, kAccounts.name}, {kKnown.id, kKnown.name}};
}

base::Result<std::unique_ptr<Guard>> open(store::Store& store, const base::Clock& clock, base::Log log,
                                          const base::Live<Config>& config) {
  auto service = std::make_unique<Service>(store, clock, std::move(log), config);
  TRY(service->load());
  return std::unique_ptr<Guard>(std::move(service));
}

}  // namespace guard
