// Commands over aliases and groups, which differ in what their targets are called and may be.
#include <algorithm>

#include "admin/commands.h"

namespace admin {

namespace {

using directory::AliasKind;
using directory::Posting;

/// How an alias or a group is spoken of.
struct Words {
  AliasKind kind;
  const char* one;      // "alias"
  const char* list;     // the member of a result that lists them
  const char* targets;  // the member that has what it leads to
  const char* target;   // the filter by one of these
};
constexpr Words kAliasWords{AliasKind::alias, "alias", "aliases", "targets", "target"};
constexpr Words kGroupWords{AliasKind::group, "group", "groups", "members", "member"};

const char* posting_name(Posting posting) {
  static constexpr const char* kNames[] = {"anyone", "members", "domain", "named"};
  return kNames[static_cast<std::size_t>(posting)];
}

base::Result<std::optional<Posting>> posting_if(const json::object& arguments) {
  TRY_ASSIGN(const auto text, text_if(arguments, "posting"));
  if (!text) return std::optional<Posting>();
  for (const Posting posting : {Posting::anyone, Posting::members, Posting::domain, Posting::named}) {
    if (*text == posting_name(posting)) return std::optional(posting);
  }
  return base::fail(base::Code::invalid, "who may post is one of anyone, members, domain, named");
}

base::Result<directory::AliasChange> change_of(const json::object& arguments, const Words& words) {
  directory::AliasChange change;
  TRY_ASSIGN(change.targets, list_if(arguments, words.targets));
  TRY_ASSIGN(auto add, list_if(arguments, "add"));
  TRY_ASSIGN(auto remove, list_if(arguments, "remove"));
  if (add) change.add = *std::move(add);
  if (remove) change.remove = *std::move(remove);
  TRY_ASSIGN(change.posting, posting_if(arguments));
  TRY_ASSIGN(change.senders, list_if(arguments, "senders"));
  TRY_ASSIGN(change.send_as, flag_if(arguments, "send_as"));
  return change;
}

json::object to_json(const directory::Alias& alias, const Words& words) {
  return {{"address", alias.address},
          {words.targets, texts(alias.targets)},
          {"posting", posting_name(alias.posting)},
          {"senders", texts(alias.senders)},
          {"send_as", alias.send_as},
          {"created", base::rfc3339(alias.created)}};
}

std::string joined(const std::vector<std::string>& list) {
  std::string all;
  for (const std::string& each : list) all += (all.empty() ? "" : " ") + each;
  return all;
}

net::Task<base::Result<json::object>> add(const Api& api, json::object arguments, const Words& words) {
  CO_TRY_ASSIGN(const std::string address, text_argument(arguments, "address"));
  CO_TRY_ASSIGN(const auto targets, list_argument(arguments, words.targets));
  CO_TRY_ASSIGN(auto settings, change_of(arguments, words));
  CO_TRY(co_await api.services().directory.add_alias(address, targets, words.kind, std::move(settings)));
  api.log().info("admin.alias.added", {{"kind", words.one}, {"address", address}, {"targets", joined(targets)}});
  co_return done(std::string(words.one) + " " + address + " leads to " + count(targets.size(), "address", "addresses"));
}

net::Task<base::Result<json::object>> list(const Api& api, json::object arguments, const Words& words) {
  CO_TRY_ASSIGN(const Filter filter, filter_of(arguments));
  CO_TRY_ASSIGN(auto target, text_if(arguments, words.target));
  if (target) {
    CO_TRY_ASSIGN(target, directory::normalize_address(*target));
  }
  CO_TRY_ASSIGN(const auto aliases, co_await api.services().directory.aliases(words.kind));
  json::array rows;
  for (const directory::Alias& alias : aliases) {
    if (!filter.shows(alias.address)) continue;
    const bool leads = !target || std::ranges::any_of(alias.targets, [&](const std::string& each) {
      const auto normalized = directory::normalize_address(each);
      return normalized && *normalized == *target;
    });
    if (leads) rows.push_back(to_json(alias, words));
  }
  json::object result;
  result[words.list] = std::move(rows);
  co_return result;
}

net::Task<base::Result<json::object>> show_one(const Api& api, json::object arguments, const Words& words) {
  CO_TRY_ASSIGN(const std::string address, text_argument(arguments, "address"));
  CO_TRY_ASSIGN(const auto alias, co_await api.services().directory.alias(address, words.kind));
  co_return to_json(alias, words);
}

net::Task<base::Result<json::object>> set(const Api& api, json::object arguments, const Words& words) {
  CO_TRY_ASSIGN(const std::string address, text_argument(arguments, "address"));
  CO_TRY_ASSIGN(auto change, change_of(arguments, words));
  CO_TRY(co_await api.services().directory.set_alias(address, words.kind, std::move(change)));
  CO_TRY_ASSIGN(const auto alias, co_await api.services().directory.alias(address, words.kind));
  api.log().info("admin.alias.changed", {{"kind", words.one},
                                         {"address", alias.address},
                                         {"targets", joined(alias.targets)},
                                         {"posting", posting_name(alias.posting)}});
  co_return done(std::string(words.one) + " " + alias.address + " leads to " +
                 count(alias.targets.size(), "address", "addresses"));
}

net::Task<base::Result<json::object>> remove(const Api& api, json::object arguments, const Words& words) {
  CO_TRY_ASSIGN(const std::string address, text_argument(arguments, "address"));
  CO_TRY(co_await api.services().directory.remove_alias(address, words.kind));
  api.log().info("admin.alias.removed", {{"kind", words.one}, {"address", address}});
  co_return done(std::string(words.one) + " " + address + " is removed");
}

}  // namespace

net::Task<base::Result<json::object>> alias_add(const Api& api, json::object arguments) {
  return add(api, std::move(arguments), kAliasWords);
}
net::Task<base::Result<json::object>> alias_list(const Api& api, json::object arguments) {
  return list(api, std::move(arguments), kAliasWords);
}
net::Task<base::Result<json::object>> alias_show(const Api& api, json::object arguments) {
  return show_one(api, std::move(arguments), kAliasWords);
}
net::Task<base::Result<json::object>> alias_set(const Api& api, json::object arguments) {
  return set(api, std::move(arguments), kAliasWords);
}
net::Task<base::Result<json::object>> alias_remove(const Api& api, json::object arguments) {
  return remove(api, std::move(arguments), kAliasWords);
}
net::Task<base::Result<json::object>> group_add(const Api& api, json::object arguments) {
  return add(api, std::move(arguments), kGroupWords);
}
net::Task<base::Result<json::object>> group_list(const Api& api, json::object arguments) {
  return list(api, std::move(arguments), kGroupWords);
}
net::Task<base::Result<json::object>> group_show(const Api& api, json::object arguments) {
  return show_one(api, std::move(arguments), kGroupWords);
}
net::Task<base::Result<json::object>> group_set(const Api& api, json::object arguments) {
  return set(api, std::move(arguments), kGroupWords);
}
net::Task<base::Result<json::object>> group_remove(const Api& api, json::object arguments) {
  return remove(api, std::move(arguments), kGroupWords);
}

}  // namespace admin
