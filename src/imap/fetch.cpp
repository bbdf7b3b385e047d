// FETCH and UID FETCH (RFC 9051 §6.4.5, RFC 2180 §4.1). What the view knows is written here; everything else comes
// from the pool in pieces, and the next piece is made while the last is being sent.
#include <algorithm>

#include "imap/driver.h"
#include "imap/fetch_batch.h"
#include "imap/message_limit.h"
#include "imap/object_id.h"
#include "imap/resync.h"
#include "net/completion.h"

namespace imap {

namespace {

constexpr std::size_t kBatch = 1000;
constexpr std::size_t kFewMessages = 16;  // whose answer is rather made as small as it is

using Runs = std::vector<Selected::Run>;

// One run of a batch on the pool.
struct Job {
  std::string text;
  base::Result<void> result;
  std::exception_ptr error;
  net::Completion<bool> done;
};

net::Task<void> run_job(mailstore::Mailstore& mail, mailstore::AccountId account, std::shared_ptr<FetchBatch> batch,
                        std::shared_ptr<Job> job) {
  try {
    job->result = co_await mail.read(account, [batch, job](mailstore::EmailReader& reader) {
      if (batch->size() > kFewMessages) job->text.reserve(kFetchBytes + kFetchBytes / 8);
      return batch->run(reader, job->text);
    });
  } catch (...) {
    job->error = std::current_exception();
  }
  job->done.set(true);
}

class Fetching {
 public:
  Fetching(Session& session, Fetch& request, Runs runs)
      : session_(session),
        request_(request),
        runs_(std::move(runs)),
        batch_(std::make_shared<FetchBatch>(request, session.selected->mailbox)) {}

  net::Task<void> mark_seen();
  net::Task<base::Result<void>> write();
  Reply reply(const Command& command) const;

 private:
  bool reads_bodies() const {
    return std::ranges::any_of(request_.bodies, [](const BodyItem& item) { return !item.peek; });
  }
  /// The next message's head in head_; nullptr at the end. Messages that are gone are passed over.
  const mailstore::Row* next();
  bool wanted(const mailstore::Row& row) const { return row.modseq > request_.changed_since.value_or(0); }
  void fill_batch();
  std::shared_ptr<Job> start();
  net::Task<void> from_view();
  net::Task<base::Result<void>> from_store();

