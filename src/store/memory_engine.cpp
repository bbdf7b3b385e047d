#include "store/memory_engine.h"

#include <limits>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <vector>

namespace store {
namespace {

using Bytes = std::shared_ptr<const std::string>;  // null: erased

struct Version {
  std::uint64_t sequence;
  Bytes value;
};
using Versions = std::vector<Version>;  // oldest first
using Map = std::map<std::string, Versions, std::less<>>;

/// The maps and what is alive in them; shared by the engine and its snapshots.
struct Tree {
  mutable std::shared_mutex mutex;
  Map maps[2];
  std::uint64_t sequence = 0;
  std::multiset<std::uint64_t> living;                  // sequences of snapshots
  std::vector<std::pair<Space, std::string>> to_prune;  // keys that had more than one version when last written

  const Map& map(Space space) const { return maps[static_cast<std::size_t>(space)]; }

  void write(const WriteSet& writes);
  void prune(Space space, const std::string& key);
  void prune_all();
};

void Tree::write(const WriteSet& writes) {
  const std::unique_lock lock(mutex);
  ++sequence;
  for (const Space space : {Space::records, Space::bodies}) {
    for (const auto& [key, entry] : writes.map(space)) {
      Bytes value;
      if (!entry.erased)
        value = std::make_shared<const std::string>(entry.tail ? entry.head + *entry.tail : entry.head);
      maps[static_cast<std::size_t>(space)][key].push_back({sequence, std::move(value)});
      prune(space, key);
    }
  }
}

/// Drops the versions that no snapshot, living or future, can see.
void Tree::prune(Space space, const std::string& key) {
  Map& entries = maps[static_cast<std::size_t>(space)];
  const auto found = entries.find(key);
  if (found == entries.end()) return;
  Versions& versions = found->second;
  const std::uint64_t oldest = living.empty() ? sequence : *living.begin();
  std::size_t keep = versions.size() - 1;
  while (keep > 0 && versions[keep].sequence > oldest) --keep;
  versions.erase(versions.begin(), versions.begin() + static_cast<std::ptrdiff_t>(keep));
  if (versions.size() > 1) {
    to_prune.emplace_back(space, key);
  } else if (!versions[0].value) {
    if (versions[0].sequence <= oldest) {
      entries.erase(found);
    } else {
      to_prune.emplace_back(space, key);
    }
  }
}

void Tree::prune_all() {
  const auto keys = std::exchange(to_prune, {});
  for (const auto& [space, key] : keys) prune(space, key);
}

class MemoryCursor final : public RawCursor {
 public:
  MemoryCursor(std::shared_ptr<const Snapshot> keep, const Tree& tree, std::uint64_t sequence, Space space,
               std::string from, std::string to)
      : keep_(std::move(keep)), tree_(tree), sequence_(sequence), space_(space), to_(std::move(to)) {
    const std::shared_lock lock(tree_.mutex);
    settle(tree_.map(space_).lower_bound(from));
  }

  bool valid() const override { return value_ != nullptr; }
  void next() override {
    const std::shared_lock lock(tree_.mutex);
    settle(tree_.map(space_).upper_bound(key_));
  }
  void seek(std::string_view key) override {
    if (!valid() || key <= key_) return;
    const std::shared_lock lock(tree_.mutex);
    settle(tree_.map(space_).lower_bound(key));
  }
  std::string_view key() const override { return key_; }
  std::string_view value() const override { return *value_; }
  const std::optional<base::Error>& error() const override { return error_; }

 private:
  /// Takes the first visible record at or behind `it`. The lock is held.
  void settle(Map::const_iterator it);

