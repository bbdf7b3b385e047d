#pragma once
// Private to the room. Bodies: how they are read out of a snapshot, and how they arrive. A body's chunks but the last
// are written as they arrive, unsynced and referred to by nothing but an upload record; the last one, of up to
// kChunkBytes, waits in memory for the commit.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "store/engine.h"
#include "store/store.h"

namespace store {

/// Reads one value of a space, as Snapshot::get does.
using GetValue = std::function<base::Result<bool>(Space, std::string_view, const Snapshot::Use&)>;

/// No message is larger than this; a record that says so is broken (and would overflow sums).
inline constexpr std::uint64_t kLargestBody = 1ull << 40;

/// The size of a committed body. Errors: not_found, corrupt, unavailable.
base::Result<std::uint64_t> stored_body_size(const GetValue& get, base::BlobId blob);
/// Appends bytes [offset, offset + length) of a committed body to `out`, as far as it goes.
base::Result<void> read_stored_body(const GetValue& get, base::BlobId blob, std::uint64_t offset, std::uint64_t length,
                                    std::string& out);
/// Appends bytes [begin, end) of one chunk to `out`; `bytes` is the size that the chunk must have.
base::Result<void> read_chunk(const GetValue& get, base::BlobId blob, std::uint32_t index, std::size_t bytes,
                              std::size_t begin, std::size_t end, std::string& out);

/// How many chunks there are under a blob id, whatever its record says; those that cannot be read count.
std::uint32_t present_chunks(const GetValue& get, base::BlobId blob);

/// What bodies need of the store that they are in.
class BodyHost {
 public:
  virtual ~BodyHost() = default;
  virtual Engine& engine() = 0;
  virtual net::Pool& pool() = 0;
  virtual std::uint64_t next_id() = 0;
  /// no_space or unavailable when nothing may be written now.
  virtual base::Result<void> admit(Kind kind) = 0;
  /// The chunks [0, chunks) of an upload that was never committed are to be removed, some time soon.
  virtual void drop_upload(base::BlobId blob, std::uint32_t chunks, std::uint64_t generation) = 0;
};

struct Body::State {
  State(std::weak_ptr<BodyHost> store, base::BlobId blob) : host(std::move(store)), id(blob) {}
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  std::weak_ptr<BodyHost> host;  // gone when the store was closed: then its next start removes what is left
  base::BlobId id;
  std::uint64_t size = 0;
  std::uint32_t chunks_written = 0;  // whole chunks in the engine
  std::uint64_t generation = 0;      // of the engine, when they were written
  std::shared_ptr<const std::string> tail = std::make_shared<const std::string>();
  std::string tail_head;                       // its checksum; empty when the tail is
  mutable std::atomic<bool> committed{false};  // or in a group that is about to be: the engine owns the chunks
};

std::unique_ptr<BodyWriter> make_body_writer(const std::shared_ptr<BodyHost>& host);

}  // namespace store
