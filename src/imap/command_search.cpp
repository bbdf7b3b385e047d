// SEARCH: its return options and its program, turned into postfix steps with an explicit stack (RFC 9051 §6.4.4).
#include <algorithm>

#include "base/text.h"
#include "imap/command.h"
#include "imap/object_id.h"
#include "imap/reply.h"

namespace imap {

namespace {

using Op = SearchStep::Op;

constexpr std::pair<std::string_view, std::uint16_t> kReturns[] = {
    {"MIN", Search::kMin},
    {"MAX", Search::kMax},
    {"ALL", Search::kAll},
    {"COUNT", Search::kCount},
    {"SAVE", Search::kSave},
    {"CONTEXT", Search::kContext},
    {"RELEVANCY", Search::kRelevancy},
};
constexpr std::size_t kMaxTags = 100;

struct FlagKey {
  std::string_view word;
  std::uint8_t bit;
  bool set;
};
constexpr FlagKey kFlagKeys[] = {
    {"ANSWERED", mailstore::kAnswered, true},  {"DELETED", mailstore::kDeleted, true},
    {"DRAFT", mailstore::kDraft, true},        {"FLAGGED", mailstore::kFlagged, true},
    {"SEEN", mailstore::kSeen, true},          {"UNANSWERED", mailstore::kAnswered, false},
    {"UNDELETED", mailstore::kDeleted, false}, {"UNDRAFT", mailstore::kDraft, false},
    {"UNFLAGGED", mailstore::kFlagged, false}, {"UNSEEN", mailstore::kSeen, false},
};
constexpr std::pair<std::string_view, Op> kDateKeys[] = {
    {"BEFORE", Op::before},
    {"ON", Op::on},
    {"SINCE", Op::since},
    {"SENTBEFORE", Op::sent_before},
    {"SENTON", Op::sent_on},
    {"SENTSINCE", Op::sent_since},
    {"SAVEDBEFORE", Op::saved_before},
    {"SAVEDON", Op::saved_on},
    {"SAVEDSINCE", Op::saved_since},
};
constexpr std::string_view kFieldKeys[] = {"BCC", "CC", "FROM", "SUBJECT", "TO"};

class ProgramParser {
 public:
  ProgramParser(Cursor& in, std::vector<SearchStep>& out) : in_(in), out_(out) {}

  base::Result<void> parse() {
    open_.push_back({Op::op_and, 0});
    do {
      TRY(take_operators());
      TRY(take_key());
      while (open_.size() > 1 && open_.back().op == Op::op_and && in_.take(')')) TRY(close());
    } while (in_.space());
    if (open_.size() > 1) return syntax("A search key or a closing parenthesis is missing");
    return emit_and(open_.back().count);
  }

 private:
  struct Open {
    Op op;                // op_and: a list; op_not, op_or: waiting for their keys
    std::uint32_t count;  // keys that it has
    bool fuzzy = false;   // only says how its one key is meant, and is no step of its own
  };

  base::Result<void> emit(SearchStep step) {
    if (out_.size() == kMaxSearchSteps) return syntax("The search has more than 1000 keys");
    step.fuzzy = fuzzy_ > 0;
    out_.push_back(std::move(step));
    return {};
  }
  base::Result<void> emit_and(std::uint32_t count) {
    if (count == 1) return {};
    return emit({.op = Op::op_and, .count = count});
  }
  base::Result<void> open(Op op, bool fuzzy = false) {
    if (open_.size() == kMaxSearchDepth) return syntax("The search is nested more than 100 deep");
    open_.push_back({op, 0, fuzzy});
    if (fuzzy) ++fuzzy_;
    return {};
  }

  // "NOT ", "OR ", "FUZZY " and "(" before a key.
  base::Result<void> take_operators() {
    while (true) {
      if (in_.take('(')) {
        TRY(open(Op::op_and));
      } else if (in_.word("NOT")) {
        if (!in_.space()) return syntax("NOT wants a search key");
        TRY(open(Op::op_not));
      } else if (in_.word("OR")) {
        if (!in_.space()) return syntax("OR wants two search keys");
        TRY(open(Op::op_or));
      } else if (in_.word("FUZZY")) {
        if (!in_.space()) return syntax("FUZZY wants a search key");
        TRY(open(Op::op_not, /*fuzzy=*/true));
      } else {
        return {};
      }
    }
  }

