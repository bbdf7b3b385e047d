// Commands over accounts and their credentials. What changes an account also wakes its live sessions, so that they see
// it at once, and not when they next have something to say.
#include <algorithm>
#include <map>

#include "admin/commands.h"
#include "base/text.h"
#include "crypto/random.h"

namespace admin {

namespace {

constexpr std::size_t kMaxImported = 1000;  // accounts in one commit

base::Result<std::optional<directory::State>> state_if(const json::object& arguments) {
  TRY_ASSIGN(const auto text, text_if(arguments, "state"));
  if (!text) return std::optional<directory::State>();
  for (const auto state :
       {directory::State::active, directory::State::disabled, directory::State::suspended, directory::State::shared}) {
    if (*text == name(state)) return std::optional(state);
  }
  return base::fail(base::Code::invalid, "a state is active, disabled, suspended or shared");
}

json::object to_json(const directory::Account& account) {
  return {{"address", account.address},         {"id", std::to_string(account.id.value)},
          {"quota_bytes", account.quota.bytes}, {"quota_messages", account.quota.messages},
          {"state", name(account.state)},       {"name", text_or_null(account.name)},
          {"send_as", texts(account.send_as)},  {"created", base::rfc3339(account.created)}};
}

net::Task<base::Result<void>> add_usage(const Api& api, json::object& row, base::AccountId account) {
  CO_TRY_ASSIGN(const auto usage, co_await api.services().mail.usage(account));
  row["used_bytes"] = usage.bytes;
  row["messages"] = usage.messages;
  row["copies"] = usage.copies;
  co_return base::Result<void>();
}

/// What a new account of that address may hold when nothing else is said: as its domain says, or the server.
net::Task<base::Result<std::uint64_t>> default_quota(const Api& api, std::string address) {
  std::string name = address.substr(std::min(address.rfind('@') + 1, address.size()));
  const auto domain = co_await api.services().directory.domain(std::move(name));
  // What is wrong with the address is for the directory to say.
  if (!domain && domain.error().code != base::Code::invalid) co_return std::unexpected(domain.error());
  const bool set = domain && *domain && (*domain)->default_quota_bytes;
  co_return set ? *(*domain)->default_quota_bytes : api.settings().mailbox_quota_bytes();
}

/// "never", a date, an RFC 3339 time, or how long from now: "90d", "12h".
base::Result<std::optional<base::WallTime>> parse_expiry(const std::string& text, base::WallTime now) {
  if (text == "never") return std::optional<base::WallTime>();
  const std::string_view digits = std::string_view(text).substr(0, text.empty() ? 0 : text.size() - 1);
  const auto number = base::parse_u32(digits);
  const char unit = text.empty() ? ' ' : text.back();
  if (number && *number <= 100'000 && (unit == 'd' || unit == 'h' || unit == 'm')) {
    const std::chrono::minutes minutes(*number * (unit == 'd' ? 1440ull : unit == 'h' ? 60ull : 1ull));
    return std::optional(now + minutes);
  }
  auto time = base::parse_rfc3339(text.size() == 10 ? text + "T00:00:00Z" : text);
  if (!time) {
    return base::fail(
        base::Code::invalid,
        "an expiry is never, a date (2027-01-31), a time (2027-01-31T12:00:00Z), or from now (90d, 12h, 30m)");
  }
  if (*time <= now) return base::fail(base::Code::invalid, "the expiry has passed already");
  return std::optional(*time);
}

base::Result<directory::CredentialChange> limits_of(const json::object& arguments, base::WallTime now) {
  directory::CredentialChange change;
  TRY_ASSIGN(change.protocols, list_if(arguments, "protocols"));
  // "any" takes the limit away.
  if (change.protocols && *change.protocols == std::vector<std::string>{"any"}) change.protocols->clear();
  TRY_ASSIGN(const auto networks, list_if(arguments, "networks"));
  if (networks) {
    change.networks.emplace();
    for (const std::string& text : *networks) {
      if (text == "any" && networks->size() == 1) continue;
      TRY_ASSIGN(const base::Network network, base::Network::parse(text));
      change.networks->push_back(network);
    }
  }
  TRY_ASSIGN(const auto expires, text_if(arguments, "expires"));
  if (expires) {
    TRY_ASSIGN(change.expires, parse_expiry(*expires, now));
  }
  return change;
}

/// An element of "credentials" in a line of an import.
base::Result<directory::NewCredential> parse_credential(const json::value& value, base::WallTime now) {
  const json::object* object = value.if_object();
  if (!object) return base::fail(base::Code::invalid, "a credential is a JSON object");
  static constexpr std::string_view kKnown[] = {"name", "password", "hash", "protocols", "networks", "expires"};
  for (const auto& [key, unused] : *object) {
    if (std::ranges::find(kKnown, std::string_view(key)) == std::end(kKnown)) {
      return base::fail(base::Code::invalid, "a credential has no \"" + base::printable(key, 100) + "\"");
    }
  }
  directory::NewCredential credential;
  TRY_ASSIGN(credential.name, text_argument(*object, "name"));
  TRY_ASSIGN(const auto hash, text_if(*object, "hash"));
  if (hash) {
    credential.hash = *hash;
  } else {
    TRY_ASSIGN(credential.password, password_argument(*object));
  }
  TRY_ASSIGN(directory::CredentialChange limits, limits_of(*object, now));
  if (limits.protocols) credential.limits.protocols = *std::move(limits.protocols);
  if (limits.networks) credential.limits.networks = *std::move(limits.networks);
  if (limits.expires) credential.limits.expires = *limits.expires;
  return credential;
}

/// One line of an import: {"address": …, "password" or "hash": …, "quota_bytes": …, "quota_messages": …, "name": …,
/// "credentials": […]}.
base::Result<directory::NewAccount> parse_line(const std::string& line, base::WallTime now,
                                               std::optional<std::uint64_t>& quota) {
  boost::system::error_code error;
  const json::value value = json::parse(line, error);
  const json::object* object = value.if_object();
  if (error || !object) return base::fail(base::Code::invalid, "it is no JSON object");
  static constexpr std::string_view kKnown[] = {"address",        "password", "hash",       "quota_bytes",
                                                "quota_messages", "name",     "credentials"};
  for (const auto& [key, unused] : *object) {
    if (std::ranges::find(kKnown, std::string_view(key)) == std::end(kKnown)) {
      return base::fail(base::Code::invalid, "an account has no \"" + base::printable(key, 100) + "\"");
    }
  }
  directory::NewAccount account;
  TRY_ASSIGN(account.address, text_argument(*object, "address"));
  TRY_ASSIGN(const auto hash, text_if(*object, "hash"));
  if (hash) {
    account.hash = *hash;
  } else {
    TRY_ASSIGN(account.password, password_argument(*object));
  }
  TRY_ASSIGN(quota, number_if(*object, "quota_bytes"));
  TRY_ASSIGN(account.quota.messages, number_argument(*object, "quota_messages", 0));
  TRY_ASSIGN(const auto name, text_if(*object, "name"));
  account.name = name.value_or("");
  const json::value* credentials = object->if_contains("credentials");
  if (credentials && !credentials->is_array()) return base::fail(base::Code::invalid, "credentials is a list");
  if (credentials) {
    for (const json::value& each : credentials->get_array()) {
      TRY_ASSIGN(auto credential, parse_credential(each, now));
      account.credentials.push_back(std::move(credential));
    }
  }
  return account;
}

/// Twenty-five letters and digits that are not mistaken for one another: 125 bits.
std::string generated_password() {
  static constexpr std::string_view kAlphabet = "abcdefghijkmnpqrstuvwxyz23456789";
  std::string password;
  for (const char byte : crypto::random_bytes(25)) {
    if (password.size() % 6 == 5) password += '-';
    password += kAlphabet[static_cast<unsigned char>(byte) % kAlphabet.size()];
  }
  return password;
}

/// The password of the request, or a generated one that the result then shows.
base::Result<std::string> password_for(const json::object& arguments, json::object& result) {
  if (!flag_argument(arguments, "generate")) return password_argument(arguments);
  const std::string password = generated_password();
  result["password"] = password;
  return password;
}

net::Task<base::Result<json::object>> put_credential(const Api& api, json::object arguments, bool add) {
  CO_TRY_ASSIGN(const std::string address, text_argument(arguments, "address"));
  CO_TRY_ASSIGN(const std::string name, text_argument(arguments, "name"));
  json::object result;
  CO_TRY_ASSIGN(directory::CredentialChange change, limits_of(arguments, api.services().clock.now()));
  const bool limited = change.protocols || change.networks || change.expires;
  if (add || !limited || arguments.contains("password") || arguments.contains("generate")) {
    CO_TRY_ASSIGN(change.password, password_for(arguments, result));
  }
  const std::string shown = change.password.value_or("");
  auto& directory = api.services().directory;
  directory::CredentialLimits limits;
  if (change.protocols) limits.protocols = *change.protocols;
  if (change.networks) limits.networks = *change.networks;
  if (change.expires) limits.expires = *change.expires;
  auto put = add ? directory.add_credential(address, name, *change.password, std::move(limits))
                 : directory.set_credential(address, name, std::move(change));
  CO_TRY_ASSIGN(const base::AccountId account, co_await std::move(put));
  api.services().mail.changed(account);
  api.log().info(add ? "admin.credential.added" : "admin.credential.changed", {{"account", address}, {"name", name}});
  std::string text = "credential " + name + " of " + address + (add ? " is added" : " is changed");
  if (result.contains("password")) text += "; its password, shown this once: " + shown;
  result["done"] = std::move(text);
  co_return result;
}

json::object to_json(const directory::CredentialInfo& credential) {
  std::vector<std::string> networks;
  for (const base::Network& network : credential.limits.networks) networks.push_back(network.text());
  const auto& use = credential.last_used;
  return {{"name", credential.name},
          {"created", base::rfc3339(credential.created)},
          {"changed", base::rfc3339(credential.changed)},
          {"protocols", texts(credential.limits.protocols)},
          {"networks", texts(networks)},
          {"expires", text_or_null(credential.limits.expires ? base::rfc3339(*credential.limits.expires) : "")},
          {"last_used", text_or_null(use ? base::rfc3339(use->time) : "")},
          {"last_used_from", text_or_null(use ? use->address : "")},
          {"last_used_by", text_or_null(use ? use->protocol : "")}};
}

}  // namespace

net::Task<base::Result<json::object>> account_add(const Api& api, json::object arguments) {
  directory::NewAccount wanted;
  CO_TRY_ASSIGN(wanted.address, text_argument(arguments, "address"));
  CO_TRY_ASSIGN(const auto state, state_if(arguments));
  wanted.state = state.value_or(directory::State::active);
  // Nobody logs in; should it become somebody's, a password is set that somebody knows.
  if (wanted.state == directory::State::shared && !arguments.contains("password")) {
    wanted.password = generated_password();
  } else {
    CO_TRY_ASSIGN(wanted.password, password_argument(arguments));
  }
  CO_TRY_ASSIGN(const auto quota, number_if(arguments, "quota_bytes"));
  CO_TRY_ASSIGN(const auto name, text_if(arguments, "name"));
  wanted.name = name.value_or("");
  CO_TRY_ASSIGN(const std::uint64_t otherwise, co_await default_quota(api, wanted.address));
  wanted.quota.bytes = quota.value_or(otherwise);
  CO_TRY_ASSIGN(wanted.quota.messages, number_argument(arguments, "quota_messages", 0));
  std::vector<directory::NewAccount> one;
  one.push_back(std::move(wanted));
  CO_TRY_ASSIGN(const auto added, co_await api.services().directory.add_accounts(std::move(one)));
  const directory::Account& account = added.front();
  api.log().info("admin.account.added", {{"account", account.address}, {"quota", account.quota.bytes}});
  json::object result = done("account " + account.address + " is added");
  result["address"] = account.address;
  result["id"] = std::to_string(account.id.value);
  result["quota_bytes"] = account.quota.bytes;
  co_return result;
}

net::Task<base::Result<json::object>> account_import(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const auto lines, list_argument(arguments, "lines"));
  CO_TRY_ASSIGN(const std::uint64_t first, number_argument(arguments, "first_line", 1));
  if (lines.size() > kMaxImported) co_return base::fail(base::Code::too_large, "more than 1,000 accounts at once");
  std::vector<directory::NewAccount> accounts;
  std::map<std::string, std::uint64_t> defaults;  // by domain as written
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::optional<std::uint64_t> quota;
    auto account = parse_line(lines[i], api.services().clock.now(), quota);
    if (!account) {
      co_return base::fail(account.error().code, "line " + std::to_string(first + i) + ": " + account.error().text);
    }
    if (!quota) {
      const std::string domain =
          account->address.substr(std::min(account->address.rfind('@') + 1, account->address.size()));
      if (!defaults.contains(domain)) {
        CO_TRY_ASSIGN(defaults[domain], co_await default_quota(api, account->address));
      }
      quota = defaults[domain];
    }
    account->quota.bytes = *quota;
    accounts.push_back(*std::move(account));
  }
  const std::size_t wanted = accounts.size();
  const bool skip = flag_argument(arguments, "skip_existing");
  const auto added = co_await api.services().directory.add_accounts(std::move(accounts), skip);
  if (!added) {
    co_return base::fail(added.error().code, "of lines " + std::to_string(first) + " to " +
                                                 std::to_string(first + wanted - 1) +
                                                 " none is added: " + added.error().text);
  }
  api.log().info("admin.account.imported", {{"added", added->size()}, {"skipped", wanted - added->size()}});
  std::string text = count(added->size(), "account is added", "accounts are added");
  if (wanted > added->size()) text += ", " + std::to_string(wanted - added->size()) + " existed already";
  json::object result = done(std::move(text));
  result["added"] = added->size();
  result["existed"] = wanted - added->size();
  co_return result;
}

