#include "admin/commands.h"

#include <algorithm>

#include "base/text.h"

namespace admin {

namespace {

using enum Column::Kind;

using Columns = std::array<Column, 16>;

constexpr Columns kDomain{{{"name", "DOMAIN"},
                           {"alias_of", "ALIAS OF"},
                           {"accounts", "ACCOUNTS"},
                           {"max_accounts", "MAXIMUM"},
                           {"default_quota_bytes", "DEFAULT QUOTA", bytes},
                           {"quota_bytes", "SOFT QUOTA", bytes},
                           {"used_bytes", "USED", bytes},
                           {"over_quota", "OVER"},
                           {"catch_all", "CATCH-ALL"},
                           {"separator", "SEPARATOR"},
                           {"created", "CREATED"}}};
constexpr Columns kAccount{{{"address", "ADDRESS"},
                            {"id"},
                            {"quota_bytes", "QUOTA", bytes},
                            {"quota_messages", "MESSAGE QUOTA"},
                            {"used_bytes", "USED", bytes},
                            {"messages", "MESSAGES"},
                            {"copies", "COPIES"},
                            {"state", "STATE"},
                            {"name", "NAME"},
                            {"send_as", "MAY SEND AS"},
                            {"created", "CREATED"}}};
/// The same with one more at the end.
constexpr Columns with(Columns columns, Column more) {
  *std::ranges::find(columns, nullptr, &Column::key) = more;
  return columns;
}
constexpr Columns kAccountAlone = with(with(kAccount, {"credentials", "CREDENTIALS"}), {"sent_today", "SENT TODAY"});
constexpr Columns kCredential{{{"name", "CREDENTIAL"},
                               {"created", "CREATED"},
                               {"changed", "CHANGED"},
                               {"protocols", "PROTOCOLS"},
                               {"networks", "NETWORKS"},
                               {"expires", "EXPIRES"},
                               {"last_used", "LAST USED"},
                               {"last_used_from", "FROM"},
                               {"last_used_by", "BY"}}};
constexpr Columns kAlias{{{"address", "ALIAS"},
                          {"posting", "POST"},
                          {"senders", "SENDERS"},
                          {"send_as", "SEND AS"},
                          {"targets", "TARGETS"},
                          {"created"}}};
constexpr Columns kGroup{{{"address", "GROUP"},
                          {"posting", "POST"},
                          {"senders", "SENDERS"},
                          {"send_as", "SEND AS"},
                          {"members", "MEMBERS"},
                          {"created"}}};

constexpr std::array<const char*, 12> kQueueFilter{"ids",   "sender",        "recipient", "domain",
                                                   "state", "older_seconds", "all"};

constexpr Command kCommands[] = {
    {"domain add",
     {"name", "alias_of", "catch_all", "separator", "default_quota_bytes", "max_accounts", "quota_bytes"},
     domain_add},
    {"domain list", {"match", "usage"}, domain_list, "domains", kDomain},
    {"domain show", {"name"}, domain_show, nullptr, kDomain},
    {"domain set",
     {"name", "catch_all", "separator", "default_quota_bytes", "no_default_quota", "max_accounts", "quota_bytes"},
     domain_set},
    {"domain remove", {"name"}, domain_remove},
    {"account add", {"address", "password", "quota_bytes", "quota_messages", "name", "state"}, account_add},
    {"account import", {"lines", "first_line", "skip_existing"}, account_import},
    {"account list", {"domain", "match", "state", "usage"}, account_list, "accounts", kAccount},
    {"account show", {"address"}, account_show, nullptr, kAccountAlone},
    {"account set",
     {"address", "quota_bytes", "quota_messages", "state", "name", "send_as", "no_send_as", "messages_per_day",
      "new_recipients_per_day"},
     account_set},
    {"account remove", {"address"}, account_remove},
    {"account password", {"address", "password"}, account_password},
    {"credential add", {"address", "name", "password", "generate", "protocols", "networks", "expires"}, credential_add},
    {"credential list", {"address"}, credential_list, "credentials", kCredential},
    {"credential show", {"address", "name"}, credential_show, nullptr, kCredential},
    {"credential set", {"address", "name", "password", "generate", "protocols", "networks", "expires"}, credential_set},
    {"credential remove", {"address", "name"}, credential_remove},
    {"mailbox share", {"account", "who", "rights", "mailbox", "all"}, mailbox_share},
    {"mailbox seen", {"account", "whose", "mailbox", "all"}, mailbox_seen},
    {"mailbox rights",
     {"account", "mailbox"},
     mailbox_rights,
     "rights",
     {{{"mailbox", "MAILBOX"}, {"who", "WHO"}, {"rights", "RIGHTS"}}}},
    {"alias add", {"address", "targets", "posting", "senders", "send_as"}, alias_add},
    {"alias list", {"domain", "match", "target"}, alias_list, "aliases", kAlias},
    {"alias show", {"address"}, alias_show, nullptr, kAlias},
    {"alias set", {"address", "targets", "add", "remove", "posting", "senders", "send_as"}, alias_set},
    {"alias remove", {"address"}, alias_remove},
    {"group add", {"address", "members", "posting", "senders", "send_as"}, group_add},
    {"group list", {"domain", "match", "member"}, group_list, "groups", kGroup},
    {"group show", {"address"}, group_show, nullptr, kGroup},
    {"group set", {"address", "members", "add", "remove", "posting", "senders", "send_as"}, group_set},
    {"group remove", {"address"}, group_remove},
    {"queue list",
     {"sender", "recipient", "domain", "older_seconds", "state", "limit"},
     queue_list,
     "queue",
     {{{"id", "ID"},
       {"created", "SINCE"},
       {"size", "SIZE", bytes},
       {"sender", "SENDER"},
       {"recipients", "RECIPIENTS"},
       {"state", "STATE"},
       {"tries", "TRIES"},
       {"next", "NEXT"},
       {"reason", "REASON"}}}},
    {"queue show",
     {"id"},
     queue_show,
     "recipients",
     {{{"address", "RECIPIENT"},
       {"original", "NAMED"},
       {"domain"},
       {"state", "STATE"},
       {"tries", "TRIES"},
       {"tried", "TRIED"},
       {"next", "NEXT"},
       {"status", "STATUS"},
       {"host", "HOST"},
       {"diagnostic", "SAID"},
       {"reason", "REASON"}}}},
    {"queue retry", kQueueFilter, queue_retry},
    {"queue hold", kQueueFilter, queue_hold},
    {"queue release", kQueueFilter, queue_release},
    {"queue remove", kQueueFilter, queue_remove},
    {"queue stats",
     {"top"},
     queue_stats,
     "domains",
     {{{"domain", "DOMAIN"},
       {"recipients", "RECIPIENTS"},
       {"bytes", "SIZE", bytes},
       {"oldest", "OLDEST"},
       {"reason", "REASON"}}}},
    {"trace",
     {"what", "limit"},
     trace,
     "events",
     {{{"time", "TIME"},
       {"id", "ID"},
       {"event", "EVENT"},
       {"address", "ADDRESS"},
       {"status", "STATUS"},
       {"host", "HOST"},
       {"host_address"},
       {"tls", "TLS"},
       {"diagnostic", "SAID"},
       {"text", "TEXT"}}}},
    {"mailbox list",
     {"account", "name", "role"},
     mailbox_list,
     "mailboxes",
     {{{"name", "MAILBOX"},
       {"id"},
       {"role", "USE"},
       {"selectable"},
       {"messages", "MESSAGES"},
       {"unseen", "UNSEEN"},
       {"size", "SIZE", bytes},
       {"shared", "SHARED"},
       {"seen", "SEEN"},
       {"uid_validity"},
       {"uid_next"},
       {"subscribed", "SUBSCRIBED"}}}},
    {"sessions list",
     {"user", "address", "protocol", "listener"},
     sessions_list,
     "sessions",
     {{{"id", "ID"},
       {"listener", "LISTENER"},
       {"protocol"},
       {"peer", "PEER"},
       {"port"},
       {"user", "USER"},
       {"since", "SINCE"},
       {"state", "STATE"},
       {"command", "COMMAND"},
       {"tls", "TLS"},
       {"received", "RECEIVED", bytes},
       {"sent", "SENT", bytes}}}},
    {"sessions close", {"ids", "user", "address", "protocol", "listener", "grace_seconds"}, sessions_close},
    {"ban list",
     {"address"},
     ban_list,
     "bans",
     {{{"network", "NETWORK"},
       {"since", "SINCE"},
       {"until", "UNTIL"},
       {"by", "BY"},
       {"times", "TIMES"},
       {"reason", "REASON"}}}},
    {"ban add", {"network", "seconds", "reason"}, ban_add},
    {"ban remove", {"network"}, ban_remove},
    {"report list",
     {"address", "mailbox", "limit"},
     report_list,
     "reports",
     {{{"begin", "BEGIN"},
       {"end"},
       {"organization", "FROM"},
       {"contact"},
       {"id"},
       {"domain", "DOMAIN"},
       {"policy", "POLICY"},
       {"successful", "FINE"},
       {"failed", "FAILED"},
       {"problems", "PROBLEMS"},
       {"failures"}}}},
    {"destination test",
     {"domain"},
     destination_test,
     "hosts",
     {{{"host", "HOST"},
       {"address", "ADDRESS"},
       {"policy", "POLICY"},
       {"tls", "TLS"},
       {"usable", "USABLE"},
       {"problem", "PROBLEM"}}}},
    {"health",
     {},
     health,
     "listeners",
     {{{"name", "LISTENER"}, {"port", "PORT"}, {"sessions", "SESSIONS"}, {"failed_sessions", "FAILED"}}}},
    {"stop", {}, stop},
    {"version", {}, version},
    {"reload", {}, reload},
    {"store check", {}, store_check, "problems", {{{"room"}, {"where", "WHERE"}, {"what", "WHAT"}}}},
    {"store checkpoint", {"directory"}, store_checkpoint},
    {"store compact", {}, store_compact},
    {"store stats", {"account", "top"}, store_stats, "tables"},
    {"log level", {"level", "events"}, log_level, "levels", {{{"events", "EVENTS"}, {"level", "LEVEL"}}}},
    {.name = "log follow", .arguments = {"level", "filter"}, .run = nullptr, .follow = log_follow},
};

}  // namespace

bool Command::takes(std::string_view argument) const {
  return std::ranges::any_of(arguments, [&](const char* known) { return known && argument == known; });
}

std::span<const Command> all_commands() { return kCommands; }

const Command* find_command(std::string_view name) {
  const auto found = std::ranges::find_if(kCommands, [&](const Command& command) { return name == command.name; });
  return found == std::end(kCommands) ? nullptr : found;
}

base::Result<std::string> text_argument(const json::object& arguments, const char* name) {
  const json::value* value = arguments.if_contains(name);
  if (!value) return base::fail(base::Code::invalid, "\"" + std::string(name) + "\" is missing");
  if (!value->is_string()) return base::fail(base::Code::invalid, "\"" + std::string(name) + "\" must be a text");
  return std::string(value->get_string());
}

base::Result<std::string> optional_text(const json::object& arguments, const char* name) {
  if (!arguments.contains(name)) return std::string();
  return text_argument(arguments, name);
}

base::Result<std::vector<std::string>> list_argument(const json::object& arguments, const char* name) {
  const json::value* value = arguments.if_contains(name);
  if (!value) return base::fail(base::Code::invalid, "\"" + std::string(name) + "\" is missing");
  const auto wrong = base::fail(base::Code::invalid, "\"" + std::string(name) + "\" must be a list of texts");
  if (!value->is_array()) return wrong;
  std::vector<std::string> texts;
  for (const json::value& element : value->get_array()) {
    if (!element.is_string()) return wrong;
    texts.emplace_back(element.get_string());
  }
  return texts;
}

base::Result<std::uint64_t> number_argument(const json::object& arguments, const char* name, std::uint64_t otherwise) {
  TRY_ASSIGN(const auto number, number_if(arguments, name));
  return number.value_or(otherwise);
}

bool flag_argument(const json::object& arguments, const char* name) {
  const json::value* value = arguments.if_contains(name);
  return value && value->is_bool() && value->get_bool();
}

base::Result<std::optional<std::string>> text_if(const json::object& arguments, const char* name) {
  if (!arguments.contains(name)) return std::optional<std::string>();
  TRY_ASSIGN(std::string text, text_argument(arguments, name));
  return std::optional(std::move(text));
}

base::Result<std::optional<std::vector<std::string>>> list_if(const json::object& arguments, const char* name) {
  if (!arguments.contains(name)) return std::optional<std::vector<std::string>>();
  TRY_ASSIGN(std::vector<std::string> list, list_argument(arguments, name));
  return std::optional(std::move(list));
}

base::Result<std::optional<std::uint64_t>> number_if(const json::object& arguments, const char* name) {
  const json::value* value = arguments.if_contains(name);
  if (!value) return std::optional<std::uint64_t>();
  if (value->is_uint64()) return std::optional(value->get_uint64());
  if (value->is_int64() && value->get_int64() >= 0) {
    return std::optional(static_cast<std::uint64_t>(value->get_int64()));
  }
  return base::fail(base::Code::invalid, "\"" + std::string(name) + "\" must be a whole number and not negative");
}

base::Result<std::optional<bool>> flag_if(const json::object& arguments, const char* name) {
  const json::value* value = arguments.if_contains(name);
  if (!value) return std::optional<bool>();
  if (value->is_bool()) return std::optional(value->get_bool());
  return base::fail(base::Code::invalid, "\"" + std::string(name) + "\" must be true or false");
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

json::object done(std::string text) { return {{"done", std::move(text)}}; }

json::value text_or_null(std::string_view text) {
  return text.empty() ? json::value() : json::value(json::string(text));
}

json::array texts(const std::vector<std::string>& list) { return json::array(list.begin(), list.end()); }

std::string count(std::uint64_t number, const char* one, const char* many) {
  return std::to_string(number) + " " + (number == 1 ? one : many);
}

bool AddressFilter::shows(std::string_view address, std::string_view name) const {
  const std::size_t at = address.rfind('@');
  if (!domain.empty() && (at == std::string_view::npos || address.substr(at + 1) != domain)) return false;
  return match.empty() || base::lower(address).contains(match) || base::lower(name).contains(match);
}

base::Result<AddressFilter> address_filter(const json::object& arguments) {
  AddressFilter filter;
  TRY_ASSIGN(const auto domain, text_if(arguments, "domain"));
  if (domain) {
    TRY_ASSIGN(filter.domain, directory::normalize_domain(*domain));
  }
  TRY_ASSIGN(const auto match, text_if(arguments, "match"));
  if (match) filter.match = base::lower(*match);
  return filter;
}

}  // namespace admin