  // A key is complete: so may be what waits for it.
  base::Result<void> completed() {
    while (true) {
      Open& top = open_.back();
      ++top.count;
      if (top.op == Op::op_and || (top.op == Op::op_or && top.count == 1)) return {};
      if (top.fuzzy) {
        --fuzzy_;
      } else {
        TRY(emit({.op = top.op}));
      }
      open_.pop_back();
    }
  }
  base::Result<void> close() {
    const std::uint32_t count = open_.back().count;
    open_.pop_back();
    TRY(emit_and(count));
    return completed();
  }

  base::Result<void> take_key() {
    SearchStep step;
    bool negate = false;
    TRY(take_leaf(step, negate));
    TRY(emit(std::move(step)));
    if (negate) TRY(emit({.op = Op::op_not}));
    return completed();
  }

  base::Result<void> take_text(std::string& out) {
    auto text = in_.space() ? in_.astring() : std::nullopt;
    if (!text) return syntax("A search key wants a string");
    out = std::move(*text);
    return {};
  }

  base::Result<void> take_date(SearchStep& step, Op op) {
    step.op = op;
    if (!in_.space()) return syntax("A search key wants a date");
    const bool quoted = in_.take('"');
    const auto day =
        mime::parse_imap_date(in_.run([](char c) { return base::is_digit(c) || base::is_alpha(c) || c == '-'; }));
    if (!day || (quoted && !in_.take('"'))) return syntax("A date is malformed");
    step.day = *day;
    return {};
  }

  base::Result<void> take_set(SearchStep& step, Op op) {
    step.op = op;
    auto set = take_sequence_set(in_);
    if (!set) return syntax("The sequence set is malformed");
    step.set = std::move(*set);
    return {};
  }

  base::Result<void> take_uids(SearchStep& step, Range (*range)(std::uint32_t uid)) {
    step.op = Op::uid;
    const auto uid = in_.space() ? in_.nz_number() : std::nullopt;
    if (!uid) return syntax("A search key wants a UID");
    const Range uids = range(*uid);
    if (uids.first != 0 && uids.first <= uids.last) step.set.ranges.push_back(uids);
    return {};
  }

  base::Result<void> take_leaf(SearchStep& step, bool& negate) {
    const char c = in_.peek();
    if (base::is_digit(c) || c == '*' || c == '$') return take_set(step, Op::sequence);
    for (const FlagKey& key : kFlagKeys) {
      if (in_.word(key.word)) {
        step.op = Op::flag;
        step.bits = key.bit;
        negate = !key.set;
        return {};
      }
    }
    for (const auto& [word, op] : kDateKeys) {
      if (in_.word(word)) return take_date(step, op);
    }
    for (const auto word : kFieldKeys) {
      if (in_.word(word)) {
        step.op = Op::header;
        step.field = word;
        return take_text(step.text);
      }
    }
    return take_other(step, negate);
  }