net::Task<base::Result<json::object>> account_list(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const AddressFilter filter, address_filter(arguments));
  CO_TRY_ASSIGN(const auto state, state_if(arguments));
  const bool usage = flag_argument(arguments, "usage");
  CO_TRY_ASSIGN(const auto accounts, co_await api.services().directory.accounts());
  json::array list;
  for (const directory::Account& account : accounts) {
    if (!filter.shows(account.address, account.name) || (state && account.state != *state)) continue;
    json::object row = to_json(account);
    if (usage) CO_TRY(co_await add_usage(api, row, account.id));
    list.push_back(std::move(row));
  }
  co_return json::object{{"accounts", std::move(list)}};
}

namespace {

/// "3 of 1000 messages"; without a limit, 0, what was not counted is not told.
std::string of_limit(std::uint64_t sent, std::uint64_t limit, const char* what) {
  return limit == 0 ? std::string("any number of ") + what
                    : std::to_string(sent) + " of " + std::to_string(limit) + " " + what;
}

void add_allowance(json::object& row, const guard::Allowance& allowance) {
  row["messages_per_day"] = allowance.messages;
  row["messages_today"] = allowance.messages_today;
  row["new_recipients_per_day"] = allowance.new_recipients;
  row["new_recipients_today"] = allowance.new_recipients_today;
  row["sent_today"] = of_limit(allowance.messages_today, allowance.messages, "messages") + ", " +
                      of_limit(allowance.new_recipients_today, allowance.new_recipients, "new recipients");
}

}  // namespace

