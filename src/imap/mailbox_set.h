#pragma once
// Sets of mailboxes as commands name them: "selected", "inboxes", "personal", "subscribed", "subtree", "subtree-one"
// and "mailboxes" (RFC 5465 §6, RFC 7377 §2.2). The parser is pure and bounded; what a set holds is computed from the
// account's list of mailboxes, linear in both.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "imap/lexer.h"
#include "mailstore/types.h"

namespace imap {

/// Of one list.
inline constexpr std::size_t kMaxFilterNames = 1000;

struct MailboxFilter {
  enum class Kind : std::uint8_t {
    selected,
    selected_delayed,  // RFC 5465 §6.1.2; not in a search
    inboxes,
    personal,
    subscribed,
    subtree,
    subtree_one,
    mailboxes,
  };
  Kind kind = Kind::selected;
  std::vector<std::string> names;  // of the last three, as the client wrote them

  /// RFC 5465 §6.1: it means what is selected, and nothing else.
  bool of_selected() const { return kind == Kind::selected || kind == Kind::selected_delayed; }
};

/// filter-mailboxes (RFC 5465 §8, RFC 7377 §4).
base::Result<MailboxFilter> take_mailbox_filter(Cursor& in);

/// A name as the client wrote it, to the mail store's UTF-8.
using DecodeName = std::function<base::Result<std::string>(std::string_view wire)>;

/// Filters put together: what they name, and below what. "selected" is not looked at: it means what a session has
/// selected.
class MailboxMatcher {
 public:
  MailboxMatcher(std::span<const MailboxFilter> filters, const std::vector<std::string>& subscriptions,
                 const DecodeName& decode);
  /// `own`: it is the account's, and not somebody else's that the session may see.
  bool holds(const mailstore::Mailbox& mailbox, bool own = true) const;

 private:
  bool personal_ = false;
  bool inboxes_ = false;
  std::unordered_set<std::string> names_;
  std::unordered_set<std::string> roots_;    // of subtrees
  std::unordered_set<std::string> parents_;  // of which only the children are wanted
};

/// The selectable mailboxes that any of the filters names, each once, in the order of the list. Names that are not
/// there, or are no names, name nothing.
std::vector<const mailstore::Mailbox*> find_mailboxes(const std::vector<MailboxFilter>& filters,
                                                      const mailstore::MailboxList& list, const DecodeName& decode);

}  // namespace imap
