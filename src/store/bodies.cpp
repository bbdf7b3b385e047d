#include "store/bodies.h"

#include <algorithm>

#include "base/check.h"
#include "store/records.h"

namespace store {
namespace {

std::string blob_name(base::BlobId blob) { return "body " + std::to_string(blob.value); }

/// Takes a body as it arrives. A chunk leaves memory only when more bytes follow it, so that the last one, and with it
/// every body of up to kChunkBytes, is written by the commit.
class Writer final : public BodyWriter {
 public:
  explicit Writer(const std::shared_ptr<BodyHost>& host)
      : state_(std::make_shared<Body::State>(host, base::BlobId{host->next_id()})) {}

  net::Task<base::Result<void>> append(std::string_view bytes) override;
  Body finish() override;

 private:
  net::Task<base::Result<void>> flush();

  std::shared_ptr<Body::State> state_;
  std::string buffer_;
};

net::Task<base::Result<void>> Writer::append(std::string_view bytes) {
  ENSURE(state_);
  while (!bytes.empty()) {
    if (buffer_.size() == kChunkBytes) CO_TRY(co_await flush());
    const std::size_t taken = std::min(kChunkBytes - buffer_.size(), bytes.size());
    buffer_.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    state_->size += taken;
  }
  co_return base::Result<void>();
}

base::Result<void> write_chunk(const std::shared_ptr<Body::State>& state,
                               const std::shared_ptr<const std::string>& bytes) {
  const auto host = state->host.lock();
  if (!host) return base::fail(base::Code::unavailable, "the store is closed");
  Engine& engine = host->engine();
  const std::uint32_t index = state->chunks_written;
  // Before admit(): a recovery that begins behind it makes the append fail. The other way round the chunk could be
  // written when the engine is open again, and removed with what was left over.
  if (index == 0) state->generation = engine.generation();
  TRY(host->admit(Kind::ordinary));
  WriteSet writes;
  if (index == 0) writes.put(Space::records, encode_key(kUploads.id, state->id), Entry{});
  writes.put(Space::bodies, chunk_key(state->id, index), Entry{chunk_head(state->id, index, *bytes), bytes});
  // Counted before it is written: a write that fails may have left the chunk there nevertheless.
  ++state->chunks_written;
  return engine.append(writes, state->generation);
}

net::Task<base::Result<void>> Writer::flush() {
  const auto host = state_->host.lock();
  if (!host) co_return base::fail(base::Code::unavailable, "the store is closed");
  auto bytes = std::make_shared<const std::string>(std::exchange(buffer_, {}));
  auto written = co_await host->pool().run([state = state_, bytes] { return write_chunk(state, bytes); });
  if (written) buffer_.reserve(kChunkBytes);
  co_return written;
}

Body Writer::finish() {
  ENSURE(state_);
  if (!buffer_.empty()) {
    state_->tail_head = chunk_head(state_->id, state_->chunks_written, buffer_);
    // A buffer that grew by doubling may be half empty, and a body waits a while before it is committed.
    if (buffer_.capacity() - buffer_.size() > 4096) buffer_.shrink_to_fit();
    state_->tail = std::make_shared<const std::string>(std::move(buffer_));
  }
  return Body(std::exchange(state_, nullptr));
}

}  // namespace

Body::State::~State() {
  if (chunks_written == 0 || committed.load(std::memory_order_acquire)) return;
  if (const auto store = host.lock()) store->drop_upload(id, chunks_written, generation);
}

std::unique_ptr<BodyWriter> make_body_writer(const std::shared_ptr<BodyHost>& host) {
  return std::make_unique<Writer>(host);
}

base::BlobId Body::id() const { return state_->id; }
std::uint64_t Body::size() const { return state_->size; }

base::Result<void> Body::read(std::uint64_t offset, std::uint64_t length, std::string& out) const {
  const std::uint64_t size = state_->size;
  if (offset >= size) return {};
  const std::uint64_t end = offset + std::min(length, size - offset);
  const std::uint64_t in_engine = std::uint64_t{state_->chunks_written} * kChunkBytes;
  if (offset < in_engine) {
    const auto host = state_->host.lock();
    if (!host) return base::fail(base::Code::unavailable, "the store is closed");
    TRY_ASSIGN(const auto snapshot, host->engine().snapshot());
    const GetValue get = [&](Space space, std::string_view key, const Snapshot::Use& use) {
      return snapshot->get(space, key, use);
    };
    while (offset < std::min(end, in_engine)) {
      const auto index = static_cast<std::uint32_t>(offset / kChunkBytes);
      const std::uint64_t begin = std::uint64_t{index} * kChunkBytes;
      const std::uint64_t stop = std::min(end, begin + kChunkBytes);
      TRY(read_chunk(get, state_->id, index, kChunkBytes, offset - begin, stop - begin, out));
      offset = stop;
    }
  }
  if (offset < end) out.append(*state_->tail, offset - in_engine, end - offset);
  return {};
}

base::Result<std::uint64_t> stored_body_size(const GetValue& get, base::BlobId blob) {
  const std::string key = encode_key(kBlobs.id, blob);
  postrider::schema::Blob record;
  bool decoded = false;
  TRY_ASSIGN(const bool found, get(Space::records, key, [&](std::string_view value) {
               decoded = record.ParseFromArray(value.data(), static_cast<int>(value.size()));
             }));
  if (!found) return base::fail(base::Code::not_found, blob_name(blob) + " does not exist");
  if (!decoded || record.size() > kLargestBody) return std::unexpected(corrupt_record(kBlobs.name, key));
  return record.size();
}

base::Result<void> read_chunk(const GetValue& get, base::BlobId blob, std::uint32_t index, std::size_t bytes,
                              std::size_t begin, std::size_t end, std::string& out) {
  const char* wrong = nullptr;
  TRY_ASSIGN(const bool found, get(Space::bodies, chunk_key(blob, index), [&](std::string_view value) {
               const auto content = chunk_bytes(blob, index, value);
               if (!content) {
                 wrong = " has a wrong checksum";
               } else if (content->size() != bytes) {
                 wrong = " has a wrong size";
               } else {
                 out.append(content->substr(begin, end - begin));
               }
             }));
  if (!found) wrong = " is missing";
  if (wrong == nullptr) return {};
  return base::fail(base::Code::corrupt, "chunk " + std::to_string(index) + " of " + blob_name(blob) + wrong);
}

/// Whether chunk `index` is whole and holds all of [begin, begin + length), which is appended then.
bool read_within_chunk(const GetValue& get, base::BlobId blob, std::uint32_t index, std::size_t begin,
                       std::size_t length, std::string& out) {
  bool held = false;
  const auto found = get(Space::bodies, chunk_key(blob, index), [&](std::string_view value) {
    const auto content = chunk_bytes(blob, index, value);
    held = content && begin <= content->size() && length <= content->size() - begin;
    if (held) out.append(content->substr(begin, length));
  });
  return found && held;
}

base::Result<void> read_stored_body(const GetValue& get, base::BlobId blob, std::uint64_t offset, std::uint64_t length,
                                    std::string& out) {
  // Nearly always one chunk holds what is asked for, and its checksum says that it is this one: then the body's record
  // need not be looked up, which costs as much as the chunk. Otherwise the record says what is wrong, if anything is.
  const std::uint64_t within = offset % kChunkBytes;
  if (offset < kLargestBody && length > 0 && length <= kChunkBytes - within &&
      read_within_chunk(get, blob, static_cast<std::uint32_t>(offset / kChunkBytes), within, length, out)) {
    return {};
  }
  TRY_ASSIGN(const std::uint64_t size, stored_body_size(get, blob));
  if (offset >= size) return {};
  const std::uint64_t end = offset + std::min(length, size - offset);
  // Not reserved for the whole range: a record that lies about its size must not cost its lie in memory.
  while (offset < end) {
    const auto index = static_cast<std::uint32_t>(offset / kChunkBytes);
    const std::uint64_t begin = std::uint64_t{index} * kChunkBytes;
    const std::uint64_t stop = std::min(end, begin + kChunkBytes);
    TRY(read_chunk(get, blob, index, chunk_size(size, index), offset - begin, stop - begin, out));
    offset = stop;
  }
  return {};
}

std::uint32_t present_chunks(const GetValue& get, base::BlobId blob) {
  std::uint32_t count = 0;
  for (;; ++count) {
    const auto found = get(Space::bodies, chunk_key(blob, count), [](std::string_view) {});
    if (found && !*found) return count;
    // An engine that cannot answer at all must not be asked for ever.
    if (!found && (found.error().code != base::Code::corrupt || count >= chunk_count(kLargestBody))) return count;
  }
}

}  // namespace store
