#include "imap/mailbox_set.h"

#include <algorithm>

#include "base/text.h"
#include "imap/command.h"
#include "mailstore/names.h"

namespace imap {

namespace {

using Kind = MailboxFilter::Kind;

constexpr std::pair<std::string_view, Kind> kWords[] = {
    {"SELECTED", Kind::selected},     {"SELECTED-DELAYED", Kind::selected_delayed},
    {"INBOXES", Kind::inboxes},       {"PERSONAL", Kind::personal},
    {"SUBSCRIBED", Kind::subscribed}, {"SUBTREE", Kind::subtree},
    {"MAILBOXES", Kind::mailboxes},   {"SUBTREE-ONE", Kind::subtree_one},
};

// one-or-more-mailbox
base::Result<void> take_names(Cursor& in, std::vector<std::string>& out) {
  if (!in.space()) return syntax("A mailbox name is missing");
  const bool list = in.take('(');
  do {
    auto name = in.astring();
    if (!name) return syntax("The mailbox name is malformed");
    if (out.size() == kMaxFilterNames) return syntax("There are more than 1000 mailbox names");
    out.push_back(std::move(*name));
  } while (list && in.space());
  if (list && !in.take(')')) return syntax("A closing parenthesis is missing");
  return {};
}

}  // namespace

base::Result<MailboxFilter> take_mailbox_filter(Cursor& in) {
  const auto word = std::ranges::find_if(kWords, [&](const auto& entry) { return in.word(entry.first); });
  if (word == std::end(kWords)) return syntax("There is no set of mailboxes " + base::printable(in.atom(), 40));
  MailboxFilter out{.kind = word->second, .names = {}};
  if (out.kind == Kind::subtree || out.kind == Kind::subtree_one || out.kind == Kind::mailboxes) {
    TRY(take_names(in, out.names));
  }
  return out;
}

MailboxMatcher::MailboxMatcher(std::span<const MailboxFilter> filters, const std::vector<std::string>& subscriptions,
                               const DecodeName& decode) {
  for (const MailboxFilter& filter : filters) {
    personal_ |= filter.kind == Kind::personal;
    inboxes_ |= filter.kind == Kind::inboxes;
    if (filter.kind == Kind::subscribed) names_.insert(subscriptions.begin(), subscriptions.end());
    for (const std::string& wire : filter.names) {
      const auto given = decode(wire);
      auto name = given ? mailstore::normalise_path(*given) : given;
      if (!name) continue;
      if (filter.kind == Kind::subtree) roots_.insert(*name);
      if (filter.kind == Kind::subtree_one) parents_.insert(*name);
      names_.insert(std::move(*name));
    }
  }
}

bool MailboxMatcher::holds(const mailstore::Mailbox& mailbox, bool own) const {
  // Deliveries go to INBOX and nowhere else (RFC 5465 §6.3).
  if (own && (personal_ || (inboxes_ && mailbox.role == mailstore::Role::inbox))) return true;
  if (names_.contains(mailbox.name)) return true;
  std::string above = mailbox.name;
  for (bool parent = true;; parent = false) {
    const std::size_t at = above.rfind(mailstore::kHierarchySeparator);
    if (at == std::string::npos) return false;
    above.resize(at);
    if (roots_.contains(above) || (parent && parents_.contains(above))) return true;
  }
}

std::vector<const mailstore::Mailbox*> find_mailboxes(const std::vector<MailboxFilter>& filters,
                                                      const mailstore::MailboxList& list, const DecodeName& decode) {
  const MailboxMatcher wanted(filters, list.subscriptions, decode);
  std::vector<const mailstore::Mailbox*> out;
  for (const mailstore::Mailbox& mailbox : list.mailboxes) {
    if (mailbox.selectable && wanted.holds(mailbox)) out.push_back(&mailbox);
  }
  return out;
}

}  // namespace imap
