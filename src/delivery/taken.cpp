#include "delivery/taken.h"

#include <algorithm>

namespace delivery {
namespace {

constexpr std::size_t kAtOnce = 1000;

std::int64_t micros(base::WallTime time) { return time.time_since_epoch().count(); }

}  // namespace

base::Result<std::optional<base::QueueId>> find_taken(const store::Reader& reader, const std::string& once) {
  TRY_ASSIGN(const auto record, reader.get(kTaken, std::tuple(once)));
  if (!record) return std::optional<base::QueueId>();
  return std::optional(base::QueueId{record->entry()});
}

void put_taken(store::Txn& tx, const std::string& once, base::QueueId id, base::WallTime now) {
  schema::TakenMessage record;
  record.set_entry(id.value);
  record.set_taken_us(micros(now));
  tx.put(kTaken, std::tuple(once), record);
}

base::Result<void> remove_taken(store::Txn& tx, std::vector<std::string> present, base::WallTime before) {
  std::ranges::sort(present);
  std::vector<std::string> old;
  auto cursor = tx.scan(kTaken);
  for (; cursor.valid() && old.size() < kAtOnce; cursor.next()) {
    const std::string& once = std::get<0>(cursor.key());
    const auto record = cursor.value();
    // One that cannot be read says nothing of a file that is gone.
    if (record && record->taken_us() >= micros(before)) continue;
    if (!std::ranges::binary_search(present, once)) old.push_back(once);
  }
  if (auto error = cursor.error()) return std::unexpected(*std::move(error));
  for (const std::string& once : old) tx.erase(kTaken, std::tuple(once));
  return {};
}

}  // namespace delivery
