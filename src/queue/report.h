#pragma once
// Reports to senders: delivery status notifications as messages (RFC 3464 in a multipart/report of RFC 6522, with what
// RFC 3461 §6 wants in them). Pure. Addresses that are not ASCII are of type utf-8 and written as RFC 6533 §3 has it
// for 7-bit fields, so that every host takes the report.

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "queue/schedule.h"
#include "queue/tables.h"

namespace queue {

/// Returned whole up to this size when the sender asked for it, up to the second when it did not say.
inline constexpr std::uint64_t kMaxReturned = 1 << 20;
inline constexpr std::uint64_t kMaxReturnedUnasked = 50 * 1024;
/// Of a header block, the rest is left out.
inline constexpr std::uint64_t kMaxReturnedHeader = 128 * 1024;

struct Reported {
  Action action = Action::failed;
  schema::QueuedRecipient recipient;
  std::string status;
  std::string text;
  std::string host;        // that answered
  std::string diagnostic;  // and what it said
  base::WallTime tried;
  std::optional<base::WallTime> until;
};

/// Whether a report of these returns the message whole, as far as its size lets it.
bool returns_whole(const schema::QueuedMessage& message, const std::vector<Reported>& recipients);

struct Report {
  std::string bytes;
  bool eight_bit = false;
  bool smtputf8 = false;  // the address that it goes to needs it
};

struct ReportFrom {
  std::string hostname;
  std::string id;      // of the report, in its Message-ID
  std::string unique;  // random, for the boundary
  base::WallTime now;
};

/// `returned`: the message whole, or as much of its beginning as has the header.
Report write_report(const ReportFrom& from, const schema::QueuedMessage& message,
                    const std::vector<Reported>& recipients, std::string_view returned, bool whole);

/// RFC 6533 §3: "\x{F6}" for what is not ASCII, and for the characters that the form needs.
std::string utf8_address(std::string_view address);

}  // namespace queue
