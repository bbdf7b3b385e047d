#pragma once
// Private to the room. What the records of all emails of one message share: a message may go to a thousand mailboxes in
// one commit, so this is made once, before its closure runs. What is too long to be kept a thousand times is left out
// of the records, and made anew from the body by who asks for it. Pure, linear.

#include <optional>
#include <string>

#include "mailstore/thread_ids.h"
#include "mailstore/types.h"

namespace mailstore {

/// Longer structures and envelopes than this are not kept. Those of real messages have 1 to 2 KiB; this has room for
/// 100 attachments or 200 addresses.
inline constexpr std::size_t kStoredBytes = 16 * 1024;

/// What the outer header says.
struct Outer {
  std::string envelope;    // as IMAP sends it; empty: too long to be kept
  std::string message_id;  // empty also when longer than a line may be (RFC 5322 §2.1.1)
  ThreadIds ids;
};
Outer outer_of(const mime::EnvelopeFields& fields);

struct Encoded {
  std::string structure;  // of the body alone; empty: too long to be kept
  Outer outer;            // of the body alone
};
Encoded encode(const mime::Message& body);

const mime::EnvelopeFields& outer_fields(const mime::Message& body);
/// The outer fields of prefix + body, where they differ from the body's: a field that stands only in the prefix counts
/// (a submission server adds a missing Date or Message-ID there).
std::optional<mime::EnvelopeFields> fields_with_prefix(const mime::EnvelopeFields& body, const std::string& prefix);

}  // namespace mailstore
