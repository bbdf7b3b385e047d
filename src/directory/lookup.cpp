// What mail asks, once for each recipient: is it ours, and where does it go.

#include <algorithm>

#include "base/text.h"
#include "directory/normalize.h"
#include "directory/service.h"

namespace directory {

using base::Code;

net::Task<base::Result<bool>> Service::is_local_domain(std::string domain) {
  const auto name = normalize_domain(domain);
  if (!name) co_return false;  // what is no domain is none of ours
  auto read = [name = *name](const store::Reader& reader) -> base::Result<std::optional<bool>> {
    TRY_ASSIGN(const bool ours, has_domain(reader, name));
    return std::optional(ours);
  };
  CO_TRY_ASSIGN(const auto found, co_await look_up(local_domains_, *name, begin_read(), std::move(read)));
  co_return *found.value;
}

net::Task<base::Result<Route>> Service::route(std::string address) {
  const std::uint64_t generation = begin_read();
  // RFC 5321 §4.1.1.3: "postmaster" needs no domain, and is written in any case.
  if (base::iequals(address, kPostmaster)) {
    auto read = [this](const store::Reader& reader) { return read_postmaster(reader); };
    CO_TRY_ASSIGN(const auto found, co_await look_up(routes_, std::string(kPostmaster), generation, std::move(read)));
    if (!found.value) co_return base::fail(Code::not_found, "there is no account yet, so nobody is postmaster");
    co_return *found.value;
  }

  CO_TRY_ASSIGN(const mime::AddrSpec parts, split_address(address));
  const auto ours = local_domains_.get(parts.domain, generation);
  const std::string name = mime::format(parts);
  if (!ours || *ours) {
    auto read = [this, parts, generation](const store::Reader& reader) {
      return read_route(reader, parts, generation);
    };
    CO_TRY_ASSIGN(const auto found, co_await look_up(routes_, name, generation, std::move(read)));
    if (found.value) co_return *found.value;
  }
  co_return base::fail(Code::denied, parts.domain + " is no domain of this server");
}

base::Result<std::optional<Route>> Service::read_postmaster(const store::Reader& reader) const {
  TRY_ASSIGN(auto account, first_account(reader));
  if (!account) return std::optional<Route>();
  Route route;
  route.senders.push_back(account->id);
  route.accounts.push_back(*std::move(account));
  return std::optional(std::move(route));
}

/// Nothing: the domain is not ours.
base::Result<std::optional<Route>> Service::read_route(const store::Reader& reader, const mime::AddrSpec& address,
                                                       std::uint64_t generation) {
  TRY_ASSIGN(const bool ours, has_domain(reader, address.domain));
  local_domains_.put(address.domain, std::make_shared<const bool>(ours), generation,
                     weight_of(ours) + 2 * address.domain.size());
  if (!ours) return std::optional<Route>();

  TRY_ASSIGN(Expansion expansion, expand(reader, address));
  const std::string name = mime::format(address);
  if (!expansion.limit.empty()) {
    // Refused for now and not cut short: mail for some of its targets would be lost without a word, and the operator
    // can mend it. Adding the alias was checked; what it leads to has grown since.
    log_.error("directory.alias.too_large", {{"alias", name}, {"why", expansion.limit}});
    return base::fail(Code::unavailable, name + " is an alias that is too large: " + expansion.limit);
  }
  for (const std::string& dead : expansion.dead) {
    log_.warning("directory.alias.dead_target", {{"alias", name}, {"target", dead}});
  }
  if (!expansion.known) return base::fail(Code::not_found, "there is no " + name + " here");
  if (expansion.route.accounts.empty() && expansion.route.remotes.empty()) {
    return base::fail(Code::not_found, name + " is an alias that leads nowhere");
  }
  return std::move(expansion.route);
}

net::Task<base::Result<bool>> Service::may_send_as(Identity user, std::string address) {
  CO_TRY_ASSIGN(const mime::AddrSpec sender, split_address(address));
  // By its whole form and not by route("postmaster"): a sender has a domain.
  const auto leads_to = co_await route(mime::format(sender));
  if (leads_to && std::ranges::find(leads_to->senders, user.account) != leads_to->senders.end()) co_return true;
  if (!leads_to && leads_to.error().code != Code::not_found && leads_to.error().code != Code::denied) {
    co_return std::unexpected(leads_to.error());
  }
  CO_TRY_ASSIGN(mime::AddrSpec own, split_address(user.address));
  CO_TRY_ASSIGN(const auto found, co_await login_of(std::move(own)));
  if (!found.value || found.value->account.id != user.account) co_return false;
  co_return names(found.value->account.send_as, sender);
}

net::Task<base::Result<bool>> Service::may_post(std::optional<Identity> user, std::string sender,
                                                std::string recipient) {
  CO_TRY_ASSIGN(Route list, co_await route(std::move(recipient)));
  if (list.posting == Posting::anyone) co_return true;
  // A user is known by the login, whatever address the mail is sent from; of strangers there is only their word.
  const auto who = split_address(user ? user->address : sender);
  if (!who) co_return false;  // also the null sender
  switch (list.posting) {
    case Posting::anyone:
      break;
    case Posting::members:
      if (!user) co_return co_await is_member(std::move(list), mime::format(*who));
      co_return std::ranges::any_of(list.accounts, [&](const Account& each) { return each.id == user->account; });
    case Posting::domain: {
      CO_TRY_ASSIGN(const mime::AddrSpec address, split_address(list.list));
      CO_TRY_ASSIGN(const mime::AddrSpec own, co_await store_.read([who = *who](const store::Reader& reader) {
        return follow_domain(reader, who);
      }));
      if (own.domain != address.domain) co_return false;
      co_return user || (co_await route(mime::format(*who))).has_value();
    }
    case Posting::named: {
      const auto as = split_address(sender);
      co_return names(list.named, *who) || (user && as && names(list.named, *as));
    }
  }
  co_return true;
}

/// Whether mail from `sender` is mail of one that the list leads to: an address elsewhere, or of an account.
net::Task<base::Result<bool>> Service::is_member(Route list, std::string sender) {
  for (const Route::Remote& remote : list.remotes) {
    const auto normalized = normalize_address(remote.address);
    if (normalized && *normalized == sender) co_return true;
  }
  const auto own = co_await route(std::move(sender));
  if (!own) co_return false;
  co_return std::ranges::any_of(list.accounts, [&](const Account& each) {
    return std::ranges::find(own->senders, each.id) != own->senders.end();
  });
}

}  // namespace directory
