// SEARCH and UID SEARCH (RFC 9051 §6.4.4, RFC 3501 §6.4.4, RFC 4731, RFC 5182). Rows are judged here in slices;
// messages that have to be read are judged on the pool in jobs of bounded work, between which a lost connection is
// noticed.
#include "imap/search.h"

#include <algorithm>

#include "base/text.h"
#include "imap/context.h"
#include "imap/message_limit.h"
#include "imap/metadata.h"
#include "imap/names.h"
#include "net/loop.h"

namespace imap {

namespace {

constexpr std::size_t kSlice = 20'000;    // rows judged without letting others work
constexpr std::size_t kOpenRows = 1'000;  // handed to the pool together
constexpr std::chrono::milliseconds kJobTime{50};

}  // namespace

// Candidates with a verdict become results, in order.
void Searching::settle() {
  for (const Candidate& candidate : candidates_) {
    if (candidate.verdict != Verdict::yes) continue;
    add_ascending(numbers_, static_cast<std::uint32_t>(candidate.index + 1));
    add_ascending(uids_, candidate.row->uid);
    if (scored_) scores_.push_back(candidate.score);
    const mailstore::ModSeq modseq = candidate.row->modseq;
    if (count_++ == 0) modseqs_.first = modseq;
    modseqs_.last = modseq;
    modseqs_.highest = std::max(modseqs_.highest, modseq);
  }
  candidates_.clear();
  open_ = 0;
}

net::Task<void> Searching::sign_of_life(std::size_t read) {
  co_await progress_.tell(looked_at_ + (count_ > 0 ? view_->size() * read / count_ : 0));
}

net::Task<base::Result<void>> Searching::judge_open() {
  auto next = std::make_shared<std::size_t>(0);
  while (*next < candidates_.size()) {
    auto done = co_await session_.services.mail.read(
        where_.account,
        [program = program_, candidates = std::span(candidates_),
         next](mailstore::EmailReader& reader) -> base::Result<void> {
          const auto until = std::chrono::steady_clock::now() + kJobTime;
          for (; *next < candidates.size() && std::chrono::steady_clock::now() < until; ++*next) {
            Candidate& candidate = candidates[*next];
            if (candidate.verdict != Verdict::open) continue;
            auto match = judge(*program, candidate.index, *candidate.row, reader);
            if (!match && match.error().code == base::Code::unavailable) return std::unexpected(match.error());
            // RFC 2180 §4.3: what is gone, or cannot be read, is not found.
            candidate.verdict = match && *match ? Verdict::yes : Verdict::no;
            if (candidate.verdict == Verdict::yes) candidate.score = static_cast<std::uint8_t>(**match);
          }
          return {};
        });
    if (!done) co_return done;
    looked_at_ =
        std::min(view_->size(), *next < candidates_.size() ? candidates_[*next].index : candidates_.back().index + 1);
    co_await sign_of_life();
  }
  co_return base::Result<void>();
}

net::Task<base::Result<void>> Searching::run(std::vector<Range> among) {
  SearchProgram::Verdicts verdicts;
  std::vector<Verdict> stack;
  std::size_t rows = 0;
  for (const Range& range : among) {
    for (std::size_t i = view_->lower_bound(range.first); i < view_->size() && view_->at(i).uid <= range.last; ++i) {
      const mailstore::Row& row = view_->at(i);
      const std::size_t index = where_.index_of_row(i);
      program_->judge_row(index, row, verdicts);
      const Verdict verdict = program_->combine(verdicts, stack);
      if (verdict != Verdict::no) candidates_.push_back({index, &row, verdict});
      if (verdict == Verdict::open) ++open_;
      if (open_ == kOpenRows) {
        auto done = co_await judge_open();
        if (!done) co_return done;
        settle();
      }
      if (++rows % kSlice == 0) {
        if (open_ == 0) {
          settle();
          looked_at_ = i + 1;
        }
        co_await net::sleep_for({});
      }
    }
  }
  if (open_ > 0) {
    auto done = co_await judge_open();
    if (!done) co_return done;
  }
  settle();
  co_return base::Result<void>();
}

namespace {

// The results that PARTIAL asks for.
std::vector<Range> cut(const Search& request, const std::vector<Range>& found, std::size_t count) {
  const auto [begin, end] = partial_bounds(request.partial, count);
  return slice(found, begin, end);
}

// RFC 4731 §3.2: with MIN, MAX or PARTIAL alone, the highest of what is shown.
mailstore::ModSeq shown_modseq(const Search& request, const Searching& searching, const mailstore::View& view) {
  const auto& modseqs = searching.modseqs();
  const std::uint16_t give = request.give;
  if (!request.extended || (give & (Search::kAll | Search::kCount))) return modseqs.highest;
  mailstore::ModSeq shown = 0;
  if (give & Search::kMin) shown = modseqs.first;
  if (give & Search::kMax) shown = std::max(shown, modseqs.last);
  if (give & Search::kPartial) {
    for (const Range& range : cut(request, searching.uids(), searching.count())) {
      for (std::size_t i = view.lower_bound(range.first); i < view.size() && view.at(i).uid <= range.last; ++i) {
        shown = std::max(shown, view.at(i).modseq);
      }
    }
  }
  return shown;
}

void append_partial(std::string& out, const Search& request, const std::vector<Range>& found, std::size_t count) {
  append_partial_begin(out, request.partial);
  const auto part = cut(request, found, count);
  if (part.empty()) {
    out += "NIL";
  } else {
    append_set(out, part);
  }
  out += ')';
}

// `modseq` 0: the search has no MODSEQ key.
net::Task<void> write_search(Session& session, const std::vector<Range>& found, mailstore::ModSeq modseq) {
  session.out += "* SEARCH";
  for (const Range& range : found) {
    for (std::uint64_t number = range.first; number <= range.last; ++number) {
      session.out += ' ';
      append_number(session.out, number);
      if (session.out.size() >= kFlushBytes) co_await session.flush();
    }
  }
  if (modseq != 0) {
    session.out += " (MODSEQ ";
    append_number(session.out, modseq);
    session.out += ')';
  }
  session.out += "\r\n";
}

}  // namespace

namespace {

// UTF-8 and its subset (RFC 9051 §6.4.4); what else there is, no client has sent for years.
bool known_charset(std::string_view charset) {
  return charset.empty() || base::iequals(charset, "UTF-8") || base::iequals(charset, "US-ASCII") ||
         base::iequals(charset, "ASCII");
}

net::Task<std::optional<Reply>> prepare(Session& session, std::string_view tag, Search& request) {
  // RFC 5466 §3.1: a filter is in UTF-8, and another charset beside it an error of the command.
  if (!known_charset(request.charset)) co_return request.filters ? bad(says::kBadCharset) : no(says::kBadCharset);
  if (reuses_tag(session, tag, request)) co_return bad(says::kTagReuse);
  if (auto refusal = co_await put_filters_in(session, request)) co_return refusal;
  if (session.uid_only && request.numbers) co_return bad(says::kUidRequired);
  co_return std::nullopt;
}

}  // namespace

net::Task<std::optional<Reply>> begin_search(Session& session, std::string_view tag, Search& request) {
  auto refusal = co_await prepare(session, tag, request);
  if (refusal) {
    // RFC 9051 §6.4.4.1: a SEARCH that was to be saved and fails leaves nothing saved.
    if (refusal->kind == Reply::Kind::no && (request.give & Search::kSave)) session.selected->saved.clear();
    co_return refusal;
  }
  if (request.modseq) session.enable_condstore();
  // RFC 7162 §3.2.10.2: what the numbers among its keys mean must not shift before the client has the answer.
  session.hold_expunge = request.numbers;
  co_return std::nullopt;
}

Correlator correlator_of(const Command& command) {
  Correlator out{.begin = "* ESEARCH (TAG ", .uids = command.verb->uid()};
  append_quoted(out.begin, command.tag);
  out.begin += out.uids ? ") UID" : ")";
  return out;
}

// RFC 9051 §6.4.4.1, table 4, and RFC 9394 §3.2: with ALL or COUNT, or nothing but SAVE, everything that was found is
// saved; else what is shown.
std::vector<Range> to_save(const Search& request, const Searching& searching) {
  constexpr std::uint16_t kSome = Search::kMin | Search::kMax | Search::kPartial;
  const std::vector<Range>& uids = searching.uids();
  const std::uint16_t give = request.give;
  if (uids.empty() || (give & (Search::kAll | Search::kCount)) || !(give & kSome)) return uids;
  SequenceSet out;
  if (give & Search::kPartial) out.ranges = cut(request, uids, searching.count());
  if (give & Search::kMin) out.ranges.push_back({uids.front().first, uids.front().first});
  if (give & Search::kMax) out.ranges.push_back({uids.back().last, uids.back().last});
  return out.resolved(0);
}

void append_esearch(std::string& out, std::string_view begin, const Search& request, const std::vector<Range>& found,
                    const Searching& searching, const mailstore::View& view) {
  const std::uint16_t give = request.extended ? request.give : std::uint16_t{Search::kAll};
  out += begin;
  const auto item = [&](std::string_view word, std::uint64_t value) {
    out += word;
    append_number(out, value);
  };
  if ((give & Search::kMin) && !found.empty()) item(" MIN ", found.front().first);
  if ((give & Search::kMax) && !found.empty()) item(" MAX ", found.back().last);
  if ((give & Search::kAll) && !found.empty()) {
    out += " ALL ";
    append_set(out, found);
  }
  if (give & Search::kCount) item(" COUNT ", searching.count());
  if (give & Search::kPartial) append_partial(out, request, found, searching.count());
  const mailstore::ModSeq modseq = request.modseq ? shown_modseq(request, searching, view) : 0;
  if (modseq != 0) item(" MODSEQ ", modseq);
  if (give & Search::kRelevancy) {
    const auto [first, last] = scored_bounds(request, searching.count());
    append_scores(out, std::span(searching.scores()).subspan(first, last - first));
  }
  out += "\r\n";
}

std::pair<std::size_t, std::size_t> scored_bounds(const Search& request, std::size_t count) {
  return request.give & Search::kPartial ? partial_bounds(request.partial, count) : std::pair(std::size_t{0}, count);
}

void append_scores(std::string& out, std::span<const std::uint8_t> scores) {
  out += " RELEVANCY (";
  for (const std::uint8_t score : scores) {
    if (out.back() != '(') out += ' ';
    append_number(out, score);
  }
  out += ')';
}

void append_partial_begin(std::string& out, const PartialRange& range) {
  const char* sign = range.from_end ? "-" : "";
  out += " PARTIAL (";
  out += sign;
  append_number(out, range.first);
  out += ':';
  out += sign;
  append_number(out, range.last);
  out += ' ';
}

net::Task<Reply> do_search(Session& session, Command& command) {
  auto& request = std::get<Search>(command.arguments);
  const bool save = (request.give & Search::kSave) != 0;
  if (session.utf8_accept && !request.charset.empty()) co_return bad(says::kCharsetTwice);  // RFC 6855 §3
  if (auto refusal = co_await begin_search(session, command.tag, request)) co_return std::move(*refusal);
  Progress progress(session, says::kStillSearching, session.selected->view()->size());
  const auto searching =
      std::make_unique<Searching>(session, *session.selected, request, progress, request.give & Search::kRelevancy);
  std::vector<Range> among = searched(*session.selected, request);
  const auto lowest = keep_highest(session, *session.selected->view(), among);
  const auto done = co_await searching->run(std::move(among));
  if (!done) {
    if (save) session.selected->saved.clear();
    co_return refused(done.error());
  }
  if (request.give & Search::kUpdate) {
    follow(session, command.tag, correlator_of(command), request, searching->uids());
  }
  if (save) session.selected->saved = to_save(request, *searching);
  const auto& found = command.verb->uid() ? searching->uids() : searching->numbers();
  if (!request.extended && !session.rev2) {
    co_await write_search(session, found, request.modseq ? searching->modseqs().highest : 0);
  } else if (!request.extended || request.shows_results()) {
    append_esearch(session.out, correlator_of(command).begin, request, found, *searching, *session.selected->view());
  }
  co_return limited(session, completed(command.verb->name), lowest);
}

}  // namespace imap
