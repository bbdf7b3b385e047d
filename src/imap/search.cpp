// SEARCH and UID SEARCH (RFC 9051 §6.4.4, RFC 3501 §6.4.4, RFC 4731, RFC 5182). Rows are judged here in slices;
// messages that have to be read are judged on the pool in jobs of bounded work, between which a lost connection is
// noticed.
#include <algorithm>

#include "base/text.h"
#include "imap/driver.h"
#include "imap/names.h"
#include "imap/search_program.h"
#include "net/loop.h"

namespace imap {

namespace {

constexpr std::size_t kSlice = 20'000;    // rows judged without letting others work
constexpr std::size_t kOpenRows = 1'000;  // handed to the pool together
constexpr std::chrono::milliseconds kJobTime{50};
constexpr std::chrono::seconds kSignOfLife{10};

struct Candidate {
  std::size_t index;
  const mailstore::Row* row;
  Verdict verdict;
};

class Searching {
 public:
  Searching(Session& session, const Search& request)
      : session_(session),
        view_(session.selected->view()),
        program_(std::make_shared<const SearchProgram>(request.program, *session.selected)),
        heard_(session.services.clock.steady()) {}

  net::Task<base::Result<void>> run();
  const std::vector<Range>& numbers() const { return numbers_; }  // sequence numbers
  const std::vector<Range>& uids() const { return uids_; }
  std::size_t count() const { return count_; }

 private:
  net::Task<base::Result<void>> judge_open();
  net::Task<void> sign_of_life();
  void settle();

  Session& session_;
  std::shared_ptr<const mailstore::View> view_;  // keeps the rows of the candidates
  std::shared_ptr<const SearchProgram> program_;
  std::vector<Candidate> candidates_;  // ascending; yes, or open
  std::size_t open_ = 0;
  std::vector<Range> numbers_;
  std::vector<Range> uids_;
  std::size_t count_ = 0;
  base::SteadyTime heard_;
};

// Candidates with a verdict become results, in order.
void Searching::settle() {
  for (const Candidate& candidate : candidates_) {
    if (candidate.verdict != Verdict::yes) continue;
    add_ascending(numbers_, static_cast<std::uint32_t>(candidate.index + 1));
    add_ascending(uids_, candidate.row->uid);
    ++count_;
  }
  candidates_.clear();
  open_ = 0;
}

net::Task<void> Searching::sign_of_life() {
  const auto now = session_.services.clock.steady();
  if (now - heard_ < kSignOfLife) co_return;
  heard_ = now;
  session_.line(says::kStillSearching);  // throws when the client is gone, which ends the search
  co_await session_.flush();
}

net::Task<base::Result<void>> Searching::judge_open() {
  auto next = std::make_shared<std::size_t>(0);
  while (*next < candidates_.size()) {
    auto done = co_await session_.services.mail.read(
        session_.account(),
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
          }
          return {};
        });
    if (!done) co_return done;
    co_await sign_of_life();
  }
  co_return base::Result<void>();
}

net::Task<base::Result<void>> Searching::run() {
  const Selected& selected = *session_.selected;
  SearchProgram::Verdicts verdicts;
  std::vector<Verdict> stack;
  for (std::size_t i = 0; i < view_->size(); ++i) {
    const mailstore::Row& row = view_->at(i);
    const std::size_t index = selected.index_of_row(i);
    program_->judge_row(index, row, verdicts);
    const Verdict verdict = program_->combine(verdicts, stack);
    if (verdict != Verdict::no) candidates_.push_back({index, &row, verdict});
    if (verdict == Verdict::open) ++open_;
    if (open_ == kOpenRows) {
      auto done = co_await judge_open();
      if (!done) co_return done;
      settle();
    }
    if ((i + 1) % kSlice == 0) {
      if (open_ == 0) settle();
      co_await net::sleep_for({});
    }
  }
  if (open_ > 0) {
    auto done = co_await judge_open();
    if (!done) co_return done;
  }
  settle();
  co_return base::Result<void>();
}

// RFC 9051 §6.4.4.1, table 4: with MIN or MAX alone only those are saved.
std::vector<Range> to_save(const std::vector<Range>& uids, std::uint8_t give) {
  if (uids.empty() || (give & (Search::kAll | Search::kCount)) || !(give & (Search::kMin | Search::kMax))) return uids;
  std::vector<Range> out;
  if (give & Search::kMin) out.push_back({uids.front().first, uids.front().first});
  if ((give & Search::kMax) && (out.empty() || out.back().last != uids.back().last)) {
    out.push_back({uids.back().last, uids.back().last});
  }
  return out;
}

void append_esearch(std::string& out, const Command& command, std::uint8_t give, const std::vector<Range>& found,
                    std::size_t count) {
  out += "* ESEARCH (TAG ";
  append_quoted(out, command.tag);
  out += ')';
  if (command.verb->uid()) out += " UID";
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
  if (give & Search::kCount) item(" COUNT ", count);
  out += "\r\n";
}

net::Task<void> write_search(Session& session, const std::vector<Range>& found) {
  session.out += "* SEARCH";
  for (const Range& range : found) {
    for (std::uint64_t number = range.first; number <= range.last; ++number) {
      session.out += ' ';
      append_number(session.out, number);
      if (session.out.size() >= kFlushBytes) co_await session.flush();
    }
  }
  session.out += "\r\n";
}

// RFC 9051 §6.4.4: UTF-8 and its subset; what else there is, no client has sent for years.
bool known_charset(std::string_view charset) {
  return charset.empty() || base::iequals(charset, "UTF-8") || base::iequals(charset, "US-ASCII") ||
         base::iequals(charset, "ASCII");
}

}  // namespace

net::Task<Reply> do_search(Session& session, Command& command) {
  const auto& request = std::get<Search>(command.arguments);
  const bool save = (request.give & Search::kSave) != 0;
  // RFC 9051 §6.4.4.1: a SEARCH that was to be saved and fails leaves nothing saved.
  if (!known_charset(request.charset)) {
    if (save) session.selected->saved.clear();
    co_return no(says::kBadCharset);
  }
  const auto searching = std::make_unique<Searching>(session, request);
  const auto done = co_await searching->run();
  if (!done) {
    if (save) session.selected->saved.clear();
    co_return refused(done.error());
  }
  if (save) session.selected->saved = to_save(searching->uids(), request.give);
  const auto& found = command.verb->uid() ? searching->uids() : searching->numbers();
  if (!request.extended && !session.rev2) {
    co_await write_search(session, found);
  } else if (request.give != Search::kSave) {
    const std::uint8_t give = request.extended ? request.give : std::uint8_t{Search::kAll};
    append_esearch(session.out, command, give, found, searching->count());
  }
  co_return completed(command.verb->name);
}

}  // namespace imap
