#pragma once
// View: what a selected mailbox holds at one moment: uid, flags, modseq, email and size of each message in UID order.
// Immutable and shared between sessions; a newer one shares its unchanged chunks with the older one, so that moving
// forward and comparing cost what changed. 32 bytes a message. Any thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mailstore/types.h"

namespace mailstore {

struct Row {
  Uid uid = 0;
  std::uint32_t size = 0;  // RFC822.SIZE (messages are below 4 GiB)
  EmailId email;
  ModSeq modseq = 0;
  std::uint16_t keywords = 0;  // number of a set: View::keyword_set()
  std::uint8_t flags = 0;      // Flag bits
};

class View {
 public:
  virtual ~View() = default;

  virtual MailboxId mailbox() const = 0;
  virtual std::uint32_t uid_validity() const = 0;
  virtual Uid uid_next() const = 0;
  virtual ModSeq highest_modseq() const = 0;
  /// Of the step that last replaced or removed the mailbox's access key; 0: none has. Says nothing about messages.
  virtual ModSeq access_key_modseq() const = 0;

  virtual std::size_t size() const = 0;
  /// The row at a position from 0 (sequence number - 1). O(log chunks), and O(1) amortised when walked in order.
  virtual const Row& at(std::size_t index) const = 0;
  /// The position of the first message with a UID of at least `uid`; size() when there is none. O(log n).
  virtual std::size_t lower_bound(Uid uid) const = 0;
  std::optional<std::size_t> find(Uid uid) const {
    const std::size_t index = lower_bound(uid);
    if (index < size() && at(index).uid == uid) return index;
    return std::nullopt;
  }

  virtual const std::vector<std::string>& keyword_set(std::uint16_t number) const = 0;
  /// All keywords of the mailbox that some message has had.
  virtual const std::vector<std::string>& keywords() const = 0;
};

/// How `newer` differs from `older` of the same mailbox and UIDVALIDITY.
struct Difference {
  std::vector<std::uint32_t> expunged;  // positions in `older`, ascending
  std::vector<Uid> changed;             // flags changed, in both, ascending
  std::uint32_t appended = 0;           // rows at the end of `newer` that `older` did not have
};
Difference compare(const View& older, const View& newer);

}  // namespace mailstore