net::Task<base::Result<json::object>> account_show(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string address, text_argument(arguments, "address"));
  CO_TRY_ASSIGN(const auto account, co_await api.services().directory.account(address));
  if (!account) co_return base::fail(base::Code::not_found, "there is no account " + address);
  json::object row = to_json(*account);
  CO_TRY(co_await add_usage(api, row, account->id));
  CO_TRY_ASSIGN(const auto credentials, co_await api.services().directory.credentials(account->address));
  json::array names;
  for (const directory::CredentialInfo& each : credentials) names.emplace_back(each.name);
  row["credentials"] = std::move(names);
  CO_TRY_ASSIGN(const auto allowance, co_await api.services().guard.allowance(account->id));
  add_allowance(row, allowance);
  co_return row;
}

namespace {

/// A limit of a day: a number, 0 for none, or "default".
base::Result<std::optional<std::optional<std::uint64_t>>> day_limit_if(const json::object& arguments,
                                                                       const char* name) {
  using Limit = std::optional<std::optional<std::uint64_t>>;
  const json::value* value = arguments.if_contains(name);
  if (value != nullptr && value->is_string() && value->get_string() == "default") return Limit(std::in_place);
  TRY_ASSIGN(const auto number, number_if(arguments, name));
  return number ? Limit(number) : Limit();
}

base::Result<guard::AllowanceChange> allowance_change(const json::object& arguments) {
  guard::AllowanceChange change;
  TRY_ASSIGN(change.messages, day_limit_if(arguments, "messages_per_day"));
  TRY_ASSIGN(change.new_recipients, day_limit_if(arguments, "new_recipients_per_day"));
  return change;
}

}  // namespace

