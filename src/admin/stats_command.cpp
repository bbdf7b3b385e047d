// `store stats`: one walk over all records, which counts them by table and by account.
#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "admin/commands.h"

namespace admin {

namespace {

constexpr std::uint64_t kDefaultTop = 10;

struct Sizes {
  std::array<store::Amount, 256> tables;
  std::map<base::AccountId, std::uint64_t> accounts;  // bytes of records
  std::vector<store::Amount> ages;
};

struct Age {
  const char* name;
  std::chrono::hours hours;
};
/// From the oldest.
constexpr Age kAges[] = {{"a year and more", std::chrono::hours(24 * 365)},
                         {"a month to a year", std::chrono::hours(24 * 30)},
                         {"a week to a month", std::chrono::hours(24 * 7)},
                         {"a day to a week", std::chrono::hours(24)},
                         {"less than a day", std::chrono::hours(0)}};

base::Result<Sizes> measure(const store::Store& store, const store::Reader& reader, base::WallTime now) {
  Sizes sizes;
  const auto cursor = reader.scan_raw({}, {});
  for (; cursor->valid(); cursor->next()) {
    const std::string_view key = cursor->key();
    const std::uint64_t bytes = key.size() + cursor->value().size();
    store::Amount& table = sizes.tables[key.empty() ? 0 : static_cast<std::uint8_t>(key[0])];
    ++table.count;
    table.bytes += bytes;
    if (const auto account = mailstore::account_of(key)) sizes.accounts[*account] += bytes;
  }
  if (cursor->error()) return std::unexpected(*cursor->error());
  std::vector<base::WallTime> times;
  for (const Age& age : kAges) {
    if (age.hours.count() > 0) times.push_back(now - age.hours);
  }
  TRY_ASSIGN(sizes.ages, store.bodies_by_age(times));
  return sizes;
}

json::array tables_of(const Sizes& sizes) {
  std::vector<store::TableName> names = store::own_tables();
  for (const auto& more :
       {directory::tables(), guard::tables(), mailstore::tables(), delivery::tables(), outbound::tables()}) {
    names.insert(names.end(), more.begin(), more.end());
  }
  json::array list;
  for (std::size_t id = 0; id < sizes.tables.size(); ++id) {
    const store::Amount& amount = sizes.tables[id];
    if (amount.count == 0) continue;
    const auto known = std::ranges::find(names, static_cast<std::uint8_t>(id), &store::TableName::id);
    list.push_back(json::object{{"table", known == names.end() ? "table " + std::to_string(id) : known->name},
                                {"records", amount.count},
                                {"size", amount.bytes}});
  }
  return list;
}

json::array ages_of(const Sizes& sizes) {
  json::array list;
  for (std::size_t i = std::size(kAges); i-- > 0;) {
    list.push_back(
        json::object{{"age", kAges[i].name}, {"messages", sizes.ages[i].count}, {"size", sizes.ages[i].bytes}});
  }
  return list;
}

/// The `top` accounts with most mail, or the one that is asked for.
net::Task<base::Result<json::array>> accounts_of(const Api& api, Sizes sizes, std::string only, std::uint64_t top) {
  struct Row {
    std::string address;
    mailstore::Usage usage;
    std::uint64_t record_bytes = 0;
  };
  std::vector<Row> rows;
  CO_TRY_ASSIGN(const auto accounts, co_await api.services().directory.accounts());
  for (const directory::Account& account : accounts) {
    if (!only.empty() && account.address != only) continue;
    CO_TRY_ASSIGN(const mailstore::Usage usage, co_await api.services().mail.usage(account.id));
    const auto records = sizes.accounts.find(account.id);
    rows.push_back({account.address, usage, records == sizes.accounts.end() ? 0 : records->second});
  }
  std::ranges::sort(rows, [](const Row& a, const Row& b) {
    return std::tuple(b.usage.bytes, a.address) < std::tuple(a.usage.bytes, b.address);
  });
  if (rows.size() > top) rows.resize(top);
  json::array list;
  for (const Row& row : rows) {
    list.push_back(json::object{{"address", row.address},
                                {"messages", row.usage.messages},
                                {"size", row.usage.bytes},
                                {"record_bytes", row.record_bytes}});
  }
  co_return list;
}

}  // namespace

net::Task<base::Result<json::object>> store_stats(const Api& api, json::object arguments) {
  const Services& services = api.services();
  CO_TRY_ASSIGN(std::string only, optional_text(arguments, "account"));
  CO_TRY_ASSIGN(const std::uint64_t top, number_argument(arguments, "top", kDefaultTop));
  if (!only.empty()) {
    CO_TRY_ASSIGN(const auto account, co_await services.directory.account(only));
    if (!account) co_return base::fail(base::Code::not_found, "there is no account " + only);
    only = account->address;
  }
  const base::WallTime now = services.clock.now();
  CO_TRY_ASSIGN(const Sizes sizes, co_await services.store.read([&services, now](const store::Reader& reader) {
    return measure(services.store, reader, now);
  }));
  CO_TRY_ASSIGN(json::array accounts, co_await accounts_of(api, sizes, std::move(only), top));
  const store::Usage usage = services.store.usage();
  co_return json::object{{"disk",
                          {{"records_bytes", usage.records_bytes},
                           {"bodies_bytes", usage.bodies_bytes},
                           {"garbage_bytes", usage.garbage_bytes},
                           {"memory_bytes", usage.memory_bytes},
                           {"free_bytes", usage.free_bytes},
                           {"min_free_bytes", usage.min_free_bytes}}},
                         {"tables", tables_of(sizes)},
                         {"accounts", std::move(accounts)},
                         {"ages", ages_of(sizes)}};
}

}  // namespace admin
