// Mailboxes of an account, and who else may use them: for accounts that are nobody's, and where a person asks for help.
#include <algorithm>

#include "admin/commands.h"
#include "base/text.h"
#include "sharing/identifier.h"

namespace admin {

namespace {

using mailstore::AclChange;
using mailstore::Rights;

const char* role_name(mailstore::Role role) {
  static constexpr const char* kNames[] = {"", "inbox", "drafts", "sent", "junk", "trash", "archive"};
  return kNames[static_cast<std::size_t>(role)];
}

/// Whether the part, if any is asked for, stands in the text; case does not count.
bool matches(std::string_view text, std::string_view part) {
  return part.empty() || base::lower(text).find(base::lower(part)) != std::string::npos;
}

/// Rights by letters (RFC 4314 §2.1), or by a word for what people mean.
base::Result<Rights> rights_of(const std::string& text) {
  static constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"read", "lrs"}, {"write", "lrswite"}, {"manage", "lrswitekxa"}, {"none", ""}};
  const auto word = std::ranges::find(kWords, std::string_view(text), [](const auto& entry) { return entry.first; });
  const auto rights = mailstore::parse_rights(word != std::end(kWords) ? word->second : std::string_view(text));
  if (rights) return *rights;
  return base::fail(base::Code::invalid,
                    "rights are read, write, manage, none, or letters out of lrswipkxtea, and not \"" +
                        base::printable(text, 40) + "\"");
}

net::Task<base::Result<directory::Account>> find_account(const Api& api, std::string address) {
  CO_TRY_ASSIGN(auto account, co_await api.services().directory.account(address));
  if (!account) co_return base::fail(base::Code::not_found, "there is no account " + base::printable(address, 100));
  co_return *std::move(account);
}

/// The mailboxes that a command is about: the one that it names, INBOX, or with `all` each that there is.
net::Task<base::Result<std::vector<mailstore::Mailbox>>> chosen(const Api& api, base::AccountId account,
                                                                std::string name, bool all) {
  std::vector<mailstore::Mailbox> out;
  if (all) {
    CO_TRY_ASSIGN(auto list, co_await api.services().mail.mailboxes(account));
    co_return std::move(list.mailboxes);
  }
  CO_TRY_ASSIGN(out.emplace_back(), co_await api.services().mail.mailbox(account, name.empty() ? "INBOX" : name));
  co_return out;
}

/// One by its name, several by their number.
std::string told(const std::vector<mailstore::Mailbox>& mailboxes) {
  return mailboxes.size() == 1 ? base::printable(mailboxes.front().name)
                               : count(mailboxes.size(), "mailbox", "mailboxes");
}

}  // namespace

net::Task<base::Result<json::object>> mailbox_list(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(std::string address, text_argument(arguments, "account"));
  CO_TRY_ASSIGN(const auto account, co_await find_account(api, std::move(address)));
  CO_TRY_ASSIGN(const std::string name, optional_text(arguments, "name"));
  CO_TRY_ASSIGN(const std::string role, optional_text(arguments, "role"));
  CO_TRY_ASSIGN(const auto all, co_await api.services().mail.mailboxes(account.id));
  json::array list;
  for (const mailstore::Mailbox& mailbox : all.mailboxes) {
    if (!matches(mailbox.name, name) || (!role.empty() && role != role_name(mailbox.role))) continue;
    list.push_back(json::object{{"name", mailbox.name},
                                {"id", std::to_string(mailbox.id.value)},
                                {"role", role_name(mailbox.role)},
                                {"selectable", mailbox.selectable},
                                {"messages", mailbox.messages},
                                {"unseen", mailbox.unseen},
                                {"size", mailbox.size},
                                {"uid_validity", mailbox.uid_validity},
                                {"uid_next", mailbox.uid_next},
                                {"shared", !mailbox.acl.empty()},
                                {"seen", text_or_null(mailbox.acl.empty() ? ""
                                                      : mailbox.own_seen  ? "own"
                                                                          : "shared")},
                                {"subscribed", std::ranges::binary_search(all.subscriptions, mailbox.name)}});
  }
  co_return json::object{{"mailboxes", std::move(list)}};
}

