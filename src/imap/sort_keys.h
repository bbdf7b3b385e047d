#pragma once
// Private to the room. What messages are sorted by (RFC 5256 §2.2, §3, RFC 5957 §3): the values of a message, which
// never change while it exists, and their order. Read on the pool.

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "imap/command.h"
#include "imap/envelope.h"
#include "mailstore/mailstore.h"

namespace imap {

struct SortValue {
  std::int64_t number = 0;  // of a text: 1 when it could not be converted
  std::string text;
  friend auto operator<=>(const SortValue&, const SortValue&) = default;
};
using SortValues = std::vector<SortValue>;  // one for each criterion

/// not_found when it was expunged meanwhile.
/// `score`: for RELEVANCY, which is no property of the message alone (RFC 6203 §6: the highest comes first).
base::Result<SortValues> read_sort_values(mailstore::EmailReader& reader, const std::vector<Sort::Criterion>& criteria,
                                          const mailstore::Row& row, unsigned score = 0);

/// Negative: `a` stands before `b`. Where that is zero, the one that is first in the mailbox is (RFC 5256 §3).
std::strong_ordering compare_sorted(const std::vector<Sort::Criterion>& criteria, const SortValues& a,
                                    const SortValues& b);

/// RFC 5256 §2.2: when it was sent, or else when it came.
std::int64_t sent_date(const Envelope& envelope, const mailstore::EmailReader::Email& email);

}  // namespace imap
