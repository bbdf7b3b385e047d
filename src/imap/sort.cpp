// SORT, UID SORT, THREAD and UID THREAD (RFC 5256, RFC 5267 §4, RFC 5957): a search, then on the pool what its results
// are ordered by.
#include <algorithm>
#include <atomic>

#include "base/text.h"
#include "imap/context.h"
#include "imap/driver.h"
#include "imap/envelope.h"
#include "imap/message_limit.h"
#include "imap/search.h"
#include "imap/sort_keys.h"
#include "imap/thread.h"

namespace imap {

namespace {

constexpr std::size_t kMaxResults = 250'000;  // whose keys are held in memory
constexpr std::chrono::milliseconds kJobTime{50};

using Reader = mailstore::EmailReader;

struct Found {
  std::uint32_t number = 0;
  const mailstore::Row* row = nullptr;
  std::uint8_t score = 100;
  bool readable = true;  // RFC 2180 §4.3: what is gone, or cannot be read, is not found
  SortValues values;
};

/// Shared with the jobs on the pool; nobody else looks at it meanwhile.
struct Results {
  std::shared_ptr<const mailstore::View> view;
  std::vector<Found> found;
  std::size_t next = 0;
  std::vector<ThreadMessage> messages;
  std::string text;
};

base::Result<void> read_thread(Reader& reader, bool references, const Found& found, std::vector<ThreadMessage>& out) {
  TRY_ASSIGN(const auto email, reader.email(found.row->email));
  const Envelope envelope = parse_envelope(email.envelope).value_or(Envelope{});
  ThreadMessage message{.number = found.number,
                        .date = sent_date(envelope, email),
                        .subject = base_subject(envelope.subject.value_or("")),
                        .references = {}};
  if (references) {
    TRY_ASSIGN(const auto structure, reader.structure(found.row->email));
    if (!structure.envelopes.empty()) {
      const mime::EnvelopeFields& fields = structure.envelopes.front();
      const auto own = message_ids(fields.message_id);
      if (!own.empty()) message.id = own.front();
      message.references = message_ids(fields.references);
      // RFC 5256: the first of In-Reply-To where References has none.
      if (message.references.empty()) {
        message.references = message_ids(fields.in_reply_to);
        if (!message.references.empty()) message.references.resize(1);
      }
    }
  }
  out.push_back(std::move(message));
  return {};
}

// Every message is looked at, and every result read.
std::uint64_t work_of_sorting(const Session& session) { return 2 * session.selected->view()->size(); }

/// Calls `take` on the pool for each of the results, in jobs between which others work and a lost connection is
/// noticed.
template <class Take>
net::Task<base::Result<void>> for_each_result(Session& session, Searching& searching, std::shared_ptr<Results> results,
                                              Take take) {
  while (results->next < results->found.size()) {
    const auto done = co_await session.services.mail.read(
        session.selected->account, [results, take](Reader& reader) -> base::Result<void> {
          const auto until = std::chrono::steady_clock::now() + kJobTime;
          for (; results->next < results->found.size() && std::chrono::steady_clock::now() < until; ++results->next) {
            Found& found = results->found[results->next];
            const base::Result<void> taken = take(reader, found);
            if (!taken && taken.error().code == base::Code::unavailable) return taken;
            found.readable = taken.has_value();
          }
          return {};
        });
    if (!done) co_return done;
    co_await searching.sign_of_life(results->next);
  }
  std::erase_if(results->found, [](const Found& found) { return !found.readable; });
  co_return base::Result<void>();
}

// The search, and what it found as numbers or UIDs; or the reply that says why there is nothing.
net::Task<std::expected<std::shared_ptr<Results>, Reply>> find(Session& session, const Command& command,
                                                               Searching& searching) {
  const auto done = co_await searching.run();
  if (!done) co_return std::unexpected(refused(done.error()));
  if (searching.count() > kMaxResults) co_return std::unexpected(no(says::kManyResults));
  auto results = std::make_shared<Results>();
  results->view = session.selected->view();
  results->found.reserve(searching.count());
  for (const Range& range : searching.uids()) {
    for (std::size_t i = results->view->lower_bound(range.first); i < results->view->size(); ++i) {
      const mailstore::Row& row = results->view->at(i);
      if (row.uid > range.last) break;
      const auto number = static_cast<std::uint32_t>(session.selected->index_of_row(i) + 1);
      results->found.push_back({.number = command.verb->uid() ? row.uid : number, .row = &row, .values = {}});
      if (!searching.scores().empty()) results->found.back().score = searching.scores()[results->found.size() - 1];
    }
  }
  co_return results;
}

void sort_results(std::vector<Found>& found, const std::vector<Sort::Criterion>& criteria) {
  std::ranges::sort(found, [&](const Found& a, const Found& b) {
    const auto order = compare_sorted(criteria, a.values, b.values);
    return order != 0 ? order < 0 : a.number < b.number;
  });
}

// The results of ESEARCH in their order (RFC 5267 §4.1), neighbours joined.
void append_in_order(std::string& out, std::span<const Found> found) {
  std::vector<Range> set;
  for (const Found& one : found) add_ascending(set, one.number);
  append_set(out, set);
}

mailstore::ModSeq highest_modseq(std::span<const Found> found) {
  mailstore::ModSeq highest = 0;
  for (const Found& one : found) highest = std::max(highest, one.row->modseq);
  return highest;
}

void append_esort(std::string& out, const Command& command, const Search& request, std::span<const Found> found) {
  out += correlator_of(command).begin;
  const auto item = [&](std::string_view word, std::uint64_t value) {
    out += word;
    append_number(out, value);
  };
  mailstore::ModSeq shown = 0;
  if (!found.empty()) {
    // RFC 5267 §4.2: the first and the last of the order.
    if (request.give & Search::kMin) item(" MIN ", found.front().number);
    if (request.give & Search::kMax) item(" MAX ", found.back().number);
    if (request.give & Search::kMin) shown = std::max(shown, found.front().row->modseq);
    if (request.give & Search::kMax) shown = std::max(shown, found.back().row->modseq);
    if (request.give & Search::kAll) {
      out += " ALL ";
      append_in_order(out, found);
    }
  }
  if (request.give & Search::kCount) item(" COUNT ", found.size());
  if (request.give & Search::kPartial) {
    const auto [begin, end] = partial_bounds(request.partial, found.size());
    const auto part = found.subspan(begin, end - begin);
    append_partial_begin(out, request.partial);
    if (part.empty()) {
      out += "NIL";
    } else {
      append_in_order(out, part);
    }
    out += ')';
    shown = std::max(shown, highest_modseq(part));
  }
  if (request.give & (Search::kAll | Search::kCount)) shown = highest_modseq(found);
  if (request.modseq && shown != 0) item(" MODSEQ ", shown);
  if (request.give & Search::kRelevancy) {
    const auto [begin, end] = scored_bounds(request, found.size());
    std::vector<std::uint8_t> scores;
    for (const Found& one : found.subspan(begin, end - begin)) scores.push_back(one.score);
    append_scores(out, scores);
  }
  out += "\r\n";
}

net::Task<void> write_sort(Session& session, std::shared_ptr<const Results> results, bool modseq) {
  session.out += "* SORT";
  for (const Found& one : results->found) {
    session.out += ' ';
    append_number(session.out, one.number);
    if (session.out.size() >= kFlushBytes) co_await session.flush();
  }
  if (modseq && !results->found.empty()) {
    session.out += " (MODSEQ ";
    append_number(session.out, highest_modseq(results->found));
    session.out += ')';
  }
  session.out += "\r\n";
}

// RFC 9738: an order of some of the messages would say nothing of the others.
bool sorts_too_many(const Session& session, const Search& request) {
  return exceeds_limit(session, count_messages(*session.selected->view(), searched(*session.selected, request)));
}

}  // namespace

net::Task<Reply> do_sort(Session& session, Command& command) {
  auto& request = std::get<Sort>(command.arguments);
  if (auto refusal = co_await begin_search(session, command.tag, request.search)) co_return std::move(*refusal);
  if (sorts_too_many(session, request.search)) co_return over_limit(session);
  const bool scored = request.by_relevancy() || (request.search.give & Search::kRelevancy);
  Progress progress(session, says::kStillSearching, work_of_sorting(session));
  const auto searching = std::make_unique<Searching>(session, *session.selected, request.search, progress, scored);
  const auto found = co_await find(session, command, *searching);
  if (!found) co_return found.error();
  const std::shared_ptr<Results> results = *found;
  const auto done = co_await for_each_result(
      session, *searching, results, [&request](Reader& reader, Found& one) -> base::Result<void> {
        TRY_ASSIGN(one.values, read_sort_values(reader, request.criteria, *one.row, one.score));
        return {};
      });
  if (!done) co_return refused(done.error());
  const auto sorted = co_await session.services.mail.read(session.selected->account,
                                                          [results, &request](Reader&) -> base::Result<void> {
                                                            sort_results(results->found, request.criteria);
                                                            return {};
                                                          });
  if (!sorted) co_return refused(sorted.error());
  if (request.search.give & Search::kUpdate) {
    std::vector<mailstore::Uid> order;
    for (const Found& one : results->found) order.push_back(one.row->uid);
    follow_sorted(session, command.tag, correlator_of(command), request, std::move(order));
  }
  if (request.search.extended) {
    if (request.search.shows_results()) append_esort(session.out, command, request.search, results->found);
  } else {
    co_await write_sort(session, results, request.search.modseq);
  }
  co_return completed(command.verb->name);
}

net::Task<Reply> do_thread(Session& session, Command& command) {
  auto& request = std::get<Thread>(command.arguments);
  if (auto refusal = co_await begin_search(session, command.tag, request.search)) co_return std::move(*refusal);
  if (sorts_too_many(session, request.search)) co_return over_limit(session);
  Progress progress(session, says::kStillSearching, work_of_sorting(session));
  const auto searching = std::make_unique<Searching>(session, *session.selected, request.search, progress);
  const auto found = co_await find(session, command, *searching);
  if (!found) co_return found.error();
  const std::shared_ptr<Results> results = *found;
  const auto done =
      co_await for_each_result(session, *searching, results,
                               [results = results.get(), &request](Reader& reader, Found& one) -> base::Result<void> {
                                 return read_thread(reader, request.references, one, results->messages);
                               });
  if (!done) co_return refused(done.error());
  const auto threaded = co_await session.services.mail.read(
      session.selected->account, [results, &request](Reader&) -> base::Result<void> {
        results->text = request.references ? threads_by_references(results->messages)
                                           : threads_by_subject(std::move(results->messages));
        return {};
      });
  if (!threaded) co_return refused(threaded.error());
  session.out += results->text.empty() ? "* THREAD" : "* THREAD ";
  session.out += results->text;
  session.out += "\r\n";
  co_return completed(command.verb->name);
}

}  // namespace imap
