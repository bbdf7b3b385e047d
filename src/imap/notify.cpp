// NOTIFY: which mailboxes are of interest, and what is told of them (RFC 5465).
#include "imap/notify.h"

#include <algorithm>
#include <unordered_map>

#include "base/text.h"
#include "imap/mailbox_lines.h"
#include "imap/names.h"

namespace imap {

namespace {

using mailstore::AccountId;
using mailstore::Changes;
using mailstore::Mailbox;
using mailstore::MailboxId;

constexpr std::size_t kMaxCaused = 1000;
constexpr std::string_view kNoAccess = "\\NoAccess";

std::string_view parent_of(std::string_view name) {
  const std::size_t at = name.rfind(mailstore::kHierarchySeparator);
  return at == std::string_view::npos ? std::string_view() : name.substr(0, at);
}

}  // namespace

/// One look at all mailboxes. The names in `list` point into `visible`.
struct Notifying::Seen {
  Visible visible;
  List list;
  std::unordered_map<std::string_view, const Mailbox*> by_name;
  std::unordered_set<std::string_view> subscribed;
  struct Group {
    MailboxMatcher matcher;
    std::uint8_t events;
    bool subscribed;  // it means what is subscribed, also what was until now
  };
  std::vector<Group> groups;

  /// §6: several groups may mean the same mailbox.
  std::uint8_t events_of(const Mailbox& mailbox, bool own) const {
    std::uint8_t events = 0;
    for (const Group& group : groups) {
      if (group.matcher.holds(mailbox, own)) events |= group.events;
    }
    return events;
  }
  bool own(std::string_view name) const {
    const auto found = by_name.find(name);
    if (found != by_name.end() && found->second->id) return visible.other(name) == nullptr;
    return !name.starts_with(kOtherUsers) && !name.starts_with(kShared);
  }
};

// --- The selected mailbox
// ---------------------------------------------------------------------------------------------

std::uint8_t Notifying::selected_events() const {
  const auto group =
      std::ranges::find_if(wanted_.groups, [](const EventGroup& each) { return each.filter.of_selected(); });
  return group == wanted_.groups.end() ? 0 : group->events;
}

bool Notifying::delays_expunge() const {
  return std::ranges::any_of(wanted_.groups, [](const EventGroup& group) {
    return group.filter.kind == MailboxFilter::Kind::selected_delayed;
  });
}

// --- What is watched
// --------------------------------------------------------------------------------------------------

bool Notifying::wants(std::uint8_t events) const {
  return std::ranges::any_of(
      wanted_.groups, [&](const EventGroup& group) { return !group.filter.of_selected() && (group.events & events); });
}

bool Notifying::names_others(const Session& session) const {
  return std::ranges::any_of(wanted_.groups, [&](const EventGroup& group) {
    return std::ranges::any_of(group.filter.names, [&](const std::string& wire) {
      const auto name = session.decode_mailbox(wire);
      return name && (*name == kOtherUsers || *name == kShared || may_name_others(*name + "/"));
    });
  });
}

Notifying::Known* Notifying::known(AccountId account, MailboxId mailbox) {
  const auto found = std::ranges::lower_bound(known_, std::pair(account, mailbox), {}, &Known::key);
  return found != known_.end() && found->key() == std::pair(account, mailbox) ? &*found : nullptr;
}

net::Task<base::Result<void>> Notifying::watch(Session& session, AccountId account) {
  Watched one{.account = account, .changed = std::make_shared<std::atomic<bool>>(false), .watch = nullptr};
  one.watch = session.services.mail.watch(account, [signal = session.signal, changed = one.changed] {
    *changed = true;
    wake(signal);
  });
  const auto now = co_await session.services.mail.changes(account, ~mailstore::ModSeq{0});
  if (!now && now.error().code != base::Code::not_found) co_return std::unexpected(now.error());
  if (now) one.seen = now->until;
  accounts_.push_back(std::move(one));
  co_return base::Result<void>();
}

// Whether there were accounts that were not watched yet.
net::Task<base::Result<bool>> Notifying::watch_all(Session& session) {
  bool more = false;
  for (const Known& each : known_) {
    if (each.events == 0) continue;
    if (std::ranges::find(accounts_, each.account, &Watched::account) != accounts_.end()) continue;
    if (accounts_.size() > kMaxNotifyAccounts) {
      co_return base::fail(base::Code::too_large, "these are mailboxes of too many people");
    }
    const auto done = co_await watch(session, each.account);
    if (!done) co_return std::unexpected(done.error());
    more = true;
  }
  co_return more;
}

net::Task<base::Result<std::unique_ptr<Notifying::Seen>>> Notifying::look(Session& session) const {
  auto visible = co_await visible_mailboxes(session, names_others(session));
  if (!visible) co_return std::unexpected(std::move(visible).error());
  auto seen = std::make_unique<Seen>();
  seen->visible = std::move(*visible);
  const auto& [mailboxes, subscriptions] = seen->visible.list;
  const DecodeName decode = [&session](std::string_view wire) { return session.decode_mailbox(wire); };
  for (const EventGroup& group : wanted_.groups) {
    if (group.filter.of_selected()) continue;
    seen->groups.push_back({.matcher = MailboxMatcher(std::span(&group.filter, 1), subscriptions, decode),
                            .events = group.events,
                            .subscribed = group.filter.kind == MailboxFilter::Kind::subscribed});
  }
  seen->subscribed.insert(subscriptions.begin(), subscriptions.end());
  for (const Mailbox& mailbox : mailboxes) {
    seen->by_name.emplace(mailbox.name, &mailbox);
    if (!mailbox.id) continue;
    const Found* other = seen->visible.other(mailbox.name);
    // §5: all events want the rights l and r.
    seen->list.push_back({.account = other != nullptr ? other->place.account : session.account(),
                          .id = mailbox.id,
                          .name = mailbox.name,
                          .prefix = other != nullptr ? other->place.prefix.size() : 0,
                          .events = seen->events_of(mailbox, other == nullptr),
                          .readable = other == nullptr || (other->rights & mailstore::kRead),
                          .selectable = mailbox.selectable,
                          .uid_validity = mailbox.uid_validity,
                          .unseen = mailbox.unseen});
  }
  // Without MailboxName names are of no interest but for what they mean.
  if (!wants(kMailboxName)) std::erase_if(seen->list, [](const Known& each) { return each.events == 0; });
  std::ranges::sort(seen->list, {}, &Known::key);
  co_return seen;
}

net::Task<base::Result<void>> Notifying::begin(Session& session) {
  if (wanted_.groups.empty()) co_return base::Result<void>();
  // The watches come first, so that no change falls between.
  auto done = co_await watch(session, session.account());
  if (!done) co_return done;
  generation_ = session.services.directory.generation();
  std::unique_ptr<Seen> seen;
  for (bool more = true; more;) {
    auto now = co_await look(session);
    if (!now) co_return std::unexpected(std::move(now).error());
    seen = std::move(*now);
    known_ = seen->list;
    const auto added = co_await watch_all(session);
    if (!added) co_return std::unexpected(added.error());
    more = *added;
  }
  for (const Known& each : known_) {
    if (each.events == 0) continue;
    const Mailbox& mailbox = *seen->by_name.at(each.name);
    if (!each.readable) {
      append_listed(session.out, each.name, {.mailbox = &mailbox, .attribute = kNoAccess}, session.utf8_names());
      continue;
    }
    const bool selected =
        session.selected && session.selected->account == each.account && session.selected->mailbox == each.id;
    if (!wanted_.status || !(each.events & kMessageEvents) || !each.selectable || selected) continue;
    std::uint16_t items = kMessages | kUidNext | kUidValidity;
    if ((each.events & kFlagChange) || session.condstore) items |= kHighestModSeq;
    co_await write_status(session, each.account, mailbox, items);
    if (session.out.size() >= kFlushBytes) co_await session.flush();
  }
  co_return base::Result<void>();
}

// --- What is told
// -----------------------------------------------------------------------------------------------------

bool Notifying::pending() const {
  return std::ranges::any_of(accounts_, [](const Watched& each) { return each.changed->load(); });
}

void Notifying::caused(std::string name) {
  if (caused_.size() < kMaxCaused) caused_.insert(std::move(name));
}

void Notifying::caused(AccountId owner, MailboxId mailbox, std::string_view entry) {
  if (caused_entries_.size() < kMaxCaused) caused_entries_.insert({owner, mailbox, base::lower(entry)});
}

net::Task<void> Notifying::tell(Session& session) {
  const auto done = pending() ? co_await tell_changes(session) : base::Result<void>();
  caused_.clear();
  caused_entries_.clear();
  if (done) co_return;
  session.log.info("imap.notify.overflow", {{"why", done.error().text}});
  session.line(says::kOverflow);
  // RFC 5465 §5.8: as if NOTIFY NONE had come.
  wanted_ = {};
  accounts_.clear();
  known_.clear();
}

net::Task<base::Result<void>> Notifying::tell_changes(Session& session) {
  const std::uint64_t generation = session.services.directory.generation();
  bool names = std::exchange(generation_, generation) != generation;
  std::vector<std::pair<AccountId, Changes>> all;
  std::vector<std::string> subscriptions;
  for (Watched& each : accounts_) {
    if (!each.changed->exchange(false)) continue;
    auto changes = co_await session.services.mail.changes(each.account, each.seen);
    if (!changes && changes.error().code == base::Code::not_found) {
      names = true;
      continue;
    }
    if (!changes) co_return std::unexpected(std::move(changes).error());
    if (!changes->known) co_return base::fail(base::Code::too_large, "more has changed than is kept");
    // Nothing of its own: somebody else has given it a mailbox.
    names |= each.seen == changes->until;
    each.seen = changes->until;
    for (const auto& mailbox : changes->mailboxes) names |= mailbox.properties || mailbox.removed;
    if (each.account == session.account()) subscriptions = changes->subscriptions;
    all.emplace_back(each.account, std::move(*changes));
  }
  if (names || !subscriptions.empty()) {
    auto done = co_await refresh(session, std::move(subscriptions));
    if (!done) co_return done;
  }
  for (const auto& [account, changes] : all) {
    for (const auto& mailbox : changes.mailboxes) {
      auto done = co_await tell_messages(session, account, mailbox);
      if (!done) co_return done;
    }
    tell_annotations(session, changes);
    if (session.out.size() >= kFlushBytes) co_await session.flush();
  }
  co_return base::Result<void>();
}

net::Task<base::Result<void>> Notifying::refresh(Session& session, std::vector<std::string> subscriptions) {
  for (bool more = true; more;) {
    const auto seen = co_await look(session);
    if (!seen) co_return std::unexpected(seen.error());
    const List was = std::exchange(known_, (*seen)->list);
    // What was told of them stays what was told.
    for (const Known& each : was) {
      if (Known* now = known(each.account, each.id)) {
        now->uid_validity = each.uid_validity;
        now->unseen = each.unseen;
      }
    }
    tell_names(session, was, **seen, std::exchange(subscriptions, {}));
    // An account that is watched from now on may have changed since the look.
    const auto added = co_await watch_all(session);
    if (!added) co_return std::unexpected(added.error());
    more = *added;
  }
  co_return base::Result<void>();
}

// RFC 5465 §5.4, §5.5, §5.9.
void Notifying::tell_names(Session& session, const List& was, const Seen& now,
                           const std::vector<std::string>& subscriptions) {
  std::set<std::string> told;
  const auto list = [&](const std::string& name, std::string_view attribute, const std::string& extended = {}) {
    if (caused_.contains(name) || !told.insert(name).second) return;
    const auto found = now.by_name.find(name);
    const bool there = found != now.by_name.end();
    append_listed(session.out, name,
                  {.mailbox = there ? found->second : nullptr,
                   .subscribed = now.subscribed.contains(name),
                   .attribute = attribute,
                   .extended = extended},
                  session.utf8_names());
  };
  // The level above one that came or went is affected as well.
  const auto list_parent = [&](std::string_view name) {
    const Mailbox parent{.name = std::string(parent_of(name))};
    if (parent.name.empty() || !(now.events_of(parent, now.own(parent.name)) & kMailboxName)) return;
    list(parent.name, {});
  };
  std::unordered_map<std::string_view, std::string_view> renamed;  // new name -> old one
  for (const Known& each : known_) {
    const auto before = std::ranges::lower_bound(was, each.key(), {}, &Known::key);
    if (before != was.end() && before->key() == each.key() && before->name != each.name) {
      renamed.emplace(each.name, before->name);
    }
  }
  for (const Known& each : known_) {
    const auto before = std::ranges::lower_bound(was, each.key(), {}, &Known::key);
    const bool old = before != was.end() && before->key() == each.key();
    const bool by_name = (each.events & kMailboxName) != 0;
    if (!each.readable) {
      if (each.events != 0 && (!old || before->readable)) list(each.name, kNoAccess);
    } else if (!old) {
      if (by_name) list(each.name, {});
      if (wants(kMailboxName)) list_parent(each.name);
    } else if (!before->readable) {
      if (each.events != 0) list(each.name, {});
    } else if (before->name != each.name && by_name) {
      // Of what was renamed with the level above it nothing is said.
      const auto above = renamed.find(parent_of(each.name));
      const bool with_parent = above != renamed.end() && parent_of(before->name) == above->second;
      if (!with_parent) list(each.name, {}, oldname(before->name, session.utf8_names()));
    }
  }
  for (const Known& each : was) {
    if (std::ranges::binary_search(known_, each.key(), {}, &Known::key)) continue;
    if (each.events & kMailboxName) {
      list(each.name, {});
    } else if (each.events != 0 && each.prefix != 0) {
      list(each.name, kNoAccess);
    }
    if (wants(kMailboxName)) list_parent(each.name);
  }
  for (const std::string& name : subscriptions) {
    const auto found = now.by_name.find(name);
    const Mailbox mailbox = found != now.by_name.end() ? *found->second : Mailbox{.name = name};
    const bool wanted = std::ranges::any_of(now.groups, [&](const Seen::Group& group) {
      return (group.events & kSubscriptionChange) && (group.subscribed || group.matcher.holds(mailbox, now.own(name)));
    });
    if (wanted) list(name, {});
  }
}

// §5.1 to §5.3: of a mailbox that is not selected.
net::Task<base::Result<void>> Notifying::tell_messages(Session& session, AccountId account,
                                                       const Changes::OfMailbox& change) {
  Known* const each = known(account, change.mailbox);
  if (each == nullptr || !each->readable || !each->selectable || !(each->events & kMessageEvents)) {
    co_return base::Result<void>();
  }
  if (session.selected && session.selected->account == account && session.selected->mailbox == change.mailbox) {
    co_return base::Result<void>();
  }
  auto mailbox = co_await session.services.mail.mailbox(account, each->name.substr(each->prefix), session.account());
  if (!mailbox && mailbox.error().code == base::Code::not_found)
    co_return base::Result<void>();  // the next look says so
  if (!mailbox) co_return std::unexpected(std::move(mailbox).error());
  mailbox->name = each->name;
  std::uint16_t items = 0;
  if (change.created || change.destroyed) items |= kMessages | kUidNext;
  if (each->events & kFlagChange) {
    if (change.updated && session.condstore) items |= kUidValidity | kHighestModSeq;
    if (mailbox->unseen != each->unseen) items |= kUidValidity | kUnseen;
    if (mailbox->uid_validity != each->uid_validity) items |= kUidValidity;
  }
  each->unseen = mailbox->unseen;
  each->uid_validity = mailbox->uid_validity;
  if (items == 0) co_return base::Result<void>();
  if (session.condstore) items |= kHighestModSeq;
  co_await write_status(session, account, *mailbox, items);
  co_return base::Result<void>();
}

// §5.6, §5.7: names without values.
void Notifying::tell_annotations(Session& session, const Changes& changes) {
  std::string_view open;
  bool begun = false;
  for (const auto& [owner, mailbox, entry] : changes.annotations) {
    std::string_view name;
    if (mailbox) {
      const Known* each = known(owner, mailbox);
      if (each == nullptr || !each->readable || !(each->events & kMailboxMetadataChange)) continue;
      name = each->name;
    } else if (!wants(kServerMetadataChange)) {
      continue;
    }
    if (caused_entries_.contains({owner, mailbox, base::lower(entry)})) continue;
    if (!begun || open != name) {
      if (begun) session.out += "\r\n";
      session.out += "* METADATA ";
      append_name(session.out, name, session.utf8_names());
      open = name;
      begun = true;
    }
    session.out += ' ';
    append_astring(session.out, entry);
  }
  if (begun) session.out += "\r\n";
}

net::Task<Reply> do_notify(Session& session, Command& command) {
  auto& arguments = std::get<Notify>(command.arguments);
  if (arguments.bad_event) co_return no(says::kBadEvent);
  // RFC 5465 §3.1: what has accumulated in the selected mailbox comes first.
  auto before = std::exchange(session.notifying, nullptr);
  co_await session.tell_news(true);
  if (session.ending) co_return no(says::kNotNow);
  auto next = std::make_unique<Notifying>(std::move(arguments));
  const auto done = co_await next->begin(session);
  if (!done) {
    session.notifying = std::move(before);
    co_return done.error().code == base::Code::too_large ? no(says::kNotifyTooMuch) : refused(done.error());
  }
  session.notifying = std::move(next);
  co_return completed("NOTIFY");
}

}  // namespace imap
