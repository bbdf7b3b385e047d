#include "store/overlay.h"

namespace store {
namespace {

/// A place in one write set.
struct Place {
  const WriteSet::Map& map;
  WriteSet::Map::const_iterator it;

  Place(const WriteSet& set, std::string_view from) : map(set.map(Space::records)), it(map.lower_bound(from)) {}
  bool within(const std::string& to) const { return it != map.end() && (to.empty() || it->first < to); }
};

class MergedCursor final : public RawCursor {
 public:
  MergedCursor(const WriteSet& own, const WriteSet& group, std::unique_ptr<RawCursor> base, std::string_view from,
               std::string to)
      : own_set_(own),
        own_version_(own.version()),
        own_(own, from),
        group_(group, from),
        base_(std::move(base)),
        to_(std::move(to)) {
    settle();
  }

  bool valid() const override { return at_ != nullptr || base_current_; }
  void next() override {
    step();
    settle();
  }
  void seek(std::string_view key) override;
  std::string_view key() const override { return at_ != nullptr ? std::string_view(at_->first) : base_->key(); }
  std::string_view value() const override {
    return at_ != nullptr ? std::string_view(at_->second.head) : base_->value();
  }
  const std::optional<base::Error>& error() const override { return base_->error(); }

 private:
  void step();
  void settle();

  const WriteSet& own_set_;
  std::uint64_t own_version_;
  Place own_;
  Place group_;
  std::unique_ptr<RawCursor> base_;
  std::string to_;
  const WriteSet::Map::value_type* at_ = nullptr;  // the current record, when it is a write
  bool base_current_ = false;                      // the current record is the engine's
};

/// Moves every layer behind the current key.
void MergedCursor::step() {
  const std::string_view current = key();
  if (own_version_ != own_set_.version()) {
    own_version_ = own_set_.version();
    own_.it = own_.map.upper_bound(current);
  } else if (own_.within(to_) && own_.it->first == current) {
    ++own_.it;
  }
  if (group_.within(to_) && group_.it->first == current) ++group_.it;
  // Last, because `current` may be the engine's.
  if (base_->valid() && base_->key() == current) base_->next();
}

/// Finds the first record that the uppermost layer with its key has not erased.
void MergedCursor::settle() {
  for (;;) {
    at_ = nullptr;
    base_current_ = false;
    if (base_->error()) return;
    if (group_.within(to_)) at_ = &*group_.it;
    if (own_.within(to_) && (at_ == nullptr || own_.it->first <= at_->first)) at_ = &*own_.it;
    if (base_->valid() && (at_ == nullptr || base_->key() < at_->first)) {
      at_ = nullptr;
      base_current_ = true;
      return;
    }
    if (at_ == nullptr || !at_->second.erased) return;
    step();
  }
}

void MergedCursor::seek(std::string_view key) {
  if (!valid() || key <= this->key()) return;
  own_version_ = own_set_.version();
  own_.it = own_.map.lower_bound(key);
  group_.it = group_.map.lower_bound(key);
  base_->seek(key);
  settle();
}

/// The greatest write in [from, to), erasures included.
const WriteSet::Map::value_type* last_write(const WriteSet& set, const std::string& from, const std::string& to) {
  const auto& map = set.map(Space::records);
  auto it = to.empty() ? map.end() : map.lower_bound(to);
  if (it == map.begin()) return nullptr;
  --it;
  return it->first < from ? nullptr : &*it;
}

}  // namespace

std::unique_ptr<RawCursor> merged_cursor(const WriteSet& own, const WriteSet& group, const Snapshot& snapshot,
                                         std::string from, std::string to) {
  auto base = snapshot.cursor(Space::records, from, to);
  return std::make_unique<MergedCursor>(own, group, std::move(base), from, std::move(to));
}

base::Result<std::optional<std::pair<std::string, std::string>>> merged_last(const WriteSet& own, const WriteSet& group,
                                                                             const Snapshot& snapshot, std::string from,
                                                                             std::string to) {
  TRY_ASSIGN(auto stored, snapshot.last(Space::records, from, to));
  for (;;) {
    const auto* write = last_write(group, from, to);
    if (const auto* mine = last_write(own, from, to); mine != nullptr && (!write || mine->first >= write->first)) {
      write = mine;
    }
    if (write == nullptr || (stored && stored->first > write->first)) return stored;
    if (!write->second.erased) return std::pair(write->first, write->second.head);
    to = write->first;
    if (to <= from) return std::nullopt;
    if (stored && stored->first == to) {
      TRY_ASSIGN(stored, snapshot.last(Space::records, from, to));
    }
  }
}

}  // namespace store