  std::shared_ptr<const Snapshot> keep_;
  const Tree& tree_;
  std::uint64_t sequence_;
  Space space_;
  std::string to_;
  std::string key_;
  Bytes value_;
  std::optional<base::Error> error_;
};

/// The value of a key as of `sequence`; null when there was none.
Bytes visible(const Versions& versions, std::uint64_t sequence) {
  for (auto it = versions.rbegin(); it != versions.rend(); ++it) {
    if (it->sequence <= sequence) return it->value;
  }
  return nullptr;
}

void MemoryCursor::settle(Map::const_iterator it) {
  const Map& entries = tree_.map(space_);
  value_ = nullptr;
  for (; it != entries.end() && (to_.empty() || it->first < to_); ++it) {
    value_ = visible(it->second, sequence_);
    if (value_) {
      key_ = it->first;
      return;
    }
  }
}

class MemorySnapshot final : public Snapshot, public std::enable_shared_from_this<MemorySnapshot> {
 public:
  explicit MemorySnapshot(std::shared_ptr<Tree> tree) : tree_(std::move(tree)) {
    const std::unique_lock lock(tree_->mutex);
    sequence_ = tree_->sequence;
    tree_->living.insert(sequence_);
  }
  ~MemorySnapshot() override {
    const std::unique_lock lock(tree_->mutex);
    tree_->living.erase(tree_->living.find(sequence_));
    tree_->prune_all();
  }
  MemorySnapshot(const MemorySnapshot&) = delete;
  MemorySnapshot& operator=(const MemorySnapshot&) = delete;

  base::Result<bool> get(Space space, std::string_view key, const Use& use) const override {
    Bytes value;
    {
      const std::shared_lock lock(tree_->mutex);
      const auto found = tree_->map(space).find(key);
      if (found != tree_->map(space).end()) value = visible(found->second, sequence_);
    }
    if (!value) return false;
    use(*value);
    return true;
  }

  std::unique_ptr<RawCursor> cursor(Space space, std::string from, std::string to) const override {
    return std::make_unique<MemoryCursor>(shared_from_this(), *tree_, sequence_, space, std::move(from), std::move(to));
  }

  base::Result<std::optional<std::pair<std::string, std::string>>> last(Space space, std::string from,
                                                                        std::string to) const override {
    const std::shared_lock lock(tree_->mutex);
    const Map& entries = tree_->map(space);
    auto it = to.empty() ? entries.end() : entries.lower_bound(to);
    while (it != entries.begin()) {
      --it;
      if (it->first < from) break;
      if (const Bytes value = visible(it->second, sequence_)) return std::pair(it->first, *value);
    }
    return std::nullopt;
  }

 private:
  std::shared_ptr<Tree> tree_;
  std::uint64_t sequence_ = 0;
};

class MemoryEngine final : public Engine {
 public:
  explicit MemoryEngine(Faults* faults) : faults_(faults) {}

  base::Result<std::shared_ptr<const Snapshot>> snapshot() const override {
    return std::make_shared<const MemorySnapshot>(tree_);
  }

  base::Result<void> commit(const WriteSet& writes, Durability durability) override {
    if (durability == Durability::synced && faults_ != nullptr) {
      if (auto synced = faults_->sync(); !synced) {
        const std::lock_guard lock(mutex_);
        failure_ = synced.error();
        return synced;
      }
    }
    tree_->write(writes);
    return {};
  }

  base::Result<void> append(const WriteSet& writes, std::uint64_t generation) override {
    const std::lock_guard lock(mutex_);
    if (failure_) return std::unexpected(*failure_);
    if (generation != generation_) return base::fail(base::Code::unavailable, "the store was reopened meanwhile");
    tree_->write(writes);
    return {};
  }

  std::uint64_t generation() const override {
    const std::lock_guard lock(mutex_);
    return generation_;
  }
  std::optional<base::Error> failure() const override {
    const std::lock_guard lock(mutex_);
    return failure_;
  }
  void on_failure(std::function<void()>) override {}  // nothing goes on in the background
  base::Result<void> recover() override {
    const std::lock_guard lock(mutex_);
    failure_.reset();
    ++generation_;
    return {};
  }
  void idle() override {}
  std::uint64_t free_bytes() const override { return std::numeric_limits<std::uint64_t>::max(); }
  EngineUsage usage() const override { return {}; }
  base::Result<void> checkpoint(const std::string&) override {
    return base::fail(base::Code::unsupported, "a store in memory has no files");
  }
  base::Result<void> compact() override { return {}; }
  void interrupt() override {}

 private:
  Faults* faults_;
  std::shared_ptr<Tree> tree_ = std::make_shared<Tree>();
  mutable std::mutex mutex_;
  std::optional<base::Error> failure_;
  std::uint64_t generation_ = 1;
};

}  // namespace

std::unique_ptr<Engine> make_memory_engine(Faults* faults) { return std::make_unique<MemoryEngine>(faults); }

}  // namespace store
