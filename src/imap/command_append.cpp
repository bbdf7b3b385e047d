// APPEND and REPLACE up to the message's literal, which the framer has cut off (RFC 9051 §6.3.12, RFC 3502, RFC 8508).
#include "base/text.h"
#include "imap/command.h"

namespace imap {

namespace {

// A space, and behind it flags and date, each with a space behind it.
base::Result<MessageHead> take_head(Cursor& in) {
  MessageHead head;
  if (!in.space()) return syntax("A message is missing, which has to be a literal");
  if (in.peek() == '(') {
    TRY_ASSIGN(head.flags, parse_flags(in, false));
    if (!in.space()) return syntax("A message is missing, which has to be a literal");
  }
  if (in.peek() == '"') {
    const auto text = in.string();
    head.date = text ? mime::parse_imap_date_time(*text) : std::nullopt;
    if (!head.date) return syntax("The date and time is malformed");
    if (!in.space()) return syntax("A message is missing, which has to be a literal");
  }
  return head;
}

}  // namespace

base::Result<Arguments> parse_append(Cursor& in) {
  Append out;
  TRY_ASSIGN(out.name, take_mailbox(in));
  TRY_ASSIGN(out.head, take_head(in));
  return out;
}

base::Result<Arguments> parse_replace(Cursor& in) {
  Replace out;
  auto set = in.space() ? take_sequence_set(in) : std::nullopt;
  if (!set || set->saved || set->ranges.size() != 1 || set->ranges[0].first != set->ranges[0].last) {
    return syntax("REPLACE wants the number of one message");
  }
  out.message = std::move(*set);
  TRY_ASSIGN(out.name, take_mailbox(in));
  TRY_ASSIGN(out.head, take_head(in));
  return out;
}

base::Result<MessageHead> parse_next_head(std::string_view text) {
  Cursor in(text);
  TRY_ASSIGN(auto head, take_head(in));
  if (!in.done()) return syntax("Something stands before the message: " + base::printable(in.rest(), 40));
  return head;
}

}  // namespace imap
