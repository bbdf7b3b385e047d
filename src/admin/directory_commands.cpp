// Commands over domains, accounts and aliases.
#include "admin/commands.h"
#include "base/text.h"

namespace admin {

namespace {

json::object done(std::string text) { return {{"done", std::move(text)}}; }

std::string count(std::uint64_t number, const char* one, const char* many) {
  return std::to_string(number) + " " + (number == 1 ? one : many);
}

std::string id_text(auto id) { return std::to_string(id.value); }

bool in_domain(std::string_view address, std::string_view domain) {
  const std::size_t at = address.rfind('@');
  return at != std::string_view::npos && address.substr(at + 1) == domain;
}

/// The filter of a list: normalized, or empty for all.
base::Result<std::string> domain_filter(const json::object& arguments) {
  if (!arguments.contains("domain")) return std::string();
  TRY_ASSIGN(const std::string domain, text_argument(arguments, "domain"));
  return directory::normalize_domain(domain);
}

base::Result<std::string> password_argument(const json::object& arguments) {
  TRY_ASSIGN(std::string password, text_argument(arguments, "password"));
  if (password.empty()) return base::fail(base::Code::invalid, "the password is empty");
  // sasl takes no more than this, and a NUL would end it there.
  if (password.size() > 1024) return base::fail(base::Code::too_large, "the password has more than 1,024 bytes");
  if (password.find('\0') != std::string::npos || !base::valid_utf8(password)) {
    return base::fail(base::Code::invalid, "the password is not UTF-8 text");
  }
  return password;
}

}  // namespace

net::Task<base::Result<json::object>> domain_add(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string name, text_argument(arguments, "name"));
  CO_TRY_ASSIGN(const std::string domain, directory::normalize_domain(name));
  CO_TRY(co_await api.services().directory.add_domain(domain));
  api.log().info("admin.domain.added", {{"domain", domain}});
  json::object result = done("domain " + domain + " is added");
  result["name"] = domain;
  co_return result;
}

net::Task<base::Result<json::object>> domain_list(const Api& api, json::object) {
  CO_TRY_ASSIGN(const auto domains, co_await api.services().directory.domains());
  json::array list;
  for (const std::string& domain : domains) list.push_back(json::object{{"name", domain}});
  co_return json::object{{"domains", std::move(list)}};
}

net::Task<base::Result<json::object>> domain_remove(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string name, text_argument(arguments, "name"));
  CO_TRY_ASSIGN(const std::string domain, directory::normalize_domain(name));
  CO_TRY(co_await api.services().directory.remove_domain(domain));
  api.log().info("admin.domain.removed", {{"domain", domain}});
  co_return done("domain " + domain + " is removed");
}

net::Task<base::Result<json::object>> account_add(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string address, text_argument(arguments, "address"));
  CO_TRY_ASSIGN(const std::string password, password_argument(arguments));
  CO_TRY_ASSIGN(const std::uint64_t quota,
                number_argument(arguments, "quota_bytes", api.settings().mailbox_quota_bytes()));
  CO_TRY_ASSIGN(const auto account, co_await api.services().directory.add_account(address, password, quota));
  api.log().info("admin.account.added", {{"account", account.address}, {"quota", account.quota_bytes}});
  json::object result = done("account " + account.address + " is added");
  result["address"] = account.address;
  result["id"] = id_text(account.id);
  result["quota_bytes"] = account.quota_bytes;
  co_return result;
}

net::Task<base::Result<json::object>> account_list(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string domain, domain_filter(arguments));
  const bool usage = flag_argument(arguments, "usage");
  CO_TRY_ASSIGN(const auto accounts, co_await api.services().directory.accounts());
  json::array list;
  for (const directory::Account& account : accounts) {
    if (!domain.empty() && !in_domain(account.address, domain)) continue;
    json::object row{{"address", account.address},
                     {"id", id_text(account.id)},
                     {"quota_bytes", account.quota_bytes},
                     {"created", base::rfc3339(account.created)}};
    if (usage) {
      CO_TRY_ASSIGN(const auto quota, co_await api.services().mail.quota(account.id));
      row["used_bytes"] = quota.used_bytes;
      row["messages"] = quota.messages;
    }
    list.push_back(std::move(row));
  }
  co_return json::object{{"accounts", std::move(list)}};
}

net::Task<base::Result<json::object>> account_remove(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string address, text_argument(arguments, "address"));
  directory::Directory& directory = api.services().directory;
  CO_TRY_ASSIGN(const base::AccountId account, co_await directory.remove_account(address));
  api.log().info("admin.account.removed", {{"account", address}, {"id", account.value}});
  CO_TRY(co_await api.services().mail.purge(account));
  CO_TRY(co_await directory.forget(account));
  api.log().info("admin.account.purged", {{"id", account.value}});
  co_return done("account " + address + " is removed with its mail");
}

net::Task<base::Result<json::object>> account_password(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string address, text_argument(arguments, "address"));
  CO_TRY_ASSIGN(const std::string password, password_argument(arguments));
  CO_TRY(co_await api.services().directory.set_password(address, password));
  api.log().info("admin.account.password", {{"account", address}});
  co_return done("the password of " + address + " is changed");
}

net::Task<base::Result<json::object>> alias_add(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string address, text_argument(arguments, "address"));
  CO_TRY_ASSIGN(const auto targets, list_argument(arguments, "targets"));
  CO_TRY(co_await api.services().directory.add_alias(address, targets));
  std::string all;
  for (const std::string& target : targets) all += (all.empty() ? "" : " ") + target;
  api.log().info("admin.alias.added", {{"alias", address}, {"targets", all}});
  co_return done("alias " + address + " leads to " + count(targets.size(), "address", "addresses"));
}

net::Task<base::Result<json::object>> alias_list(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string domain, domain_filter(arguments));
  CO_TRY_ASSIGN(const auto aliases, co_await api.services().directory.aliases());
  json::array list;
  for (const directory::Alias& alias : aliases) {
    if (!domain.empty() && !in_domain(alias.address, domain)) continue;
    list.push_back(
        json::object{{"address", alias.address}, {"targets", json::array(alias.targets.begin(), alias.targets.end())}});
  }
  co_return json::object{{"aliases", std::move(list)}};
}

net::Task<base::Result<json::object>> alias_remove(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string address, text_argument(arguments, "address"));
  CO_TRY(co_await api.services().directory.remove_alias(address));
  api.log().info("admin.alias.removed", {{"alias", address}});
  co_return done("alias " + address + " is removed");
}

net::Task<base::Result<void>> purge_removed(directory::Directory& directory, mailstore::Mailstore& mail,
                                            base::Log log) {
  CO_TRY_ASSIGN(const auto removed, co_await directory.removed());
  for (const base::AccountId account : removed) {
    CO_TRY(co_await mail.purge(account));
    CO_TRY(co_await directory.forget(account));
    log.info("admin.account.purged", {{"id", account.value}});
  }
  co_return base::Result<void>();
}

}  // namespace admin