net::Task<base::Result<json::object>> account_set(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string address, text_argument(arguments, "address"));
  directory::AccountChange change;
  CO_TRY_ASSIGN(change.quota_bytes, number_if(arguments, "quota_bytes"));
  CO_TRY_ASSIGN(change.quota_messages, number_if(arguments, "quota_messages"));
  CO_TRY_ASSIGN(change.state, state_if(arguments));
  CO_TRY_ASSIGN(change.name, text_if(arguments, "name"));
  CO_TRY_ASSIGN(auto grant, list_if(arguments, "send_as"));
  CO_TRY_ASSIGN(auto withdraw, list_if(arguments, "no_send_as"));
  if (grant) change.grant = *std::move(grant);
  if (withdraw) change.withdraw = *std::move(withdraw);
  CO_TRY_ASSIGN(const auto allowance, allowance_change(arguments));
  CO_TRY_ASSIGN(const auto account, co_await api.services().directory.set_account(address, std::move(change)));
  if (allowance.messages || allowance.new_recipients) {
    CO_TRY(co_await api.services().guard.set_allowance(account.id, allowance));
  }
  api.services().mail.changed(account.id);
  api.log().info("admin.account.changed", {{"account", account.address},
                                           {"quota", account.quota.bytes},
                                           {"state", name(account.state)},
                                           {"grants", account.send_as.size()}});
  co_return done("account " + account.address + " is changed");
}

