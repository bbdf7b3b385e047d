#include "store/check.h"

#include <memory>
#include <optional>
#include <string>

#include "base/text.h"
#include "store/bodies.h"
#include "store/records.h"

namespace store {
namespace {

std::string body_name(base::BlobId blob) { return "body " + std::to_string(blob.value); }
std::string chunk_name(base::BlobId blob, std::uint32_t index) {
  return "chunk " + std::to_string(index) + " of " + body_name(blob);
}

/// Walks one of the store's own tables whose keys begin with a blob, in step with the walk over blobs.
template <class Key>
class Walk {
 public:
  Walk(const Snapshot& snapshot, std::uint8_t table, const char* name, const Report& report)
      : table_(table), name_(name), report_(report) {
    const std::string from = encode_key(table);
    cursor_ = snapshot.cursor(Space::records, from, prefix_end(from));
    settle();
  }

  /// The current record's key; nothing at the end.
  const std::optional<Key>& key() const { return key_; }
  std::string_view raw_key() const { return cursor_->key(); }
  std::string_view value() const { return cursor_->value(); }
  base::BlobId blob() const { return std::get<0>(*key_); }
  void next() {
    cursor_->next();
    settle();
  }

 private:
  void settle() {
    key_.reset();
    for (; cursor_->valid(); cursor_->next()) {
      key_ = decode_key<Key>(table_, cursor_->key());
      if (key_) return;
      report_({std::string("record of ") + name_, "its key does not decode: " + base::hex(cursor_->key())});
    }
    if (cursor_->error()) {
      report_({std::string("table ") + name_, "cannot be read to its end: " + cursor_->error()->text});
    }
  }

  std::uint8_t table_;
  const char* name_;
  const Report& report_;
  std::unique_ptr<RawCursor> cursor_;
  std::optional<Key> key_;
};

using BlobKey = decltype(kBlobs)::key_type;
using LinkKey = decltype(kLinks)::key_type;

class Check {
 public:
  Check(const Snapshot& snapshot, const Report& report, const GiveUp& give_up)
      : snapshot_(snapshot),
        report_(report),
        give_up_(give_up),
        blobs_(snapshot, kBlobs.id, kBlobs.name, report),
        links_(snapshot, kLinks.id, kLinks.name, report),
        uploads_(snapshot, kUploads.id, kUploads.name, report),
        chunks_(snapshot.cursor(Space::bodies, {}, {})) {}

  base::Result<std::uint64_t> run();

 private:
  base::Result<void> go_on() const;
  void links_of(base::BlobId blob);
  void chunks_of(base::BlobId blob, std::uint64_t size);
  void chunk(base::BlobId blob, std::uint32_t index, std::size_t size);
  base::Result<void> strays_before(const std::optional<std::string>& key);
  void stray();
  void restart_chunks(std::string from);

  const Snapshot& snapshot_;
  const Report& report_;
  const GiveUp& give_up_;
  Walk<BlobKey> blobs_;
  Walk<LinkKey> links_;
  Walk<BlobKey> uploads_;
  std::unique_ptr<RawCursor> chunks_;
  base::BlobId last_stray_{};
};

/// A check of a large store takes long, and its snapshot would hold back the reopening after a failure.
base::Result<void> Check::go_on() const {
  if (const auto why = give_up_()) return base::fail(base::Code::unavailable, "given up: " + why->text);
  return {};
}

base::Result<std::uint64_t> Check::run() {
  TRY(go_on());
  std::uint64_t count = 0;
  for (; blobs_.key(); blobs_.next()) {
    TRY(go_on());
    ++count;
    const base::BlobId blob = blobs_.blob();
    links_of(blob);
    TRY(strays_before(chunk_key(blob, 0)));
    const std::string_view value = blobs_.value();
    postrider::schema::Blob record;
    if (!record.ParseFromArray(value.data(), static_cast<int>(value.size())) || record.size() > kLargestBody) {
      report_({body_name(blob), "its record does not decode"});
      // Whose chunks these are is known, only not how many they should be.
      std::string behind;
      append_key_part(behind, base::BlobId{blob.value + 1});
      restart_chunks(std::move(behind));
      continue;
    }
    chunks_of(blob, record.size());
  }
  for (; links_.key(); links_.next()) report_({body_name(links_.blob()), "is linked to and does not exist"});
  TRY(strays_before(std::nullopt));
  return count;
}

void Check::links_of(base::BlobId blob) {
  for (; links_.key() && links_.blob() < blob; links_.next()) {
    report_({body_name(links_.blob()), "is linked to and does not exist"});
  }
  if (!links_.key() || links_.blob() != blob) report_({body_name(blob), "has no link"});
  while (links_.key() && links_.blob() == blob) links_.next();
}

void Check::chunks_of(base::BlobId blob, std::uint64_t size) {
  const std::uint32_t count = chunk_count(size);
  for (std::uint32_t i = 0; i < count; ++i) chunk(blob, i, chunk_size(size, i));
}

/// The chunk that must come next. What the cursor cannot read is asked for by its key, and the cursor begins anew
/// behind it.
void Check::chunk(base::BlobId blob, std::uint32_t index, std::size_t size) {
  const std::string key = chunk_key(blob, index);
  if (chunks_->valid() && chunks_->key() == key) {
    const auto bytes = chunk_bytes(blob, index, chunks_->value());
    if (!bytes) {
      report_({chunk_name(blob, index), "has a wrong checksum"});
    } else if (bytes->size() != size) {
      report_({chunk_name(blob, index),
               "has a wrong size: " + std::to_string(bytes->size()) + " bytes instead of " + std::to_string(size)});
    }
    chunks_->next();
    return;
  }
  if (!chunks_->error()) {
    report_({chunk_name(blob, index), "is missing"});
    return;
  }
  const GetValue get = [this](Space space, std::string_view wanted, const Snapshot::Use& use) {
    return snapshot_.get(space, wanted, use);
  };
  std::string ignored;
  const auto read = read_chunk(get, blob, index, size, 0, 0, ignored);
  if (!read) report_({chunk_name(blob, index), "cannot be read: " + read.error().text});
  restart_chunks(key + '\0');
}

/// Chunks before `key` that no blob record claims; to the end without one.
base::Result<void> Check::strays_before(const std::optional<std::string>& key) {
  while (chunks_->valid() && (!key || chunks_->key() < *key)) {
    TRY(go_on());
    stray();
    chunks_->next();
  }
  if (!key && chunks_->error()) {
    report_({"bodies", "cannot be read to their end: " + chunks_->error()->text});
  }
  return {};
}

void Check::stray() {
  const auto key = decode_chunk_key(chunks_->key());
  if (!key) {
    report_({"bodies", "a key is no chunk's: " + base::hex(chunks_->key())});
    return;
  }
  const base::BlobId blob = key->first;
  while (uploads_.key() && uploads_.blob() < blob) uploads_.next();
  if (uploads_.key() && uploads_.blob() == blob) return;  // it is arriving now
  // One line for a body, however many chunks of it are left.
  if (std::exchange(last_stray_, blob) != blob) report_({chunk_name(blob, key->second), "belongs to no body"});
}

void Check::restart_chunks(std::string from) { chunks_ = snapshot_.cursor(Space::bodies, std::move(from), {}); }

}  // namespace

base::Result<std::uint64_t> check_bodies(const Snapshot& snapshot, const Report& report, const GiveUp& give_up) {
  return Check(snapshot, report, give_up).run();
}

}  // namespace store
