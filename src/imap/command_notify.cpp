// NOTIFY (RFC 5465 §8).
#include <algorithm>

#include "base/text.h"
#include "imap/command.h"

namespace imap {

namespace {

constexpr std::size_t kMaxGroups = 20;

constexpr std::pair<std::string_view, std::uint8_t> kEvents[] = {
    {"MessageNew", kMessageNew},
    {"MessageExpunge", kMessageExpunge},
    {"FlagChange", kFlagChange},
    {"MailboxName", kMailboxName},
    {"SubscriptionChange", kSubscriptionChange},
    {"MailboxMetadataChange", kMailboxMetadataChange},
    {"ServerMetadataChange", kServerMetadataChange},
};

base::Result<void> take_event(Cursor& in, Notify& out, EventGroup& group) {
  const auto event = std::ranges::find_if(kEvents, [&](const auto& entry) { return in.word(entry.first); });
  if (event != std::end(kEvents)) {
    group.events |= event->second;
    Cursor behind = in;
    if (event->second != kMessageNew || !behind.space() || behind.peek() != '(') return {};
    // §8, message-event: only of what is selected.
    if (!group.filter.of_selected()) return syntax("Data items are for the selected mailbox");
    in = behind;
    return take_fetch_items(in, out.items.emplace());
  }
  // §3.1: what is not had is refused by NO, with those that are.
  const bool annotation = in.word("AnnotationChange");
  if (!annotation && in.atom().empty()) return syntax("The name of an event is malformed");
  out.bad_event = true;
  group.annotations |= annotation;
  return {};
}

// The grammar has the events in parentheses, the example of §3.1 has them without.
base::Result<void> take_events(Cursor& in, Notify& out, EventGroup& group) {
  if (in.word("NONE")) return {};
  const bool list = in.take('(');
  do {
    TRY(take_event(in, out, group));
  } while (in.space());
  return !list || in.take(')') ? base::Result<void>() : syntax("A closing parenthesis is missing");
}

// §5.
base::Result<void> check_events(const EventGroup& group) {
  constexpr std::uint8_t kPair = kMessageNew | kMessageExpunge;
  const std::uint8_t pair = group.events & kPair;
  if (pair != 0 && pair != kPair) return syntax("MessageNew and MessageExpunge go together");
  if (((group.events & kFlagChange) || group.annotations) && pair == 0) {
    return syntax("FlagChange and AnnotationChange want MessageNew and MessageExpunge beside them");
  }
  if (group.filter.of_selected() && (group.events & ~kMessageEvents)) {
    return syntax("Of the selected mailbox there are events of messages alone");
  }
  return {};
}

base::Result<EventGroup> take_group(Cursor& in, Notify& out) {
  EventGroup group;
  if (!in.take('(')) return syntax("A group of events is a list");
  TRY_ASSIGN(group.filter, take_mailbox_filter(in));
  if (group.filter.kind == MailboxFilter::Kind::subtree_one) return syntax("SUBTREE-ONE is for searches");
  if (!in.space()) return syntax("Events are missing");
  TRY(take_events(in, out, group));
  if (!in.take(')')) return syntax("A closing parenthesis is missing");
  TRY(check_events(group));
  return group;
}

}  // namespace

base::Result<Arguments> parse_notify(Cursor& in) {
  Notify out;
  if (!in.space()) return syntax("NOTIFY wants SET or NONE");
  if (in.word("NONE")) return out;
  if (!in.word("SET") || !in.space()) return syntax("NOTIFY wants SET and groups of events, or NONE");
  if (in.word("STATUS")) {
    out.status = true;
    if (!in.space()) return syntax("Groups of events are missing");
  }
  bool selected = false;
  do {
    TRY_ASSIGN(auto group, take_group(in, out));
    if (group.filter.of_selected() && std::exchange(selected, true))
      return syntax("The selected mailbox is named twice");
    if (out.groups.size() == kMaxGroups) return syntax("There are more than 20 groups of events");
    out.groups.push_back(std::move(group));
  } while (in.space());
  return out;
}

}  // namespace imap