  base::Result<void> take_other(SearchStep& step, bool& negate) {
    // RFC 8514 §4.3: every mailbox here knows when its messages came.
    if (in_.word("ALL") || in_.word("SAVEDATESUPPORTED")) return {};
    if (in_.word("UID")) {
      if (!in_.space()) return syntax("UID wants a sequence set");
      return take_set(step, Op::uid);
    }
    for (const auto& [word, op] : {std::pair("BODY", Op::body), std::pair("TEXT", Op::text)}) {
      if (in_.word(word)) {
        step.op = op;
        return take_text(step.text);
      }
    }
    if (in_.word("HEADER")) {
      step.op = Op::header;
      TRY(take_text(step.field));
      return take_text(step.text);
    }
    for (const auto& [word, op] : {std::pair("LARGER", Op::larger), std::pair("SMALLER", Op::smaller)}) {
      if (!in_.word(word)) continue;
      step.op = op;
      const auto number = in_.space() ? in_.number64() : std::nullopt;
      if (!number) return syntax("A search key wants a size");
      step.number = *number;
      return {};
    }
    if (in_.word("MODSEQ")) return take_modseq_key(step);
    for (const auto& [word, op] : {std::pair("OLDER", Op::older), std::pair("YOUNGER", Op::younger)}) {
      if (!in_.word(word)) continue;
      step.op = op;
      const auto seconds = in_.space() ? in_.nz_number() : std::nullopt;
      if (!seconds) return syntax("A search key wants a number of seconds");
      step.number = *seconds;
      return {};
    }
    if (in_.word("EMAILID")) return take_object_id(step, Op::email_id, 'M');
    if (in_.word("THREADID")) return take_object_id(step, Op::thread_id, 'T');
    // RFC 9738: UIDs above one, and below one.
    if (in_.word("UIDAFTER")) return take_uids(step, [](std::uint32_t uid) { return Range{uid + 1, UINT32_MAX}; });
    if (in_.word("UIDBEFORE")) return take_uids(step, [](std::uint32_t uid) { return Range{1, uid - 1}; });
    if (in_.word("FILTER")) {
      step.op = Op::filter;
      if (in_.space()) step.text = in_.run([](char c) { return is_atom_char(c) && c != '/'; });
      return step.text.empty() ? syntax("FILTER wants the name of a filter") : base::Result<void>();
    }
    negate = in_.word("UNKEYWORD");
    if (negate || in_.word("KEYWORD")) {
      step.op = Op::keyword;
      if (in_.space()) step.text = in_.atom();
      return step.text.empty() ? syntax("A search key wants a keyword") : base::Result<void>();
    }
    return take_recent(step, negate);
  }

  base::Result<void> take_object_id(SearchStep& step, Op op, char kind) {
    step.op = op;
    const auto text =
        in_.space() ? in_.run([](char c) { return base::is_digit(c) || base::is_alpha(c) || c == '-' || c == '_'; })
                    : std::string_view();
    if (text.empty() || text.size() > 255) return syntax("A search key wants an object id");
    step.number = parse_object_id(text, kind);
    return {};
  }

  // RFC 7162 §3.1.5: a server with one mod-sequence for a message ignores the entry's name and type.
  base::Result<void> take_modseq_key(SearchStep& step) {
    step.op = Op::modseq;
    Cursor behind = in_;
    if (behind.space() && behind.peek() == '"') {
      const auto entry = behind.string();
      if (!entry || !base::istarts_with(*entry, "/flags/") || !behind.space() ||
          !(behind.word("priv") || behind.word("shared") || behind.word("all"))) {
        return syntax("MODSEQ wants an entry \"/flags/…\" and priv, shared or all");
      }
      in_ = behind;
    }
    TRY_ASSIGN(step.number, take_modseq(in_, true));
    return {};
  }

  // RFC 3501 §6.4.4: RECENT, OLD (not recent) and NEW (recent and not seen).
  base::Result<void> take_recent(SearchStep& step, bool& negate) {
    step.op = Op::recent;
    if (in_.word("RECENT")) return {};
    if (in_.word("OLD")) {
      negate = true;
      return {};
    }
    if (!in_.word("NEW")) return syntax("There is no search key " + base::printable(in_.atom(), 40));
    TRY(emit(std::move(step)));
    TRY(emit({.op = Op::flag, .bits = mailstore::kSeen}));
    TRY(emit({.op = Op::op_not}));
    step = {.op = Op::op_and, .count = 2};
    return {};
  }

