// LIST with selection and return options, and LSUB (RFC 9051 §6.3.9, RFC 5258, RFC 3501 §6.3.9).
#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "base/text.h"
#include "imap/driver.h"
#include "imap/mailbox_lines.h"
#include "imap/metadata.h"
#include "imap/names.h"
#include "imap/places.h"

namespace imap {

namespace {

using mailstore::kHierarchySeparator;
using mailstore::Mailbox;

struct Compiled {
  std::vector<Pattern> patterns;
  bool others = false;  // they may name mailboxes of others
};

Compiled compile(const Session& session, const List& list) {
  Compiled out;
  for (const auto& pattern : list.patterns) {
    if (list.extended && pattern.empty()) continue;  // RFC 9051 §6.3.9: ignored in the extended form
    // What is no name matches nothing; RFC 9051 §6.3.9 wants no error for it.
    const auto whole = session.decode_mailbox(list.reference + pattern);
    if (!whole) continue;
    out.patterns.emplace_back(*whole);
    out.others |= may_name_others(*whole);
  }
  return out;
}

bool matches(const std::vector<Pattern>& patterns, std::string_view name) {
  return std::ranges::any_of(patterns, [&](const Pattern& pattern) { return pattern.matches(name); });
}

// Calls f with each name above `name`: "a/b/c" has "a/b" and "a".
template <class F>
void for_each_parent(std::string_view name, F f) {
  for (auto at = name.rfind(kHierarchySeparator); at != std::string_view::npos; at = name.rfind(kHierarchySeparator)) {
    name = name.substr(0, at);
    f(name);
  }
}

// What the selection options leave, and what RECURSIVEMATCH adds.
class Selection {
 public:
  Selection(const List& list, const mailstore::MailboxList& all, const std::vector<Pattern>& patterns)
      : list_(list), patterns_(patterns) {
    for (const Mailbox& mailbox : all.mailboxes) by_name_.emplace(mailbox.name, &mailbox);
    subscribed_.insert(all.subscriptions.begin(), all.subscriptions.end());
    for (const Mailbox& mailbox : all.mailboxes) consider(mailbox.name);
    if (list.select & List::kSubscribed) {
      for (const auto& name : all.subscriptions) {
        if (!by_name_.contains(name)) consider(name);
      }
    }
    if (list.select & List::kRecursiveMatch) add_parents();
  }

  const std::vector<std::string_view>& names() const { return names_; }
  const Mailbox* mailbox(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
  }
  bool subscribed(std::string_view name) const { return subscribed_.contains(name); }
  bool has_selected_child(std::string_view name) const { return parents_.contains(name); }

 private:
  bool satisfies(std::string_view name) const {
    if ((list_.select & List::kSubscribed) && !subscribed_.contains(name)) return false;
    if (list_.select & List::kSpecialUse) {
      const Mailbox* found = mailbox(name);
      if (found == nullptr || special_use(found->role).empty()) return false;
    }
    return true;
  }

  void consider(std::string_view name) {
    if (!satisfies(name)) return;
    const bool shown = matches(patterns_, name);
    if (shown) names_.push_back(name);
    if (!(list_.select & List::kRecursiveMatch)) return;
    for_each_parent(name, [&](std::string_view parent) {
      parents_.insert(parent);
      // RFC 9051 §6.3.9.6: a parent that was not asked for is only shown for the sake of children that are not.
      if (!shown) wanted_.insert(parent);
    });
  }

  void add_parents() {
    const std::set<std::string_view> shown(names_.begin(), names_.end());
    for (const auto parent : wanted_) {
      if (!shown.contains(parent) && matches(patterns_, parent)) names_.push_back(parent);
    }
  }

