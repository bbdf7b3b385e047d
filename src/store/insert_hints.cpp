#include "store/insert_hints.h"

#include <array>

namespace store {
namespace {

/// The tables of the store itself have keys that begin with an id that grows; those of others mostly with their owner.
constexpr unsigned char kFirstOwnedTable = 16;
constexpr std::size_t kOwnerEnd = 1 + 8;

/// A memtable keeps a hint, some 250 bytes, for every name that it is given. So the names are few, and owners share
/// them by their last bits: a hint that is another's costs no more than none.
constexpr unsigned kTableBits = 6;
constexpr unsigned kOwnerBits = 6;
constexpr std::size_t kNameBytes = 2;

constexpr auto kNames = [] {
  std::array<std::array<char, kNameBytes>, 1u << (kTableBits + kOwnerBits)> names{};
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = {static_cast<char>(i >> 8), static_cast<char>(i & 0xFF)};
  return names;
}();

class InsertHints final : public rocksdb::SliceTransform {
 public:
  const char* Name() const override { return "postrider.insert_hints"; }
  bool InDomain(const rocksdb::Slice& key) const override { return key.size() >= kOwnerEnd; }
  /// RocksDB takes it for a name alone here, and keeps it as long as the memtable: it need not be a part of the key.
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override {
    const auto table = static_cast<unsigned char>(key[0]);
    const unsigned owner = table < kFirstOwnedTable ? 0 : static_cast<unsigned char>(key[kOwnerEnd - 1]);
    const auto& name = kNames[(table & ((1u << kTableBits) - 1)) << kOwnerBits | (owner & ((1u << kOwnerBits) - 1))];
    return {name.data(), name.size()};
  }
};

}  // namespace

std::shared_ptr<const rocksdb::SliceTransform> make_insert_hints() { return std::make_shared<InsertHints>(); }

}  // namespace store
