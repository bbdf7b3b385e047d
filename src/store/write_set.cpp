#include "store/engine.h"

namespace store {

void WriteSet::put(Space space, std::string key, Entry entry) {
  bytes_ += key.size() + entry.size();
  ++version_;
  maps_[static_cast<std::size_t>(space)].insert_or_assign(std::move(key), std::move(entry));
}

void WriteSet::absorb(WriteSet&& newer) {
  bytes_ += newer.bytes_;
  ++version_;
  for (std::size_t space = 0; space < 2; ++space) {
    Map& mine = maps_[space];
    Map& other = newer.maps_[space];
    if (mine.empty()) {
      mine.swap(other);
      continue;
    }
    // merge() moves the nodes whose keys are new; those that stay behind replace what is here.
    mine.merge(other);
    for (auto& [key, entry] : other) mine.find(key)->second = std::move(entry);
    other.clear();
  }
  newer.bytes_ = 0;
}

const Entry* WriteSet::find(Space space, std::string_view key) const {
  const Map& entries = map(space);
  if (entries.empty()) return nullptr;
  const auto found = entries.find(key);
  return found == entries.end() ? nullptr : &found->second;
}

}  // namespace store
