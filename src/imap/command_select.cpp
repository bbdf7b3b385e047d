// SELECT and EXAMINE with their parameters (RFC 9051 §6.3.2, RFC 4466 §2.2, RFC 7162 §3.1.8, §3.2.5).
#include <algorithm>

#include "base/text.h"
#include "imap/command.h"

namespace imap {

namespace {

// A set without "*" and "$" (RFC 7162 §7: known-uids).
std::optional<SequenceSet> take_known_set(Cursor& in) {
  auto set = take_sequence_set(in);
  if (!set || set->saved) return std::nullopt;
  const bool star = std::ranges::any_of(set->ranges, [](const Range& range) {
    return range.first == SequenceSet::kStar || range.last == SequenceSet::kStar;
  });
  return star ? std::nullopt : std::move(set);
}

bool ascending(const SequenceSet& set) {
  std::uint32_t last = 0;
  for (const Range& range : set.ranges) {
    if (range.first <= last || range.last < range.first) return false;
    last = range.last;
  }
  return true;
}

base::Result<Resync> take_resync(Cursor& in) {
  Resync out;
  if (!in.space() || !in.take('(')) return syntax("QRESYNC wants a list");
  const auto validity = in.nz_number();
  if (!validity) return syntax("QRESYNC wants a UIDVALIDITY");
  out.uid_validity = *validity;
  TRY_ASSIGN(out.modseq, take_modseq(in, false));
  bool more = in.space();
  if (more && in.peek() != '(') {
    out.known = take_known_set(in);
    if (!out.known) return syntax("The set of known UIDs is malformed");
    more = in.space();
  }
  if (more) {
    auto sequence = in.take('(') ? take_known_set(in) : std::nullopt;
    auto uids = sequence && in.space() ? take_known_set(in) : std::nullopt;
    if (!uids || !in.take(')') || !ascending(*sequence) || !ascending(*uids)) {
      return syntax("The sequence match data is malformed");
    }
    out.sequence = std::move(*sequence);
    out.uids = std::move(*uids);
  }
  if (!in.take(')')) return syntax("A closing parenthesis is missing");
  return out;
}

}  // namespace

base::Result<Arguments> parse_select(Cursor& in) {
  Select out;
  TRY_ASSIGN(out.name, take_mailbox(in));
  if (!in.space()) return out;
  if (!in.take('(')) return syntax("A list of parameters was expected");
  do {
    if (in.word("CONDSTORE")) {
      out.condstore = true;
    } else if (!out.resync && in.word("QRESYNC")) {
      TRY_ASSIGN(out.resync, take_resync(in));
    } else {
      return syntax("There is no parameter " + base::printable(in.atom(), 40));
    }
  } while (in.space());
  if (!in.take(')')) return syntax("A closing parenthesis is missing");
  return out;
}

}  // namespace imap
