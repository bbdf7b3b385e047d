#include "mailstore/rows.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace mailstore {

const Row& Rows::at(std::size_t index) const {
  ENSURE(index < size());
  // Sessions walk in order, so it is nearly always the chunk of the last call or the next one. The hint is shared by
  // the threads that use this view; it only costs time when they disagree.
  std::size_t chunk = hint_.load(std::memory_order_relaxed);
  if (chunk >= chunks_.size() || index < starts_[chunk] || index >= starts_[chunk + 1]) {
    if (chunk + 1 < chunks_.size() && index >= starts_[chunk + 1] && index < starts_[chunk + 2]) {
      ++chunk;
    } else {
      chunk = static_cast<std::size_t>(std::ranges::upper_bound(starts_, index) - starts_.begin()) - 1;
    }
    hint_.store(static_cast<std::uint32_t>(chunk), std::memory_order_relaxed);
  }
  return (*chunks_[chunk])[index - starts_[chunk]];
}

std::size_t Rows::lower_bound(Uid uid) const {
  const auto chunk =
      std::ranges::lower_bound(chunks_, uid, {}, [](const auto& candidate) { return candidate->back().uid; });
  if (chunk == chunks_.end()) return size();
  const auto row = std::ranges::lower_bound(**chunk, uid, {}, &Row::uid);
  return starts_[static_cast<std::size_t>(chunk - chunks_.begin())] + static_cast<std::size_t>(row - (*chunk)->begin());
}

const std::vector<std::string>& Rows::keyword_set(std::uint16_t number) const {
  ENSURE(number < sets_->sets.size());
  return *sets_->sets[number];
}

RowsBuilder::RowsBuilder(MailboxId mailbox, const schema::MailboxRecord& record, const Rows* base)
    : rows_(new Rows), base_(base) {
  rows_->mailbox_ = mailbox;
  rows_->uid_validity_ = record.uid_validity();
  rows_->uid_next_ = record.uid_next();
  rows_->highest_modseq_ = std::max<ModSeq>(1, record.highest_modseq());
  rows_->access_key_modseq_ = record.access_key_modseq();
  if (base != nullptr && base->sets_->names.size() == static_cast<std::size_t>(record.keywords_size())) {
    rows_->sets_ = base->sets_;
    return;
  }
  sets_ = base != nullptr ? std::make_shared<KeywordSets>(*base->sets_) : std::make_shared<KeywordSets>();
  sets_->names.assign(record.keywords().begin(), record.keywords().end());
  if (sets_->sets.empty()) {
    sets_->sets.push_back(std::make_shared<const std::vector<std::string>>());
    sets_->numbers.emplace("", 0);
  }
}

std::uint16_t RowsBuilder::set_number(const std::string& numbers) {
  if (numbers.empty()) return 0;
  const KeywordSets& known = sets_ ? *sets_ : *rows_->sets_;
  if (const auto found = known.numbers.find(numbers); found != known.numbers.end()) return found->second;
  if (known.sets.size() > std::numeric_limits<std::uint16_t>::max()) {
    overflowed_ = true;
    return 0;
  }
  if (!sets_) sets_ = std::make_shared<KeywordSets>(*rows_->sets_);
  std::vector<std::string> names;
  for (const char number : numbers) {
    const auto at = static_cast<unsigned char>(number);
    if (at < sets_->names.size()) names.push_back(sets_->names[at]);
  }
  const auto number = static_cast<std::uint16_t>(sets_->sets.size());
  sets_->sets.push_back(std::make_shared<const std::vector<std::string>>(std::move(names)));
  sets_->numbers.emplace(numbers, number);
  return number;
}

Row RowsBuilder::row(Uid uid, const schema::PlacementRecord& placement) {
  return {.uid = uid,
          .size = static_cast<std::uint32_t>(
              std::min<std::uint64_t>(placement.size(), std::numeric_limits<std::uint32_t>::max())),
          .email = EmailId{placement.email()},
          .modseq = placement.modseq(),
          .keywords = set_number(placement.keywords()),
          .flags = static_cast<std::uint8_t>(placement.flags() & kAllFlags)};
}

void RowsBuilder::append(const Row& row) {
  open_.push_back(row);
  if (open_.size() < kChunkRows) return;
  flush();
  open_.reserve(kChunkRows);  // where one was filled, so will be the next
}

void RowsBuilder::flush() {
  if (open_.empty()) return;
  open_.shrink_to_fit();  // most mailboxes are small, and their views are kept
  rows_->chunks_.push_back(std::make_shared<const Rows::Chunk>(std::move(open_)));
  open_ = {};
}