  Session& session_;
  Fetch& request_;
  Runs runs_;
  std::size_t run_ = 0;
  std::size_t in_run_ = 0;
  bool missing_ = false;
  std::vector<mailstore::Uid> newly_seen_;
  std::string head_;
  std::shared_ptr<FetchBatch> batch_;
};

// RFC 9051 §6.4.5: a body that is read without PEEK is seen; the flags go with the response.
net::Task<void> Fetching::mark_seen() {
  const Selected& selected = *session_.selected;
  if (selected.read_only || !(selected.rights & mailstore::kKeepSeen) || !reads_bodies()) co_return;
  for (const auto& run : runs_) {
    for (std::size_t i = run.begin; i < run.end; ++i) {
      const mailstore::Row* row = selected.row(i);
      if (row != nullptr && wanted(*row) && !(row->flags & mailstore::kSeen)) newly_seen_.push_back(row->uid);
    }
  }
  if (newly_seen_.empty()) co_return;
  auto echo = std::make_unique<StoreEcho>();
  echo->uids = newly_seen_;
  echo->silent = true;
  echo->change = mailstore::FlagChange::add;
  echo->flags.system = mailstore::kSeen;
  const auto done =
      co_await session_.services.mail.store_flags(session_.selected->account, selected.mailbox, echo->uids,
                                                  echo->change, echo->flags, std::nullopt, {}, session_.account());
  // Mail can be read while nothing can be written.
  if (!done) {
    session_.log.info("imap.fetch.seen", {{"why", done.error().text}});
    newly_seen_.clear();
  }
  session_.signal->changed = true;
  co_await session_.tell_news(false, echo.get());
}

const mailstore::Row* Fetching::next() {
  const Selected& selected = *session_.selected;
  while (run_ < runs_.size()) {
    const std::size_t index = runs_[run_].begin + in_run_;
    if (index >= runs_[run_].end) {
      ++run_;
      in_run_ = 0;
      continue;
    }
    ++in_run_;
    const mailstore::Row* row = selected.row(index);
    if (row == nullptr) {
      missing_ = true;
      continue;
    }
    if (!wanted(*row)) continue;
    const bool newly_seen = std::ranges::binary_search(newly_seen_, row->uid);
    head_.clear();
    append_fetch_begin(head_, index + 1, row->uid, session_.uid_only);
    const auto item = [&](std::string_view word) {
      if (head_.back() != '(') head_ += ' ';
      head_ += word;
    };
    // RFC 7162 §3.2.4: with the flags that the FETCH has changed itself, both are told.
    const bool modseq = newly_seen && session_.condstore;
    if ((request_.items & kFetchUid) || (modseq && !session_.uid_only)) {
      item("UID ");
      append_number(head_, row->uid);
    }
    if ((request_.items & kFetchFlags) || newly_seen) {
      item("FLAGS ");
      selected.append_flags(head_, *row, session_.rev2);
    }
    if (request_.items & kFetchSize) {
      item("RFC822.SIZE ");
      append_number(head_, row->size);
    }
    if ((request_.items & kFetchModSeq) || modseq) append_modseq(head_, row->modseq);
    if (request_.items & kFetchEmailId) append_object_id(head_, "EMAILID", 'M', row->email.value);
    return row;
  }
  return nullptr;
}

net::Task<void> Fetching::from_view() {
  while (next() != nullptr) {
    session_.out += head_;
    session_.out += ")\r\n";
    if (session_.out.size() >= kFlushBytes) co_await session_.flush();
  }
}

void Fetching::fill_batch() {
  batch_->clear();
  while (batch_->size() < kBatch) {
    const mailstore::Row* row = next();
    if (row == nullptr) return;
    batch_->add(*row, head_);
  }
}

std::shared_ptr<Job> Fetching::start() {
  if (batch_->finished()) fill_batch();
  if (batch_->finished()) return nullptr;
  auto job = std::make_shared<Job>();
  net::Loop::current()->spawn(run_job(session_.services.mail, session_.selected->account, batch_, job), session_.log);
  return job;
}

net::Task<base::Result<void>> Fetching::from_store() {
  auto job = start();
  while (job) {
    co_await job->done.wait();
    if (job->error) std::rethrow_exception(job->error);
    if (!job->result && !batch_->trouble().torn) co_return job->result;
    std::string text = std::move(job->text);
    const bool torn = batch_->trouble().torn;
    job = torn ? nullptr : start();
    std::exception_ptr lost;
    try {
      if (!text.empty()) co_await session_.write(std::move(text));
    } catch (...) {
      lost = std::current_exception();
    }
    if (lost) {
      if (job) co_await job->done.wait();  // it uses what this session owns
      std::rethrow_exception(lost);
    }
    if (torn) {
      session_.log.warning("imap.fetch.torn", {{"why", "a message vanished while it was being sent"}});
      throw net::Closed(net::Closed::Why::local, "a message vanished while it was being sent");
    }
  }
  co_return base::Result<void>();
}

net::Task<base::Result<void>> Fetching::write() {
  constexpr std::uint16_t kInView = kFetchUid | kFetchFlags | kFetchSize | kFetchModSeq | kFetchEmailId;
  if ((request_.items & ~kInView) != 0 || !request_.bodies.empty()) co_return co_await from_store();
  co_await from_view();
  co_return base::Result<void>();
}

Reply Fetching::reply(const Command& command) const {
  const FetchBatch::Trouble& trouble = batch_->trouble();
  // RFC 2180 §4.1.2: what there is, and a NO.
  if (trouble.unknown_encoding) return no(says::kUnknownCte);
  if (trouble.not_leaf) return no(says::kNotLeaf);
  if (trouble.corrupt) return no(says::kCorrupt);
  // RFC 9051 §6.4.9: a UID that is no message's is no mistake.
  if ((missing_ || trouble.expunged) && !command.verb->uid()) return no(says::kExpunged);
  return completed(command.verb->name);
}

// RFC 9394 §3.3: of what the set names, the messages at these places.
Runs cut_runs(const Runs& runs, const PartialRange& partial) {
  std::size_t total = 0;
  for (const auto& run : runs) total += run.end - run.begin;
  const auto [from, until] = partial_bounds(partial, total);
  Runs out;
  std::size_t before = 0;
  for (const auto& run : runs) {
    const std::size_t size = run.end - run.begin;
    const std::size_t begin = std::clamp(from, before, before + size) - before;
    const std::size_t end = std::clamp(until, before, before + size) - before;
    if (begin < end) out.push_back({run.begin + begin, run.begin + end});
    before += size;
  }
  return out;
}

}  // namespace

net::Task<Reply> do_fetch(Session& session, Command& command) {
  auto& request = std::get<Fetch>(command.arguments);
  if (request.vanished) {
    if (!session.qresync) co_return bad(says::kNoQresync);
    if (!command.verb->uid() || !request.changed_since) co_return bad(says::kVanishedAlone);
  }
  if (request.partial && !command.verb->uid()) co_return bad(says::kPartialAlone);
  if (request.items & kFetchModSeq) session.enable_condstore();
  if (request.vanished) {
    const auto done =
        co_await write_vanished(session, wanted_uids(*session.selected, request.set), *request.changed_since);
    if (!done) co_return refused(done.error());
  }
  auto runs = session.selected->find(request.set, command.verb->uid());
  if (!runs) co_return bad(says::kBadSequence);
  std::size_t wanted = 0;
  if (request.partial) {
    runs = cut_runs(*runs, *request.partial);
    for (const auto& run : *runs) wanted += run.end - run.begin;
  }
  // RFC 9738: a page is given whole, or not at all.
  if (exceeds_limit(session, wanted)) co_return over_limit(session);
  const auto lowest = keep_highest(session, *runs);
  // RFC 9051 §6.4.9: a UID FETCH answers with the UID, asked for or not; a UIDFETCH response begins with it.
  if (command.verb->uid() && !session.uid_only) request.items |= kFetchUid;
  const auto fetching = std::make_unique<Fetching>(session, request, std::move(*runs));
  co_await fetching->mark_seen();
  if (session.ending) co_return no(says::kNotNow);
  const auto done = co_await fetching->write();
  if (!done) co_return refused(done.error());
  co_return limited(session, fetching->reply(command), lowest);
}

net::Task<base::Result<void>> write_messages(Session& session, const Fetch& items, const std::vector<Range>& uids) {
  if (uids.empty()) co_return base::Result<void>();
  const auto request = std::make_unique<Fetch>(items);
  auto runs = session.selected->find({.saved = false, .ranges = uids}, /*uids=*/true);
  const auto fetching = std::make_unique<Fetching>(session, *request, std::move(*runs));
  co_return co_await fetching->write();
}

}  // namespace imap
