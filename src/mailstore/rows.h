#pragma once
// Private to the room (sees protobuf). Rows: the View that there is. Rows stand in chunks of at most kChunkRows that
// are shared with the views before and after; a newer view is made from an older one by copying the chunks in which
// something changed. Immutable but for a hint that makes walking in order cheap.

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mailstore/tables.h"
#include "mailstore/view.h"

namespace mailstore {

inline constexpr std::size_t kChunkRows = 512;

/// The keyword sets of a line of views: a set has the same number in all of them. Set 0 is empty. Copied on write.
struct KeywordSets {
  std::vector<std::string> names;                                     // of the mailbox, by number
  std::vector<std::shared_ptr<const std::vector<std::string>>> sets;  // by set number
  std::unordered_map<std::string, std::uint16_t> numbers;             // keyword numbers -> set number
};

class Rows final : public View {
 public:
  using Chunk = std::vector<Row>;

  MailboxId mailbox() const override { return mailbox_; }
  std::uint32_t uid_validity() const override { return uid_validity_; }
  Uid uid_next() const override { return uid_next_; }
  ModSeq highest_modseq() const override { return highest_modseq_; }
  ModSeq access_key_modseq() const override { return access_key_modseq_; }
  std::size_t size() const override { return starts_.back(); }
  const Row& at(std::size_t index) const override;
  std::size_t lower_bound(Uid uid) const override;
  const std::vector<std::string>& keyword_set(std::uint16_t number) const override;
  const std::vector<std::string>& keywords() const override { return sets_->names; }

  const std::vector<std::shared_ptr<const Chunk>>& chunks() const { return chunks_; }
  const KeywordSets& sets() const { return *sets_; }

 private:
  friend class RowsBuilder;
  Rows() = default;

  MailboxId mailbox_;
  std::uint32_t uid_validity_ = 0;
  Uid uid_next_ = 1;
  ModSeq highest_modseq_ = 1;
  ModSeq access_key_modseq_ = 0;
  std::vector<std::shared_ptr<const Chunk>> chunks_;  // none is empty
  std::vector<std::size_t> starts_{0};                // of each chunk, and the end
  std::shared_ptr<const KeywordSets> sets_;
  mutable std::atomic<std::uint32_t> hint_{0};  // the chunk that at() used last
};

/// Makes one view of a mailbox: either from nothing by append(), or from an older view by amend().
class RowsBuilder {
 public:
  RowsBuilder(MailboxId mailbox, const schema::MailboxRecord& record, const Rows* base);

  /// The row of a placement.
  Row row(Uid uid, const schema::PlacementRecord& placement);
  /// The number of a set of keywords, given as in PlacementRecord; a new one is the next.
  std::uint16_t set_number(const std::string& numbers);
  /// Behind all others.
  void append(const Row& row);

  /// What became of one UID since the base: a row, or (uid only, email 0) gone. Ascending, each UID once.
  void amend(std::span<const Row> changes);

  std::shared_ptr<const Rows> build();
  /// More different keyword sets than can be numbered: some messages are shown without keywords.
  bool overflowed() const { return overflowed_; }

 private:
  void flush();
  void merge(const Rows::Chunk& chunk, std::span<const Row> changes);

  std::shared_ptr<Rows> rows_;
  const Rows* base_;
  std::shared_ptr<KeywordSets> sets_;  // private copy, once something is added
  Rows::Chunk open_;
  bool overflowed_ = false;
};

}  // namespace mailstore
