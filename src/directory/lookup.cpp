// What mail asks, once for each recipient: is it ours, and where does it go.

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
  return Route{{*std::move(account)}, {}};
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
  if (!expansion.known) return base::fail(Code::not_found, "there is no " + name + " here");
  if (!expansion.limit.empty()) {
    // Refused for now and not cut short: mail for some of its targets would be lost without a word, and the operator
    // can mend it. Adding the alias was checked; what it leads to has grown since.
    log_.error("directory.alias.too_large", {{"alias", name}, {"why", expansion.limit}});
    return base::fail(Code::unavailable, name + " is an alias that is too large: " + expansion.limit);
  }
  for (const std::string& dead : expansion.dead) {
    log_.warning("directory.alias.dead_target", {{"alias", name}, {"target", dead}});
  }
  if (expansion.route.accounts.empty() && expansion.route.remotes.empty()) {
    return base::fail(Code::not_found, name + " is an alias that leads nowhere");
  }
  return std::move(expansion.route);
}

net::Task<base::Result<bool>> Service::may_send_as(base::AccountId account, std::string address) {
  // Not by route("postmaster"): a sender has a domain.
  CO_TRY_ASSIGN(const std::string name, normalize_address(address));
  const auto leads_to = co_await route(name);
  if (leads_to) {
    co_return std::ranges::any_of(leads_to->accounts, [account](const Account& each) { return each.id == account; });
  }
  const Code code = leads_to.error().code;
  if (code == Code::not_found || code == Code::denied) co_return false;
  co_return std::unexpected(leads_to.error());
}

}  // namespace directory
