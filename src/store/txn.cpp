#include "store/txn.h"

#include <algorithm>

#include "store/bodies.h"
#include "store/records.h"

namespace store {
namespace {

class SnapshotReader final : public Reader {
 public:
  explicit SnapshotReader(std::shared_ptr<const Snapshot> snapshot)
      : snapshot_(std::move(snapshot)),
        get_([snapshot = snapshot_.get()](Space space, std::string_view key, const Snapshot::Use& use) {
          return snapshot->get(space, key, use);
        }) {}

  base::Result<bool> get_raw(std::string_view key, std::string& value) const override {
    return snapshot_->get(Space::records, key, [&](std::string_view found) { value.assign(found); });
  }
  std::unique_ptr<RawCursor> scan_raw(std::string from, std::string to) const override {
    return snapshot_->cursor(Space::records, std::move(from), std::move(to));
  }
  base::Result<std::optional<std::pair<std::string, std::string>>> last_raw(std::string from,
                                                                            std::string to) const override {
    return snapshot_->last(Space::records, std::move(from), std::move(to));
  }
  base::Result<void> read_body(base::BlobId blob, std::uint64_t offset, std::uint64_t length,
                               std::string& out) const override {
    return read_stored_body(get_, blob, offset, length, out);
  }
  base::Result<std::uint64_t> body_size(base::BlobId blob) const override { return stored_body_size(get_, blob); }

 private:
  std::shared_ptr<const Snapshot> snapshot_;
  GetValue get_;
};

std::string link_key(const Link& link) { return encode_key(kLinks.id, link.blob, link.owner, link.item); }

std::string link_text(const Link& link) {
  return "link of body " + std::to_string(link.blob.value) + " to " + std::to_string(link.owner) + "/" +
         std::to_string(link.item);
}

}  // namespace

std::unique_ptr<Reader> make_reader(std::shared_ptr<const Snapshot> snapshot) {
  return std::make_unique<SnapshotReader>(std::move(snapshot));
}

base::Result<bool> LayeredTxn::get(Space space, std::string_view key, const Snapshot::Use& use) const {
  const Entry* entry = nullptr;
  for (const WriteSet* layer : layers_) {
    entry = layer->find(space, key);
    if (entry != nullptr) break;
  }
  if (entry == nullptr) return snapshot_.get(space, key, use);
  if (entry->erased) return false;
  if (entry->tail) {
    use(entry->head + *entry->tail);
  } else {
    use(entry->head);
  }
  return true;
}

GetValue LayeredTxn::getter() const {
  return [this](Space space, std::string_view key, const Snapshot::Use& use) { return get(space, key, use); };
}

base::Result<bool> LayeredTxn::get_raw(std::string_view key, std::string& value) const {
  return get(Space::records, key, [&](std::string_view found) { value.assign(found); });
}

std::unique_ptr<RawCursor> LayeredTxn::scan_raw(std::string from, std::string to) const {
  return merged_cursor(layers_, snapshot_, std::move(from), std::move(to));
}

base::Result<std::optional<std::pair<std::string, std::string>>> LayeredTxn::last_raw(std::string from,
                                                                                      std::string to) const {
  return merged_last(layers_, snapshot_, std::move(from), std::move(to));
}

base::Result<void> LayeredTxn::read_body(base::BlobId blob, std::uint64_t offset, std::uint64_t length,
                                         std::string& out) const {
  return read_stored_body(getter(), blob, offset, length, out);
}

base::Result<std::uint64_t> LayeredTxn::body_size(base::BlobId blob) const { return stored_body_size(getter(), blob); }

void LayeredTxn::put_raw(std::string key, std::string value) {
  own_.writes.put(Space::records, std::move(key), Entry{std::move(value)});
}

void LayeredTxn::erase_raw(std::string key) { own_.writes.erase(Space::records, std::move(key)); }

void LayeredTxn::put_body(const Body& body) {
  const Body::State& state = body.state();
  if (state.chunks_written > 0) {
    // Chunks that were written before the engine was reopened may be lost, and those of a body that was committed went
    // with its last link: then there is nothing left to refer to.
    if (state.generation != generation_ && !body_size(state.id)) {
      refused_ = {base::Code::unavailable, "the store was reopened while the message arrived"};
    } else if (state.committed.load(std::memory_order_acquire) && !body_size(state.id)) {
      refused_ = {base::Code::conflict, "body " + std::to_string(state.id.value) + " was removed meanwhile"};
    }
    own_.writes.erase(Space::records, encode_key(kUploads.id, state.id));
  }
  postrider::schema::Blob record;
  record.set_size(state.size);
  put(kBlobs, {state.id}, record);
  if (!state.tail->empty()) {
    own_.writes.put(Space::bodies, chunk_key(state.id, state.chunks_written), Entry{state.tail_head, state.tail});
  }
  own_.bodies.push_back(body);
}

base::Result<void> LayeredTxn::link(const Link& link) {
  TRY(body_size(link.blob));
  own_.writes.put(Space::records, link_key(link), Entry{});
  return {};
}

base::Result<void> LayeredTxn::unlink(const Link& link) {
  std::string key = link_key(link);
  TRY_ASSIGN(const bool found, get(Space::records, key, [](std::string_view) {}));
  if (!found) return base::fail(base::Code::not_found, link_text(link) + " does not exist");
  own_.writes.erase(Space::records, std::move(key));
  TRY_ASSIGN(const bool shared, has_links(link.blob));
  if (shared) return {};
  const auto size = body_size(link.blob);
  if (!size && size.error().code != base::Code::corrupt) return std::unexpected(size.error());
  const std::uint32_t chunks = size ? chunk_count(*size) : present_chunks(getter(), link.blob);
  own_.writes.erase(Space::records, encode_key(kBlobs.id, link.blob));
  for (std::uint32_t i = 0; i < chunks; ++i) own_.writes.erase(Space::bodies, chunk_key(link.blob, i));
  return {};
}

base::Result<bool> LayeredTxn::has_links(base::BlobId blob) const {
  std::string from = encode_key(kLinks.id, blob);
  std::string to = prefix_end(from);
  // Nearly always the link is the closure's own, and the engine need not be asked.
  const auto& own = own_.writes.map(Space::records);
  for (auto it = own.lower_bound(from); it != own.end() && it->first < to; ++it) {
    if (!it->second.erased) return true;
  }
  const auto cursor = scan_raw(std::move(from), std::move(to));
  if (cursor->error()) return std::unexpected(*cursor->error());
  return cursor->valid();
}

base::Result<ClosureWrites> LayeredTxn::finish() {
  if (refused_) return std::unexpected(*refused_);
  for (const Body& body : own_.bodies) {
    const Entry* record = own_.writes.find(Space::records, encode_key(kBlobs.id, body.id()));
    if (record == nullptr || record->erased) continue;
    TRY_ASSIGN(const bool linked, has_links(body.id()));
    ENSURE(linked);  // a body without a link would never be removed
  }
  return std::move(own_);
}

}  // namespace store
