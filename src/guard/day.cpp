#include "guard/day.h"

#include <algorithm>

#include "base/text.h"
#include "crypto/hash.h"
#include "guard/tables.h"

namespace guard {
namespace {

/// The account's record, with the counters of that day.
base::Result<schema::GuardAccount> record_of(const store::Reader& reader, base::AccountId account, std::uint32_t day) {
  TRY_ASSIGN(auto found, reader.get(kAccounts, std::tuple(account)));
  schema::GuardAccount record = found ? *std::move(found) : schema::GuardAccount();
  // A clock that was set back makes no new day.
  if (day > record.day()) {
    record.set_day(day);
    record.set_messages(0);
    record.set_new_recipients(0);
  }
  return record;
}

Allowance allowance_of(const schema::GuardAccount& record, std::uint64_t messages, std::uint64_t new_recipients) {
  Allowance found;
  if (record.has_messages_per_day()) found.own_messages = record.messages_per_day();
  if (record.has_new_recipients_per_day()) found.own_new_recipients = record.new_recipients_per_day();
  found.messages = found.own_messages.value_or(messages);
  found.new_recipients = found.own_new_recipients.value_or(new_recipients);
  found.messages_today = record.messages();
  found.new_recipients_today = record.new_recipients();
  return found;
}

/// The recipients that the account has never sent to. The others' records are brought up to the day.
base::Result<std::vector<std::uint64_t>> unknown(store::Txn& txn, const Take& wanted) {
  std::vector<std::uint64_t> fresh;
  for (const std::uint64_t recipient : wanted.recipients) {
    TRY_ASSIGN(auto known, txn.get(kKnown, std::tuple(wanted.account, recipient)));
    if (!known) {
      fresh.push_back(recipient);
    } else if (known->day() < wanted.day) {
      known->set_day(wanted.day);
      txn.put(kKnown, std::tuple(wanted.account, recipient), *known);
    }
  }
  return fresh;
}

/// Forgets the quarter that was not written to for longest, so that this is not done for each message. Returns how many
/// are left.
base::Result<std::uint64_t> forget_oldest(store::Txn& txn, base::AccountId account) {
  std::vector<std::pair<std::uint32_t, std::uint64_t>> all;
  auto cursor = txn.scan(kKnown, account);
  for (; cursor.valid(); cursor.next()) {
    const auto value = cursor.value();
    all.emplace_back(value ? value->day() : 0, std::get<1>(cursor.key()));
  }
  if (auto error = cursor.error()) return std::unexpected(*std::move(error));
  const std::size_t quarter = all.size() / 4 + 1;
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(quarter, all.size()));
  std::ranges::nth_element(all, end == all.end() ? std::prev(end) : end);
  for (auto at = all.begin(); at != end; ++at) txn.erase(kKnown, std::tuple(account, at->second));
  return all.size() - static_cast<std::size_t>(end - all.begin());
}

/// Makes room for them among the known ones, and remembers as many as fit.
base::Result<void> remember(store::Txn& txn, const Take& wanted, const std::vector<std::uint64_t>& fresh,
                            schema::GuardAccount& record) {
  if (record.known() + fresh.size() > kMaxKnown && record.known() > 0) {
    TRY_ASSIGN(const std::uint64_t left, forget_oldest(txn, wanted.account));
    record.set_known(left);
  }
  schema::GuardKnown known;
  known.set_day(wanted.day);
  for (const std::uint64_t recipient : fresh) {
    if (record.known() >= kMaxKnown) break;
    txn.put(kKnown, std::tuple(wanted.account, recipient), known);
    record.set_known(record.known() + 1);
  }
  return {};
}

}  // namespace

std::uint32_t day_of(base::WallTime now) {
  return static_cast<std::uint32_t>(std::max<std::int64_t>(base::unix_seconds(now), 0) / 86'400);
}

base::WallTime end_of_day(std::uint32_t day) {
  return base::WallTime(std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::days(day + 1)));
}

std::uint64_t recipient_hash(std::string_view address) {
  const std::string digest = crypto::sha256(base::lower(address));
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < 8; ++i) hash = hash << 8 | static_cast<unsigned char>(digest[i]);
  return hash;
}

base::Result<Taken> take(store::Txn& txn, const Take& wanted) {
  TRY_ASSIGN(schema::GuardAccount record, record_of(txn, wanted.account, wanted.day));
  const auto told = [&] {
    return Taken{allowance_of(record, wanted.messages_per_day, wanted.new_recipients_per_day), {}};
  };
  Taken taken = told();
  const Allowance& may = taken.allowance;
  if (may.messages == 0 && may.new_recipients == 0) return taken;
  const base::WallTime until = end_of_day(record.day());
  if (may.messages > 0 && record.messages() >= may.messages) {
    taken.over = Spent{.of = Spent::Of::messages, .limit = may.messages, .until = until};
    return taken;
  }
  std::vector<std::uint64_t> fresh;
  if (may.new_recipients > 0) {
    TRY_ASSIGN(fresh, unknown(txn, wanted));
    if (record.new_recipients() + fresh.size() > may.new_recipients) {
      taken.over = Spent{.of = Spent::Of::new_recipients,
                         .limit = may.new_recipients,
                         .none_left = record.new_recipients() >= may.new_recipients,
                         .until = until};
      return taken;
    }
    TRY(remember(txn, wanted, fresh, record));
  }
  record.set_messages(record.messages() + 1);
  record.set_new_recipients(record.new_recipients() + fresh.size());
  txn.put(kAccounts, std::tuple(wanted.account), record);
  return told();
}

base::Result<Allowance> allowance(const store::Reader& reader, base::AccountId account, std::uint32_t day,
                                  const Config& defaults) {
  TRY_ASSIGN(const schema::GuardAccount record, record_of(reader, account, day));
  return allowance_of(record, defaults.messages_per_day, defaults.new_recipients_per_day);
}

base::Result<void> change_allowance(store::Txn& txn, base::AccountId account, const AllowanceChange& change) {
  TRY_ASSIGN(schema::GuardAccount record, record_of(txn, account, 0));
  if (change.messages && *change.messages) record.set_messages_per_day(**change.messages);
  if (change.messages && !*change.messages) record.clear_messages_per_day();
  if (change.new_recipients && *change.new_recipients) record.set_new_recipients_per_day(**change.new_recipients);
  if (change.new_recipients && !*change.new_recipients) record.clear_new_recipients_per_day();
  txn.put(kAccounts, std::tuple(account), record);
  return {};
}

base::Result<bool> is_known(const store::Reader& reader, base::AccountId account, std::uint64_t recipient) {
  TRY_ASSIGN(const auto known, reader.get(kKnown, std::tuple(account, recipient)));
  return known.has_value();
}

base::Result<void> forget_account(store::Txn& txn, base::AccountId account) {
  std::vector<std::uint64_t> all;
  auto cursor = txn.scan(kKnown, account);
  for (; cursor.valid(); cursor.next()) all.push_back(std::get<1>(cursor.key()));
  if (auto error = cursor.error()) return std::unexpected(*std::move(error));
  for (const std::uint64_t recipient : all) txn.erase(kKnown, std::tuple(account, recipient));
  txn.erase(kAccounts, std::tuple(account));
  return {};
}

}  // namespace guard
