#pragma once
// Private to the room. The Reader and the Txn that closures see, over an engine's snapshot. A transaction reads its own
// writes over those of its group over those of the group before over the snapshot.

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "store/bodies.h"
#include "store/engine.h"
#include "store/overlay.h"
#include "store/store.h"

namespace store {

std::unique_ptr<Reader> make_reader(std::shared_ptr<const Snapshot> snapshot);

/// What one closure wrote, to be absorbed by its group.
struct ClosureWrites {
  WriteSet writes;
  std::vector<Body> bodies;  // that become committed with it
};

class LayeredTxn final : public Txn {
 public:
  /// `group` and `before` do not change while the transaction lives; `generation` is the engine's current one.
  LayeredTxn(const Snapshot& snapshot, const WriteSet& group, const WriteSet& before, std::uint64_t generation)
      : snapshot_(snapshot), layers_{&own_.writes, &group, &before}, generation_(generation) {}
  LayeredTxn(const LayeredTxn&) = delete;
  LayeredTxn& operator=(const LayeredTxn&) = delete;

  base::Result<bool> get_raw(std::string_view key, std::string& value) const override;
  std::unique_ptr<RawCursor> scan_raw(std::string from, std::string to) const override;
  base::Result<std::optional<std::pair<std::string, std::string>>> last_raw(std::string from,
                                                                            std::string to) const override;
  base::Result<void> read_body(base::BlobId blob, std::uint64_t offset, std::uint64_t length,
                               std::string& out) const override;
  base::Result<std::uint64_t> body_size(base::BlobId blob) const override;

  void put_raw(std::string key, std::string value) override;
  void erase_raw(std::string key) override;
  void put_body(const Body& body) override;
  base::Result<void> link(const Link& link) override;
  base::Result<void> unlink(const Link& link) override;

  /// After the closure returned well: its writes, or why they cannot be committed.
  base::Result<ClosureWrites> finish();

 private:
  base::Result<bool> get(Space space, std::string_view key, const Snapshot::Use& use) const;
  GetValue getter() const;
  base::Result<bool> has_links(base::BlobId blob) const;

  const Snapshot& snapshot_;
  ClosureWrites own_;
  const Layers layers_;  // own_'s among them
  std::uint64_t generation_;
  std::optional<base::Error> refused_;  // by put_body(), which cannot say so itself
};

}  // namespace store
