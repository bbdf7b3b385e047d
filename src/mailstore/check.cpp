// The full check of the mail store: each account by itself, then records and links that belong to no account.

#include <algorithm>
#include <set>

#include "base/text.h"
#include "mailstore/check_account.h"
#include "mailstore/impl.h"

namespace mailstore {
namespace {

using Report = std::function<void(store::Problem)>;

/// The account of a key of the mail store; nothing when it is too short to have one.
std::optional<AccountId> account_of(std::string_view key) {
  AccountId account;
  key.remove_prefix(1);
  if (!store::take_key_part(key, account)) return std::nullopt;
  return account;
}

/// Calls `f` once for each account that has a record in the table.
template <class F>
base::Result<void> each_account(const store::Reader& reader, std::uint8_t table, F f) {
  const std::string prefix = store::encode_key(table);
  const auto cursor = reader.scan_raw(prefix, store::prefix_end(prefix));
  while (cursor->valid()) {
    const auto account = account_of(cursor->key());
    f(account);
    if (account) {
      cursor->seek(store::prefix_end(store::encode_key(table, *account)));
    } else {
      cursor->next();
    }
  }
  if (cursor->error()) return std::unexpected(*cursor->error());
  return {};
}

/// Every link of a body to an email must lead to one, or the body would never be removed.
base::Result<void> check_links(const store::Reader& reader, const Report& report) {
  constexpr store::Table<Key<base::BlobId, std::uint64_t, std::uint64_t>, store::Nothing> kLinks{3, "store.link"};
  const std::string prefix = store::encode_key(kLinks.id);
  const auto cursor = reader.scan_raw(prefix, store::prefix_end(prefix));
  std::string ignored;
  for (; cursor->valid(); cursor->next()) {
    const auto key = store::decode_key<Key<base::BlobId, std::uint64_t, std::uint64_t>>(kLinks.id, cursor->key());
    if (!key) continue;  // the store's own check names it
    const auto& [blob, owner, item] = *key;
    if (owner == 0) continue;  // a queue entry's
    TRY_ASSIGN(const bool found,
               reader.get_raw(store::encode_key(kEmails.id, AccountId{owner}, EmailId{item}), ignored));
    if (!found) {
      report({"body " + std::to_string(blob.value), "it is linked to email " + std::to_string(item) + " of account " +
                                                        std::to_string(owner) + ", which does not exist"});
    }
  }
  if (cursor->error()) return std::unexpected(*cursor->error());
  return {};
}

/// Every grant must lead to a list of rights, or somebody would be shown what is not there.
base::Result<void> check_grants(const store::Reader& reader, const Report& report) {
  auto cursor = reader.scan(kGrants);
  for (; cursor.valid(); cursor.next()) {
    const auto& [who, owner, mailbox] = cursor.key();
    auto record = reader.get(kMailboxes, {owner, mailbox});
    if (!record && record.error().code != base::Code::corrupt) return std::unexpected(std::move(record).error());
    if (!record) continue;  // the account's check names it
    const auto is_this = [&](const AclEntry& entry) {
      return grant_key(entry.grantee, owner, mailbox) == cursor.key();
    };
    if (*record && std::ranges::any_of(acl_of(**record), is_this)) continue;
    report({"grant to " + base::printable(who), "mailbox " + std::to_string(mailbox.value) + " of account " +
                                                    std::to_string(owner.value) + " does not give any rights"});
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  return {};
}

}  // namespace

base::Result<void> check_records(const store::Reader& reader, const Report& report) {
  std::set<AccountId> accounts;
  for (std::uint8_t table = kFirstTable; table <= kLastTable; ++table) {
    TRY(each_account(reader, table, [&](std::optional<AccountId> account) {
      const std::string where = "table " + std::to_string(table);
      if (!account) {
        report({where, "a key is too short to name an account"});
      } else if (table == kAccounts.id) {
        accounts.insert(*account);
      } else if (!accounts.contains(*account)) {
        report({where, "there are records of account " + std::to_string(account->value) + ", which does not exist"});
      }
    }));
  }
  for (const AccountId account : accounts) TRY(AccountCheck(reader, account, report).run());
  TRY(check_grants(reader, report));
  return check_links(reader, report);
}

}  // namespace mailstore
