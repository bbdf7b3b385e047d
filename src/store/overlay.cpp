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
  MergedCursor(const Layers& layers, std::unique_ptr<RawCursor> base, std::string_view from, std::string to)
      : own_(*layers[0]),
        own_version_(own_.version()),
        places_{Place(*layers[0], from), Place(*layers[1], from), Place(*layers[2], from)},
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

  const WriteSet& own_;
  std::uint64_t own_version_;
  std::array<Place, std::tuple_size_v<Layers>> places_;
  std::unique_ptr<RawCursor> base_;
  std::string to_;
  const WriteSet::Map::value_type* at_ = nullptr;  // the current record, when it is a write
  bool base_current_ = false;                      // the current record is the engine's
};

/// Moves every layer behind the current key.
void MergedCursor::step() {
  const std::string_view current = key();
  if (own_version_ != own_.version()) {
    own_version_ = own_.version();
    places_[0].it = places_[0].map.lower_bound(current);
  }
  for (Place& place : places_) {
    if (place.within(to_) && place.it->first == current) ++place.it;
  }
  // Last, because `current` may be the engine's.
  if (base_->valid() && base_->key() == current) base_->next();
}

/// Finds the first record that the uppermost layer with its key has not erased.
void MergedCursor::settle() {
  for (;;) {
    at_ = nullptr;
    base_current_ = false;
    if (base_->error()) return;
    for (const Place& place : places_) {
      if (place.within(to_) && (at_ == nullptr || place.it->first < at_->first)) at_ = &*place.it;
    }
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
  own_version_ = own_.version();
  for (Place& place : places_) place.it = place.map.lower_bound(key);
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

std::unique_ptr<RawCursor> merged_cursor(const Layers& layers, const Snapshot& snapshot, std::string from,
                                         std::string to) {
  auto base = snapshot.cursor(Space::records, from, to);
  return std::make_unique<MergedCursor>(layers, std::move(base), from, std::move(to));
}

base::Result<std::optional<std::pair<std::string, std::string>>> merged_last(const Layers& layers,
                                                                             const Snapshot& snapshot, std::string from,
                                                                             std::string to) {
  TRY_ASSIGN(auto stored, snapshot.last(Space::records, from, to));
  for (;;) {
    const WriteSet::Map::value_type* write = nullptr;
    for (const WriteSet* layer : layers) {
      const auto* candidate = last_write(*layer, from, to);
      if (candidate != nullptr && (write == nullptr || candidate->first > write->first)) write = candidate;
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