net::Task<base::Result<json::object>> account_remove(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string address, text_argument(arguments, "address"));
  directory::Directory& directory = api.services().directory;
  CO_TRY_ASSIGN(const base::AccountId account, co_await directory.remove_account(address));
  api.services().mail.changed(account);
  api.log().info("admin.account.removed", {{"account", address}, {"id", account.value}});
  CO_TRY(co_await api.services().mail.purge(account));
  CO_TRY(co_await api.services().guard.forget(account));
  CO_TRY(co_await directory.forget(account));
  api.log().info("admin.account.purged", {{"id", account.value}});
  co_return done("account " + address + " is removed with its mail");
}

net::Task<base::Result<json::object>> account_password(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string address, text_argument(arguments, "address"));
  CO_TRY_ASSIGN(const std::string password, password_argument(arguments));
  CO_TRY_ASSIGN(const base::AccountId account, co_await api.services().directory.set_password(address, password));
  api.services().mail.changed(account);
  api.log().info("admin.account.password", {{"account", address}});
  co_return done("the password of " + address + " is changed");
}

net::Task<base::Result<json::object>> credential_add(const Api& api, json::object arguments) {
  return put_credential(api, std::move(arguments), true);
}

net::Task<base::Result<json::object>> credential_set(const Api& api, json::object arguments) {
  return put_credential(api, std::move(arguments), false);
}

net::Task<base::Result<json::object>> credential_list(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string address, text_argument(arguments, "address"));
  CO_TRY_ASSIGN(const auto credentials, co_await api.services().directory.credentials(address));
  json::array list;
  for (const directory::CredentialInfo& each : credentials) list.push_back(to_json(each));
  co_return json::object{{"credentials", std::move(list)}};
}

net::Task<base::Result<json::object>> credential_show(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string address, text_argument(arguments, "address"));
  CO_TRY_ASSIGN(const std::string name, text_argument(arguments, "name"));
  CO_TRY_ASSIGN(const auto credentials, co_await api.services().directory.credentials(address));
  for (const directory::CredentialInfo& each : credentials) {
    if (each.name == name) co_return to_json(each);
  }
  co_return base::fail(base::Code::not_found, address + " has no credential \"" + name + "\"");
}

net::Task<base::Result<json::object>> credential_remove(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(const std::string address, text_argument(arguments, "address"));
  CO_TRY_ASSIGN(const std::string name, text_argument(arguments, "name"));
  CO_TRY_ASSIGN(const base::AccountId account, co_await api.services().directory.remove_credential(address, name));
  api.services().mail.changed(account);
  api.log().info("admin.credential.removed", {{"account", address}, {"name", name}});
  co_return done("credential " + name + " of " + address + " is removed");
}

net::Task<base::Result<void>> purge_removed(directory::Directory& directory, mailstore::Mailstore& mail,
                                            guard::Guard& guard, base::Log log) {
  CO_TRY_ASSIGN(const auto removed, co_await directory.removed());
  for (const base::AccountId account : removed) {
    CO_TRY(co_await mail.purge(account));
    CO_TRY(co_await guard.forget(account));
    CO_TRY(co_await directory.forget(account));
    log.info("admin.account.purged", {{"id", account.value}});
  }
  co_return base::Result<void>();
}

}  // namespace admin
