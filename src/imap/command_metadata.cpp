// GETMETADATA and SETMETADATA (RFC 5464 §5).
#include "base/text.h"
#include "imap/command.h"

namespace imap {

namespace {

constexpr std::size_t kMaxEntries = 100;  // of one command

// What may be asked for: an entry, or with a depth what entries stand below.
base::Result<std::string> take_entry(Cursor& in) {
  auto name = in.astring();
  if (!name || !mailstore::valid_annotation(*name + "/-/-")) return syntax("The name of an entry is malformed");
  return std::move(*name);
}

base::Result<void> take_option(Cursor& in, GetMetadata& out) {
  if (in.word("MAXSIZE")) {
    out.max_size = in.space() ? in.number() : std::nullopt;
    return out.max_size ? base::Result<void>() : syntax("MAXSIZE wants a number");
  }
  if (!in.word("DEPTH")) return syntax("There is no option " + base::printable(in.atom(), 40));
  using Depth = GetMetadata::Depth;
  constexpr std::pair<std::string_view, Depth> kDepths[] = {
      {"0", Depth::zero}, {"1", Depth::one}, {"INFINITY", Depth::infinity}};
  if (in.space()) {
    for (const auto& [word, depth] : kDepths) {
      if (!in.word(word)) continue;
      out.depth = depth;
      return {};
    }
  }
  return syntax("DEPTH is 0, 1 or infinity");
}

// A list that names no entries: these begin with "/", or are strings.
bool begins_options(const Cursor& in) {
  Cursor ahead = in;
  return ahead.take('(') && base::is_alpha(ahead.peek());
}

base::Result<void> take_options(Cursor& in, GetMetadata& out) {
  in.take('(');
  do {
    TRY(take_option(in, out));
  } while (in.space());
  return in.take(')') ? base::Result<void>() : syntax("A closing parenthesis is missing");
}

}  // namespace

base::Result<std::vector<std::string>> take_entries(Cursor& in) {
  std::vector<std::string> out;
  const bool list = in.take('(');
  do {
    TRY_ASSIGN(auto entry, take_entry(in));
    if (out.size() == kMaxEntries) return syntax("There are more than 100 entries");
    out.push_back(std::move(entry));
    // RFC 5464 §4.4.1: its examples have them without parentheses, too.
  } while (in.space());
  if (list && !in.take(')')) return syntax("A closing parenthesis is missing");
  return out;
}

// The grammar has the options before the mailbox, the examples of §4.2.1 and §4.2.2 behind it.
base::Result<Arguments> parse_getmetadata(Cursor& in) {
  GetMetadata out;
  if (!in.space()) return syntax("GETMETADATA wants a mailbox and entries");
  if (begins_options(in)) {
    TRY(take_options(in, out));
    if (!in.space()) return syntax("GETMETADATA wants a mailbox and entries");
  }
  auto name = in.astring();
  if (!name || !in.space()) return syntax("GETMETADATA wants a mailbox and entries");
  out.name = std::move(*name);
  if (begins_options(in)) {
    TRY(take_options(in, out));
    if (!in.space()) return syntax("GETMETADATA wants entries");
  }
  TRY_ASSIGN(out.entries, take_entries(in));
  return out;
}

base::Result<Arguments> parse_setmetadata(Cursor& in) {
  SetMetadata out;
  TRY_ASSIGN(out.name, take_mailbox(in));
  if (!in.space() || !in.take('(')) return syntax("SETMETADATA wants a list of entries with their values");
  do {
    auto entry = in.astring();
    if (!entry || !mailstore::valid_annotation(*entry)) return syntax("The name of an entry is malformed");
    auto value = in.space() ? in.nstring8() : std::nullopt;
    if (!value) return syntax("The value of an entry is a string or NIL");
    if (out.changes.size() == kMaxEntries) return syntax("There are more than 100 entries");
    out.changes.push_back({std::move(*entry), std::move(*value)});
  } while (in.space());
  if (!in.take(')')) return syntax("A closing parenthesis is missing");
  return out;
}

}  // namespace imap