  Cursor& in_;
  std::vector<SearchStep>& out_;
  std::vector<Open> open_;
  std::size_t fuzzy_ = 0;  // of open_
};

}  // namespace

base::Result<void> take_search_returns(Cursor& in, Search& out) {
  out.extended = true;
  if (!in.space() || !in.take('(')) return syntax("RETURN wants a list");
  if (!in.take(')')) {
    do {
      if (in.word("PARTIAL")) {
        // RFC 9394 §3.1: one PARTIAL, or ALL, or neither.
        if (out.give & Search::kPartial) return syntax("There is more than one PARTIAL");
        TRY_ASSIGN(out.partial, take_partial_range(in));
        out.give |= Search::kPartial;
        continue;
      }
      if (in.word("UPDATE")) {
        out.give |= Search::kUpdate;
        // RFC 5465 §7: the grammar has no space there, the example has one.
        Cursor behind = in;
        behind.space();
        if (behind.peek() != '(') continue;
        in = behind;
        auto items = std::make_shared<Fetch>();
        TRY(take_fetch_items(in, *items));
        out.items = std::move(items);
        continue;
      }
      const auto option = std::ranges::find_if(kReturns, [&](const auto& entry) { return in.word(entry.first); });
      if (option == std::end(kReturns)) return syntax("There is no return option " + base::printable(in.atom(), 40));
      out.give |= option->second;
    } while (in.space());
    if (!in.take(')')) return syntax("A closing parenthesis is missing");
  }
  if ((out.give & Search::kPartial) && (out.give & Search::kAll)) return syntax("PARTIAL and ALL exclude each other");
  // RFC 9051 §6.4.4: "RETURN ()" is ALL.
  if (out.give == 0) out.give = Search::kAll;
  return in.space() ? base::Result<void>() : syntax("A search key is missing");
}

void note_keys(Search& out) {
  out.modseq = out.fuzzy = out.filters = out.numbers = false;
  for (const SearchStep& step : out.program) {
    out.modseq |= step.op == Op::modseq;
    out.fuzzy |= step.fuzzy;
    out.filters |= step.op == Op::filter;
    out.numbers |= step.op == Op::sequence && !step.set.saved;
  }
}

base::Result<void> take_search_keys(Cursor& in, Search& out) {
  TRY(ProgramParser(in, out.program).parse());
  note_keys(out);
  // RFC 6203 §4.
  if ((out.give & Search::kRelevancy) && !out.fuzzy && !out.filters)
    return syntax(std::string(says::kRelevancyWantsFuzzy));
  return {};
}

base::Result<Arguments> parse_cancelupdate(Cursor& in) {
  Tags out;
  while (in.space()) {
    auto tag = in.string();
    if (!tag) return syntax("CANCELUPDATE wants tags as strings");
    if (out.tags.size() == kMaxTags) return syntax("There are too many tags");
    out.tags.push_back(std::move(*tag));
  }
  if (out.tags.empty()) return syntax("CANCELUPDATE wants tags as strings");
  return out;
}

namespace {

// What follows the space behind SEARCH, or behind the source options of ESEARCH.
base::Result<void> take_search(Cursor& in, Search& out) {
  if (in.word("RETURN")) TRY(take_search_returns(in, out));
  if (in.word("CHARSET")) {
    auto charset = in.space() ? in.astring() : std::nullopt;
    if (!charset || charset->empty() || !in.space()) return syntax("The charset is malformed");
    out.charset = std::move(*charset);
  }
  return take_search_keys(in, out);
}

// RFC 7377 §4: esearch-source-opts behind "IN". There are no scope options.
base::Result<std::vector<MailboxFilter>> take_sources(Cursor& in) {
  if (!in.space() || !in.take('(')) return syntax("IN wants a list of mailboxes");
  std::vector<MailboxFilter> out;
  do {
    TRY_ASSIGN(auto filter, take_mailbox_filter(in));
    if (filter.kind == MailboxFilter::Kind::selected_delayed) return syntax("SELECTED-DELAYED is not for searches");
    if (out.size() == kMaxFilterNames) return syntax("There are too many sets of mailboxes");
    out.push_back(std::move(filter));
  } while (in.space());
  if (!in.take(')')) return syntax("A closing parenthesis is missing");
  if (!in.space()) return syntax("A search key is missing");
  return out;
}

}  // namespace

base::Result<Arguments> parse_search(Cursor& in) {
  Search out;
  if (!in.space()) return syntax("A search key is missing");
  TRY(take_search(in, out));
  return out;
}

base::Result<Arguments> parse_esearch(Cursor& in) {
  MultiSearch out;
  if (!in.space()) return syntax("A search key is missing");
  if (in.word("IN")) {
    TRY_ASSIGN(out.in, take_sources(in));
  } else {
    out.in.push_back({.kind = MailboxFilter::Kind::selected, .names = {}});  // RFC 7377 §2.2
  }
  TRY(take_search(in, out.search));
  // RFC 7377 §2.2: SAVE is for the selected mailbox alone.
  const bool others =
      std::ranges::any_of(out.in, [](const auto& filter) { return filter.kind != MailboxFilter::Kind::selected; });
  if (others && (out.search.give & Search::kSave)) return syntax("SAVE is for the selected mailbox alone");
  return out;
}

}  // namespace imap