void RowsBuilder::merge(const Rows::Chunk& chunk, std::span<const Row> changes) {
  auto change = changes.begin();
  const auto take = [&] {
    if (change->email) append(*change);
    ++change;
  };
  for (const Row& row : chunk) {
    while (change != changes.end() && change->uid < row.uid) take();
    if (change != changes.end() && change->uid == row.uid) {
      take();
    } else {
      append(row);
    }
  }
  while (change != changes.end()) take();
  flush();
}

void RowsBuilder::amend(std::span<const Row> changes) {
  ENSURE(base_ != nullptr);
  static const Rows::Chunk kEmpty;
  const auto& chunks = base_->chunks_;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    // A chunk answers for the UIDs up to the next one's first; the last chunk for all that follow.
    const bool last = i + 1 == chunks.size();
    auto end = last ? changes.end() : std::ranges::lower_bound(changes, chunks[i + 1]->front().uid, {}, &Row::uid);
    const std::span<const Row> own(changes.begin(), end);
    // A full last chunk stays as it is when messages are only appended.
    const bool only_new =
        last && chunks[i]->size() == kChunkRows && !own.empty() && own.front().uid > chunks[i]->back().uid;
    if (own.empty() || only_new) {
      rows_->chunks_.push_back(chunks[i]);
      if (only_new) merge(kEmpty, own);
    } else {
      merge(*chunks[i], own);
    }
    changes = changes.subspan(own.size());
  }
  if (!changes.empty()) merge(kEmpty, changes);
}

std::shared_ptr<const Rows> RowsBuilder::build() {
  flush();
  std::size_t total = 0;
  for (const auto& chunk : rows_->chunks_) total += chunk->size();
  // Expunging thins chunks out. When most of the room is empty they are packed again, which is rare enough to be cheap.
  if (rows_->chunks_.size() > 8 + 4 * (total / kChunkRows)) {
    auto old = std::exchange(rows_->chunks_, {});
    for (const auto& chunk : old) {
      for (const Row& row : *chunk) append(row);
    }
    flush();
  }
  rows_->starts_.assign(1, 0);
  for (const auto& chunk : rows_->chunks_) rows_->starts_.push_back(rows_->starts_.back() + chunk->size());
  if (sets_) rows_->sets_ = std::move(sets_);
  return std::move(rows_);
}

namespace {

/// Walks a view row by row, and over whole chunks that two views share.
class Walk {
 public:
  explicit Walk(const View& view) : view_(view), rows_(dynamic_cast<const Rows*>(&view)) {}

  bool done() const { return position_ == view_.size(); }
  const Row& row() const { return rows_ ? (*rows_->chunks()[chunk_])[in_chunk_] : view_.at(position_); }
  std::uint32_t position() const { return static_cast<std::uint32_t>(position_); }
  std::size_t left() const { return view_.size() - position_; }
  void next() {
    ++position_;
    if (rows_ && ++in_chunk_ == rows_->chunks()[chunk_]->size()) {
      ++chunk_;
      in_chunk_ = 0;
    }
  }
  /// Both at the start of a chunk that they share: both behind it.
  static bool skip_shared(Walk& a, Walk& b) {
    if (!a.rows_ || !b.rows_ || a.in_chunk_ != 0 || b.in_chunk_ != 0) return false;
    const auto& chunk = a.rows_->chunks()[a.chunk_];
    if (chunk != b.rows_->chunks()[b.chunk_]) return false;
    for (Walk* walk : {&a, &b}) {
      ++walk->chunk_;
      walk->position_ += chunk->size();
    }
    return true;
  }

 private:
  const View& view_;
  const Rows* rows_;
  std::size_t position_ = 0;
  std::size_t chunk_ = 0;
  std::size_t in_chunk_ = 0;
};

}  // namespace

Difference compare(const View& older, const View& newer) {
  ENSURE(older.mailbox() == newer.mailbox() && older.uid_validity() == newer.uid_validity());
  Difference out;
  if (&older == &newer) return out;
  Walk old_walk(older);
  Walk new_walk(newer);
  while (!old_walk.done() && !new_walk.done()) {
    if (Walk::skip_shared(old_walk, new_walk)) continue;
    const Row& was = old_walk.row();
    const Row& is = new_walk.row();
    ENSURE(is.uid >= was.uid);  // nothing ever appears between older messages
    if (is.uid > was.uid) {
      out.expunged.push_back(old_walk.position());
      old_walk.next();
      continue;
    }
    if (is.modseq != was.modseq) out.changed.push_back(is.uid);
    old_walk.next();
    new_walk.next();
  }
  for (; !old_walk.done(); old_walk.next()) out.expunged.push_back(old_walk.position());
  out.appended = static_cast<std::uint32_t>(new_walk.left());
  return out;
}

}  // namespace mailstore
