// The walk from one address to where its mail goes.
#include <deque>
#include <set>

#include "directory/normalize.h"
#include "directory/records.h"

namespace directory {
namespace {

/// Breadth first. Each address is looked at once, and once more when it is reached again on a way on which senders may
/// use it, so loops end.
class Expander {
 public:
  Expander(const store::Reader& reader, const mime::AddrSpec& start) : reader_(reader), resolver_(reader) {
    waiting_.push_back({.address = start, .written = mime::format(start)});
  }

  base::Result<Expansion> run() {
    for (; !waiting_.empty() && out_.limit.empty(); waiting_.pop_front()) TRY(visit(waiting_.front()));
    return std::move(out_);
  }

 private:
  struct Item {
    mime::AddrSpec address;
    std::string written;   // as the alias has it
    int aliases = 0;       // on the way here
    bool sendable = true;  // who is at the end of this way may send as the first address
    bool first = true;     // nothing but a catch-all led here: the rule who may post is this one's
  };

  base::Result<void> visit(const Item& item) {
    TRY_ASSIGN(const auto found, resolver_.resolve(item.address));
    const std::string name = mime::format(found ? found->address : item.address);
    if (start_.empty()) {
      start_ = name;
    } else if (name == start_) {
      out_.leads_back = true;
    }
    const auto [seen, fresh] = seen_.try_emplace(name, item.sendable);
    if (!fresh && (seen->second || !item.sendable)) return {};
    seen->second = item.sendable;
    // At most as many aliases as targets: a bound on the walk that nothing sensible meets.
    if (seen_.size() > 2 * kMaxTargets) return stop("it leads to more than 2,000 addresses");

    if (!found) {
      if (fresh) out_.route.remotes.push_back({item.written});
      return check_targets();
    }
    if (!found->record) return nobody(item, *found, fresh);
    if (found->record->is_case() == schema::DirectoryAddress::kAccount) {
      return add_account(base::AccountId{found->record->account()}, name, item.sendable);
    }
    if (alias_of(*found->record)) return add_alias(item, name, *found->record, fresh);
    return base::fail(base::Code::corrupt, "the record of the address " + name + " says nothing");
  }

  base::Result<void> add_account(base::AccountId id, const std::string& name, bool sendable) {
    TRY_ASSIGN(const auto record, reader_.get(kAccounts, std::tuple(id)));
    if (!record) {
      return base::fail(base::Code::corrupt,
                        "the address " + name + " is account " + std::to_string(id.value) + "'s, which does not exist");
    }
    return add_account(to_account(id, *record), sendable);
  }

  base::Result<void> add_account(Account account, bool sendable) {
    out_.known = true;
    if (sendable && senders_.insert(account.id).second) out_.route.senders.push_back(account.id);
    if (accounts_.insert(account.id).second) out_.route.accounts.push_back(std::move(account));
    return check_targets();
  }

  base::Result<void> add_alias(const Item& item, const std::string& name, const schema::DirectoryAddress& record,
                               bool fresh) {
    out_.known = true;
    const Alias alias = *to_alias(name, record);
    if (item.first && alias.posting != Posting::anyone) {
      out_.route.list = name;
      out_.route.posting = alias.posting;
      out_.route.named = alias.senders;
    }
    // A way that is longer than another one here breaks no limit.
    if (item.aliases == kMaxAliasDepth) return fresh ? stop("its aliases are nested deeper than 10") : Done();
    for (const std::string& target : alias.targets) {
      TRY(follow(target, name,
                 {.address = {},
                  .written = {},
                  .aliases = item.aliases + 1,
                  .sendable = item.sendable && alias.send_as,
                  .first = false}));
    }
    return {};
  }

  base::Result<void> nobody(const Item& item, const Resolved& found, bool fresh) {
    if (!found.catch_all.empty()) {
      if (item.aliases == kMaxAliasDepth) return fresh ? stop("its aliases are nested deeper than 10") : Done();
      return follow(
          found.catch_all, "catch-all of " + found.address.domain,
          {.address = {}, .written = {}, .aliases = item.aliases + 1, .sendable = false, .first = item.first});
    }
    // RFC 5321 §4.5.1: a postmaster "at any of the domains for which the SMTP server provides mail service".
    if (found.untagged == kPostmaster) {
      TRY_ASSIGN(auto account, first_account(reader_));
      if (account) return add_account(*std::move(account), item.sendable);
    }
    if (item.aliases > 0 && fresh) out_.dead.push_back(mime::format(found.address));
    return {};
  }

  base::Result<void> follow(const std::string& target, const std::string& from, Item item) {
    auto parts = split_address(target);
    if (!parts) {
      return base::fail(base::Code::corrupt, "the alias " + from + " has a bad target: " + parts.error().text);
    }
    item.address = *std::move(parts);
    item.written = target;
    waiting_.push_back(std::move(item));
    return {};
  }

  base::Result<void> check_targets() {
    if (out_.route.accounts.size() + out_.route.remotes.size() > kMaxTargets) {
      return stop("it leads to more than 1,000 recipients");
    }
    return {};
  }

  using Done = base::Result<void>;
  Done stop(std::string limit) {
    out_.limit = std::move(limit);
    return {};
  }

  const store::Reader& reader_;
  Resolver resolver_;
  std::string start_;  // the first address that was looked at
  std::deque<Item> waiting_;
  std::map<std::string, bool> seen_;  // with whether it was reached on a way for senders
  std::set<base::AccountId> accounts_;
  std::set<base::AccountId> senders_;
  Expansion out_;
};

}  // namespace

base::Result<Expansion> expand(const store::Reader& reader, const mime::AddrSpec& address) {
  return Expander(reader, address).run();
}

}  // namespace directory
