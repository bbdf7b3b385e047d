#include "store/rocks_care.h"

#include <memory>

#include <rocksdb/utilities/checkpoint.h>

#include "store/rocks_options.h"

namespace store {
namespace {

rocksdb::ColumnFamilyHandle* family(const Families& families, Space space) {
  return families[static_cast<std::size_t>(space)];
}

}  // namespace

EngineUsage usage_of(rocksdb::DB& db, const Families& families) {
  const auto property = [&](Space space, const std::string& name) {
    std::uint64_t value = 0;
    return db.GetIntProperty(family(families, space), name, &value) ? value : 0;
  };
  using Properties = rocksdb::DB::Properties;
  EngineUsage usage;
  usage.records = property(Space::records, Properties::kTotalSstFilesSize);
  usage.garbage = property(Space::bodies, Properties::kLiveBlobFileGarbageSize);
  usage.bodies =
      property(Space::bodies, Properties::kTotalSstFilesSize) + property(Space::bodies, Properties::kTotalBlobFileSize);
  for (const Space space : {Space::records, Space::bodies}) {
    usage.memory += property(space, Properties::kCurSizeActiveMemTable);
  }
  return usage;
}

/// Memtables are flushed first, so that there is little log in it: the one that is written to is copied up to where it
/// is, and one that was ended meanwhile is linked like all other files that nobody writes to any more.
base::Result<void> make_checkpoint(rocksdb::DB& db, const std::string& directory) {
  rocksdb::Checkpoint* made = nullptr;
  rocksdb::Status status = rocksdb::Checkpoint::Create(&db, &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  if (status.ok()) status = checkpoint->CreateCheckpoint(directory);
  if (!status.ok()) return std::unexpected(rocks_error(status, "making a checkpoint"));
  return {};
}

base::Result<void> compact_all(rocksdb::DB& db, const Families& families, std::atomic<bool>& interrupted) {
  for (const Space space : {Space::records, Space::bodies}) {
    rocksdb::CompactRangeOptions options;
    options.canceled = &interrupted;
    options.exclusive_manual_compaction = false;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
    if (space == Space::bodies) {
      options.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kForce;
      options.blob_garbage_collection_age_cutoff = 1.0;
    }
    const rocksdb::Status status = db.CompactRange(options, family(families, space), nullptr, nullptr);
    if (!status.ok()) return std::unexpected(rocks_error(status, "compacting"));
  }
  return {};
}

}  // namespace store
