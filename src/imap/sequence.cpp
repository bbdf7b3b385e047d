#include "imap/sequence.h"

#include <algorithm>
#include <charconv>

namespace imap {

namespace {

std::optional<std::uint32_t> take_seq_number(Cursor& in) {
  if (in.take('*')) return SequenceSet::kStar;
  return in.nz_number();
}

// Of ranges that are sorted by their beginnings.
void join_neighbours(std::vector<Range>& ranges) {
  std::size_t kept = 0;
  for (const Range& range : ranges) {
    // last + 1 in 64 bits, for UIDs go up to 2^32-1.
    if (kept > 0 && range.first <= ranges[kept - 1].last + std::uint64_t{1}) {
      ranges[kept - 1].last = std::max(ranges[kept - 1].last, range.last);
    } else {
      ranges[kept++] = range;
    }
  }
  ranges.resize(kept);
}

}  // namespace

std::optional<SequenceSet> take_sequence_set(Cursor& in) {
  SequenceSet set;
  const Cursor before = in;
  if (in.take('$')) {
    set.saved = true;
    return set;
  }
  do {
    const auto first = take_seq_number(in);
    const auto last = first && in.take(':') ? take_seq_number(in) : first;
    if (!last) {
      in = before;
      return std::nullopt;
    }
    set.ranges.push_back({*first, *last});
  } while (in.take(','));
  return set;
}

std::vector<Range> SequenceSet::resolved(std::uint32_t star) const {
  std::vector<Range> out;
  out.reserve(ranges.size());
  for (const Range& range : ranges) {
    const std::uint32_t a = range.first == kStar ? star : range.first;
    const std::uint32_t b = range.last == kStar ? star : range.last;
    out.push_back({std::min(a, b), std::max(a, b)});
  }
  std::ranges::sort(out, {}, &Range::first);
  join_neighbours(out);
  return out;
}

void add_ascending(std::vector<Range>& set, std::uint32_t number) {
  if (!set.empty() && set.back().last + std::uint64_t{1} == number) {
    set.back().last = number;
  } else {
    set.push_back({number, number});
  }
}

bool contains(const std::vector<Range>& sorted, std::uint32_t number) {
  const auto after = std::ranges::upper_bound(sorted, number, {}, &Range::first);
  return after != sorted.begin() && number <= std::prev(after)->last;
}

std::vector<Range> slice(const std::vector<Range>& set, std::size_t begin, std::size_t end) {
  std::vector<Range> out;
  std::size_t before = 0;
  for (const Range& range : set) {
    const std::size_t size = std::size_t{range.last} - range.first + 1;
    const std::size_t from = std::clamp(begin, before, before + size) - before;
    const std::size_t until = std::clamp(end, before, before + size) - before;
    if (from < until) {
      out.push_back(
          {range.first + static_cast<std::uint32_t>(from), range.first + static_cast<std::uint32_t>(until - 1)});
    }
    before += size;
    if (before >= end) break;
  }
  return out;
}

std::vector<Range> intersection(const std::vector<Range>& a, const std::vector<Range>& b) {
  std::vector<Range> out;
  for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
    const Range both{std::max(i->first, j->first), std::min(i->last, j->last)};
    if (both.first <= both.last) out.push_back(both);
    if (i->last < j->last) {
      ++i;
    } else {
      ++j;
    }
  }
  return out;
}

std::vector<Range> joined(const std::vector<Range>& a, const std::vector<Range>& b) {
  std::vector<Range> out;
  out.reserve(a.size() + b.size());
  std::ranges::merge(a, b, std::back_inserter(out), {}, &Range::first, &Range::first);
  join_neighbours(out);
  return out;
}

std::vector<Range> without(const std::vector<Range>& a, const std::vector<Range>& b) {
  std::vector<Range> out;
  auto hole = b.begin();
  for (Range left : a) {
    while (hole != b.end() && hole->last < left.first) ++hole;
    // A hole may reach into the next range, so it is only passed when it ends within this one.
    for (; hole != b.end() && hole->first <= left.last; ++hole) {
      if (left.first < hole->first) out.push_back({left.first, hole->first - 1});
      if (hole->last >= left.last) {
        left.first = 0;
        break;
      }
      left.first = hole->last + 1;
    }
    if (left.first != 0) out.push_back(left);
  }
  return out;
}

std::size_t count_of(const std::vector<Range>& set) {
  std::size_t count = 0;
  for (const Range& range : set) count += std::size_t{range.last} - range.first + 1;
  return count;
}

void append_number(std::string& out, std::uint64_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

void append_set(std::string& out, const std::vector<Range>& ranges) {
  bool first = true;
  for (const Range& range : ranges) {
    if (!first) out += ',';
    first = false;
    append_number(out, range.first);
    if (range.last != range.first) {
      out += ':';
      append_number(out, range.last);
    }
  }
}

}  // namespace imap