  const List& list_;
  const std::vector<Pattern>& patterns_;
  std::unordered_map<std::string_view, const Mailbox*> by_name_;
  std::unordered_set<std::string_view> subscribed_;
  std::vector<std::string_view> names_;
  std::set<std::string_view> parents_;  // of what satisfies the options
  std::set<std::string_view> wanted_;   // of what satisfies them and is not shown
};

std::string child_info(const List& list) {
  std::string out = "(\"CHILDINFO\" (";
  if (list.select & List::kSubscribed) out += "\"SUBSCRIBED\"";
  if (list.select & List::kSpecialUse) out += list.select & List::kSubscribed ? " \"SPECIAL-USE\"" : "\"SPECIAL-USE\"";
  return out + "))";
}

}  // namespace

net::Task<Reply> do_list(Session& session, Command& command) {
  const auto& list = std::get<List>(command.arguments);
  if (!list.extended && list.patterns[0].empty()) {
    // RFC 9051 §6.3.9: asks for the separator and the root of the reference, which is "" because nothing is rooted.
    session.line(R"(* LIST (\NoSelect) "/" "")");
    co_return completed("LIST");
  }
  const auto [patterns, others] = compile(session, list);
  const auto visible = co_await visible_mailboxes(session, others);
  if (!visible) co_return refused(visible.error());
  const auto selection = std::make_unique<Selection>(list, visible->list, patterns);
  if (list.status & kHighestModSeq) session.enable_condstore();
  const bool show_subscribed = ((list.select | list.give) & List::kSubscribed) != 0;
  const std::string children = child_info(list);
  for (const auto name : selection->names()) {
    const Mailbox* mailbox = selection->mailbox(name);
    const bool child = (list.select & List::kRecursiveMatch) && selection->has_selected_child(name);
    append_listed(session.out, name,
                  {.mailbox = mailbox,
                   .subscribed = show_subscribed && selection->subscribed(name),
                   .extended = child ? std::string_view(children) : std::string_view()},
                  session.utf8_names());
    if (session.out.size() >= kFlushBytes) co_await session.flush();
    if (mailbox == nullptr) continue;
    const Found* other = visible->other(name);
    const auto rights = other != nullptr ? other->rights : mailstore::kAllRights;
    // RFC 8440 §3; a level that is no mailbox has none.
    if ((list.give & List::kMyRights) && mailbox->id) append_rights(session, name, rights);
    // RFC 9590; of what one may not ask for nothing is said.
    if (!list.metadata.empty() && mailbox->id && may_annotate(rights)) {
      const Found found =
          other != nullptr ? *other : Found{.place = {.account = session.account()}, .mailbox = *mailbox};
      const auto entries = co_await entries_of(session, found);
      if (!entries) co_return refused(entries.error());
      append_metadata(session.out, name, session.utf8_names(), {.entries = list.metadata}, *entries);
    }
    if (list.status != 0 && mailbox->selectable && (rights & mailstore::kRead)) {
      co_await write_status(session, other != nullptr ? other->place.account : session.account(), *mailbox,
                            list.status);
    }
  }
  co_return completed("LIST");
}

net::Task<Reply> do_lsub(Session& session, Command& command) {
  const auto& list = std::get<List>(command.arguments);
  if (list.patterns[0].empty()) {
    session.line(R"(* LSUB (\NoSelect) "/" "")");
    co_return completed("LSUB");
  }
  const auto all = co_await session.services.mail.mailboxes(session.account());
  if (!all) co_return refused(all.error());
  const auto patterns = compile(session, list).patterns;
  // RFC 3501 §6.3.9: "%" shows a level above a subscribed name, marked as what cannot be selected.
  std::set<std::string_view> names;
  std::set<std::string_view> levels;
  for (const auto& name : all->subscriptions) {
    if (matches(patterns, name)) {
      names.insert(name);
    } else if (std::ranges::any_of(patterns, &Pattern::ends_with_percent)) {
      for_each_parent(name, [&](std::string_view parent) {
        if (matches(patterns, parent)) levels.insert(parent);
      });
    }
  }
  for (const auto name : names) {
    session.out += "* LSUB () \"/\" ";
    append_name(session.out, name, session.utf8_names());
    session.out += "\r\n";
    levels.erase(name);
    if (session.out.size() >= kFlushBytes) co_await session.flush();
  }
  for (const auto name : levels) {
    append_listed(session.out, name, {.keyword = "LSUB", .noselect = true}, session.utf8_names());
  }
  co_return completed("LSUB");
}

}  // namespace imap
