// APPEND and REPLACE between their literals, which the framer cuts off (RFC 9051 §6.3.12, RFC 3502, RFC 4469, RFC
// 6855 §4, RFC 8508).
#include "base/text.h"
#include "imap/command.h"

namespace imap {

namespace {

constexpr std::size_t kMaxUrls = 1000;  // of one piece

using Step = AppendPiece::Step;
using Then = AppendPiece::Then;

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

// RFC 6855 §4: "UTF8 (" before a literal8. False: something else stands there.
base::Result<bool> take_utf8(Cursor& in) {
  if (!in.word("UTF8")) return false;
  if (!in.space() || !in.take('(') || !in.done()) return syntax("UTF8 wants a literal8 in parentheses");
  return true;
}

// RFC 4469 §5: cat-parts from `in`, behind "(" or (`behind_part`) behind one, to the end of the piece or to ")", after
// which out.then is `end` still.
base::Result<void> take_parts(Cursor& in, bool behind_part, AppendPiece& out) {
  while (true) {
    if (behind_part) {
      if (in.take(')')) {
        out.steps.push_back({.kind = Step::Kind::finish, .head = {}, .url = {}});
        return {};
      }
      if (!in.space()) return syntax("A closing parenthesis is missing");
    }
    behind_part = true;
    TRY_ASSIGN(out.utf8, take_utf8(in));
    if (out.utf8) {
      out.then = Then::text;
      return {};
    }
    if (in.word("TEXT")) {
      if (!in.space() || !in.done()) return syntax("TEXT wants a literal");
      out.then = Then::text;
      return {};
    }
    if (!in.word("URL") || !in.space()) return syntax("CATENATE is made of TEXT, UTF8 and URL");
    if (in.done()) {
      out.then = Then::url;
      return {};
    }
    auto url = in.astring();
    if (!url) return syntax("The URL is malformed");
    if (out.steps.size() >= kMaxUrls) return syntax("There are more than 1000 URLs");
    out.steps.push_back({.kind = Step::Kind::url, .head = {}, .url = std::move(*url)});
  }
}

// `first`: a message must come; otherwise the command may end.
base::Result<AppendPiece> take_piece(Cursor& in, bool first, bool catenating) {
  AppendPiece out;
  bool behind_part = catenating;
  while (true) {
    if (!catenating) {
      if (!first && in.done()) return out;
      first = false;
      TRY_ASSIGN(auto head, take_head(in));
      TRY_ASSIGN(out.utf8, take_utf8(in));
      if (out.utf8 || !in.word("CATENATE")) {
        out.head = std::move(head);
        out.then = Then::message;
        return out;
      }
      if (!in.space() || !in.take('(')) return syntax("CATENATE wants a list of parts");
      out.steps.push_back({.kind = Step::Kind::catenate, .head = std::move(head), .url = {}});
    }
    TRY(take_parts(in, behind_part, out));
    if (out.then != Then::end) return out;
    catenating = behind_part = false;
  }
}

}  // namespace

base::Result<Arguments> parse_append(Cursor& in) {
  Append out;
  TRY_ASSIGN(out.name, take_mailbox(in));
  TRY_ASSIGN(out.piece, take_piece(in, /*first=*/true, /*catenating=*/false));
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
  TRY_ASSIGN(out.piece, take_piece(in, /*first=*/true, /*catenating=*/false));
  return out;
}

base::Result<AppendPiece> parse_append_piece(std::string_view text, BehindLiteral behind) {
  Cursor in(text);
  if (behind.utf8 && !in.take(')')) return syntax("A closing parenthesis is missing");
  TRY_ASSIGN(auto out, take_piece(in, /*first=*/false, behind.catenating));
  if (!in.done()) return syntax("Something stands before the message: " + base::printable(in.rest(), 40));
  return out;
}

}  // namespace imap
