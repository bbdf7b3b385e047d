// Commands over domains.
#include <map>

#include "admin/commands.h"
#include "base/text.h"

namespace admin {

namespace {

base::Result<directory::DomainChange> change_of(const json::object& arguments) {
  directory::DomainChange change;
  TRY_ASSIGN(change.catch_all, text_if(arguments, "catch_all"));
  TRY_ASSIGN(change.separator, text_if(arguments, "separator"));
  TRY_ASSIGN(const auto default_quota, number_if(arguments, "default_quota_bytes"));
  if (default_quota) change.default_quota_bytes = default_quota;
  if (flag_argument(arguments, "no_default_quota")) change.default_quota_bytes.emplace(std::nullopt);
  TRY_ASSIGN(change.max_accounts, number_if(arguments, "max_accounts"));
  TRY_ASSIGN(change.quota_bytes, number_if(arguments, "quota_bytes"));
  return change;
}

/// All members are always there; what is not set is null.
json::object to_json(const directory::Domain& domain) {
  json::object row{{"name", domain.name},
                   {"alias_of", text_or_null(domain.alias_of)},
                   {"accounts", domain.accounts},
                   {"max_accounts", nullptr},
                   {"default_quota_bytes", nullptr},
                   {"quota_bytes", nullptr},
                   {"used_bytes", nullptr},
                   {"over_quota", nullptr},
                   {"catch_all", text_or_null(domain.catch_all)},
                   {"separator", nullptr},
                   {"created", base::rfc3339(domain.created)}};
  if (!domain.alias_of.empty()) {
    row["accounts"] = nullptr;
    return row;
  }
  row["separator"] = domain.separator.empty() ? "none" : domain.separator;
  if (domain.max_accounts != 0) row["max_accounts"] = domain.max_accounts;
  if (domain.default_quota_bytes) row["default_quota_bytes"] = *domain.default_quota_bytes;
  if (domain.quota_bytes != 0) row["quota_bytes"] = domain.quota_bytes;
  return row;
}

/// What the accounts of each domain hold together; of one domain when it is named.
net::Task<base::Result<std::map<std::string, std::uint64_t>>> usage_of(const Api& api, std::string domain) {
  std::map<std::string, std::uint64_t> used;
  CO_TRY_ASSIGN(const auto accounts, co_await api.services().directory.accounts());
  for (const directory::Account& account : accounts) {
    std::string in = account.address.substr(account.address.rfind('@') + 1);
    if (!domain.empty() && in != domain) continue;
    CO_TRY_ASSIGN(const auto usage, co_await api.services().mail.usage(account.id));
    used[std::move(in)] += usage.bytes;
  }
  co_return used;
}

/// A domain's quota is never enforced: whoever looks is told, and so is the log.
void add_usage(const Api& api, json::object& row, const directory::Domain& domain, std::uint64_t used) {
  if (!domain.alias_of.empty()) return;
  row["used_bytes"] = used;
  if (domain.quota_bytes == 0) return;
  row["over_quota"] = used > domain.quota_bytes;
  if (used > domain.quota_bytes) {
    api.log().warning("admin.domain.over_quota",
                      {{"domain", domain.name}, {"used", used}, {"quota", domain.quota_bytes}});
  }
}

}  // namespace

net::Task<base::Result<json::object>> domain_add(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string name, text_argument(arguments, "name"));
  CO_TRY_ASSIGN(const auto alias_of, text_if(arguments, "alias_of"));
  CO_TRY_ASSIGN(auto settings, change_of(arguments));
  CO_TRY_ASSIGN(const std::string domain, directory::normalize_domain(name));
  CO_TRY(co_await api.services().directory.add_domain(domain, alias_of.value_or(""), std::move(settings)));
  api.log().info("admin.domain.added", {{"domain", domain}, {"alias_of", alias_of.value_or("")}});
  json::object result = done("domain " + domain + " is added");
  result["name"] = domain;
  co_return result;
}

net::Task<base::Result<json::object>> domain_list(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const AddressFilter filter, address_filter(arguments));
  const bool usage = flag_argument(arguments, "usage");
  CO_TRY_ASSIGN(const auto domains, co_await api.services().directory.domains());
  std::map<std::string, std::uint64_t> used;
  if (usage) {
    CO_TRY_ASSIGN(used, co_await usage_of(api, {}));
  }
  json::array list;
  for (const directory::Domain& domain : domains) {
    if (!filter.shows(domain.name)) continue;
    json::object row = to_json(domain);
    if (usage) add_usage(api, row, domain, used[domain.name]);
    list.push_back(std::move(row));
  }
  co_return json::object{{"domains", std::move(list)}};
}

net::Task<base::Result<json::object>> domain_show(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string name, text_argument(arguments, "name"));
  CO_TRY_ASSIGN(const auto domain, co_await api.services().directory.domain(name));
  if (!domain) co_return base::fail(base::Code::not_found, "there is no domain " + name);
  json::object row = to_json(*domain);
  CO_TRY_ASSIGN(auto used, co_await usage_of(api, domain->name));
  add_usage(api, row, *domain, used[domain->name]);
  co_return row;
}

net::Task<base::Result<json::object>> domain_set(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string name, text_argument(arguments, "name"));
  CO_TRY_ASSIGN(auto change, change_of(arguments));
  CO_TRY(co_await api.services().directory.set_domain(name, std::move(change)));
  api.log().info("admin.domain.changed", {{"domain", name}});
  co_return done("domain " + name + " is changed");
}

net::Task<base::Result<json::object>> domain_remove(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string name, text_argument(arguments, "name"));
  CO_TRY_ASSIGN(const std::string domain, directory::normalize_domain(name));
  CO_TRY(co_await api.services().directory.remove_domain(domain));
  api.log().info("admin.domain.removed", {{"domain", domain}});
  co_return done("domain " + domain + " is removed");
}

}  // namespace admin
