#pragma once
// Sequence sets (RFC 9051 §9 sequence-set) and sets of UIDs as the server writes them. Pure values; the number of
// ranges is bounded by the length of the command that they came in.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "imap/lexer.h"

namespace imap {

/// An inclusive range of numbers, first <= last.
struct Range {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

/// As a client wrote it: "*" is kStar, and a range may be written either way round.
struct SequenceSet {
  static constexpr std::uint32_t kStar = 0;  // no number of a message or UID is 0
  bool saved = false;                        // "$": the search result variable (RFC 9051 §6.4.4.1)
  std::vector<Range> ranges;                 // first and last as written

  /// Sorted, without overlaps, "*" replaced by `star`.
  std::vector<Range> resolved(std::uint32_t star) const;
};

std::optional<SequenceSet> take_sequence_set(Cursor& in);

/// Adds a number that is greater than all in the set.
void add_ascending(std::vector<Range>& set, std::uint32_t number);
bool contains(const std::vector<Range>& sorted, std::uint32_t number);

/// The numbers at the places [begin, end) of the set, counted from 0.
std::vector<Range> slice(const std::vector<Range>& set, std::size_t begin, std::size_t end);

/// What is in both, in either, and in `a` but not in `b`. Sets are sorted, their neighbours joined; linear.
std::vector<Range> intersection(const std::vector<Range>& a, const std::vector<Range>& b);
std::vector<Range> joined(const std::vector<Range>& a, const std::vector<Range>& b);
std::vector<Range> without(const std::vector<Range>& a, const std::vector<Range>& b);
std::size_t count_of(const std::vector<Range>& set);

/// "1:3,7"
void append_set(std::string& out, const std::vector<Range>& ranges);
void append_number(std::string& out, std::uint64_t number);

}  // namespace imap