net::Task<base::Result<json::object>> mailbox_rights(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(std::string address, text_argument(arguments, "account"));
  CO_TRY_ASSIGN(const std::string name, optional_text(arguments, "mailbox"));
  CO_TRY_ASSIGN(const auto account, co_await find_account(api, std::move(address)));
  CO_TRY_ASSIGN(const auto mailboxes, co_await chosen(api, account.id, name, name.empty()));
  json::array rows;
  for (const mailstore::Mailbox& mailbox : mailboxes) {
    CO_TRY_ASSIGN(const auto named, co_await sharing::name_rights(api.services().directory, mailbox.acl));
    for (const auto& [identifier, rights] : named) {
      rows.push_back(
          json::object{{"mailbox", mailbox.name}, {"who", identifier}, {"rights", mailstore::print(rights)}});
    }
  }
  co_return json::object{{"rights", std::move(rows)}};
}

net::Task<base::Result<json::object>> mailbox_share(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(std::string address, text_argument(arguments, "account"));
  CO_TRY_ASSIGN(std::string who, text_argument(arguments, "who"));
  CO_TRY_ASSIGN(const std::string text, text_argument(arguments, "rights"));
  CO_TRY_ASSIGN(std::string name, optional_text(arguments, "mailbox"));
  CO_TRY_ASSIGN(const Rights rights, rights_of(text));
  CO_TRY_ASSIGN(const auto account, co_await find_account(api, std::move(address)));
  CO_TRY_ASSIGN(const auto identifier,
                co_await sharing::find_identifier(api.services().directory, account.address, who));
  if (identifier.grantee.account == account.id) {
    co_return base::fail(base::Code::invalid, account.address + " has all rights to its own mailboxes");
  }
  CO_TRY_ASSIGN(const auto mailboxes,
                co_await chosen(api, account.id, std::move(name), flag_argument(arguments, "all")));
  for (const mailstore::Mailbox& mailbox : mailboxes) {
    AclChange change{.grantee = identifier.grantee, .withheld = identifier.withheld, .rights = rights};
    CO_TRY(co_await api.services().mail.change_acl(account.id, mailbox.id, std::move(change)));
  }
  api.log().info("admin.mailbox.shared", {{"account", account.address},
                                          {"who", base::printable(who)},
                                          {"rights", mailstore::print(rights)},
                                          {"mailboxes", mailboxes.size()}});
  co_return done(base::printable(who) + " has " +
                 (rights == 0 ? std::string("no rights") : "the rights " + mailstore::print(rights)) + " to " +
                 told(mailboxes) + " of " + account.address);
}

net::Task<base::Result<json::object>> mailbox_seen(const Api& api, json::object arguments) {
  CO_TRY_ASSIGN(std::string address, text_argument(arguments, "account"));
  CO_TRY_ASSIGN(const std::string whose, text_argument(arguments, "whose"));
  CO_TRY_ASSIGN(std::string name, optional_text(arguments, "mailbox"));
  if (whose != "own" && whose != "shared") {
    co_return base::fail(base::Code::invalid, "\\Seen is each reader's own, or shared");
  }
  CO_TRY_ASSIGN(const auto account, co_await find_account(api, std::move(address)));
  const bool all = flag_argument(arguments, "all");
  CO_TRY_ASSIGN(auto mailboxes, co_await chosen(api, account.id, std::move(name), all));
  std::erase_if(mailboxes, [](const mailstore::Mailbox& mailbox) { return mailbox.acl.empty(); });
  if (mailboxes.empty()) co_return base::fail(base::Code::conflict, "nobody else may use it: share it first");
  for (const mailstore::Mailbox& mailbox : mailboxes) {
    CO_TRY(co_await api.services().mail.set_own_seen(account.id, mailbox.id, whose == "own"));
  }
  api.log().info("admin.mailbox.seen",
                 {{"account", account.address}, {"whose", whose}, {"mailboxes", mailboxes.size()}});
  co_return done("\\Seen of " + told(mailboxes) + " of " + account.address + " is " +
                 (whose == "own" ? "each reader's own" : "shared by all readers"));
}

}  // namespace admin
