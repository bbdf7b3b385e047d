#pragma once
// Private to the room's tests. Mirror: a mailbox as a client knows it that believes every response and nothing else
// (RFC 9051 §7, RFC 7162 §3.2.10, §6, RFC 9586). What a server must never say fails the test where it is said.

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "imap/lexer.h"
#include "imap/sequence.h"

namespace imap::test {

using FlagSet = std::set<std::string>;

inline std::vector<std::uint32_t> numbers(std::string_view set) {
  Cursor in(set);
  std::vector<std::uint32_t> out;
  for (const Range& range : take_sequence_set(in)->resolved(0)) {
    for (std::uint32_t n = range.first; n <= range.last; ++n) out.push_back(n);
  }
  return out;
}

/// The text behind `word` up to `end`; nothing when it is not there.
inline std::optional<std::string> behind(std::string_view line, std::string_view word, char end) {
  const std::size_t at = line.find(word);
  if (at == std::string_view::npos) return std::nullopt;
  const std::size_t begin = at + word.size();
  return std::string(line.substr(begin, line.find(end, begin) - begin));
}

/// Without \Recent, which is the session's and not the message's.
inline FlagSet flag_set(std::string_view text) {
  FlagSet out;
  for (const auto word : base::split(text, ' ')) {
    if (!word.empty() && word != "\\Recent") out.emplace(word);
  }
  return out;
}

class Mirror {
 public:
  struct Entry {
    std::uint32_t uid = 0;         // 0: not told yet
    std::optional<FlagSet> flags;  // nothing: not told yet
  };
  bool uid_only = false;               // the client has enabled UIDONLY
  std::vector<Entry> entries;          // by sequence number; with UIDONLY those that are known, by UID, then the others
  std::uint64_t highest = 0;           // RFC 7162 §6: everything up to here is known
  std::vector<std::uint32_t> fetched;  // what the last command's (UID)FETCH responses were of, in their order
  std::vector<std::uint32_t> searched;  // what SEARCH has found

  /// The lines of one answer, the tagged one at its end. `resync`: of a SELECT (QRESYNC …) after which the entries are
  /// those that were known before.
  void take(const std::vector<std::string>& lines, bool resync = false) {
    fetched.clear();
    searched.clear();
    std::uint64_t seen = 0;
    std::optional<std::uint64_t> told;
    for (const std::string& line : lines) {
      INFO(line);
      if (const auto code = behind(line, "[HIGHESTMODSEQ ", ']')) told = base::parse_u64(*code);
      if (!line.starts_with("* ")) continue;
      const std::string_view rest = std::string_view(line).substr(2);
      if (rest.starts_with("VANISHED (EARLIER) ")) {
        vanished_earlier(numbers(rest.substr(19)));
        if (resync) entries.resize(exists_);
      } else if (rest.starts_with("VANISHED ")) {
        vanished(numbers(rest.substr(9)));
      } else if (rest.starts_with("SEARCH")) {
        for (const auto word : base::split(rest.substr(6), ' ')) {
          if (!word.empty() && word[0] != '(' && word.back() != ')') searched.push_back(*base::parse_u32(word));
        }
      } else if (base::is_digit(rest[0])) {
        const std::size_t space = rest.find(' ');
        const auto number = base::parse_u32(rest.substr(0, space));
        const std::string_view what = rest.substr(space + 1);
        if (what == "EXISTS") exists(*number, resync);
        if (what == "EXPUNGE") expunged(*number);
        if (what.starts_with("FETCH (")) fetch(*number, line, seen);
        if (what.starts_with("UIDFETCH (")) uid_fetch(*number, line, seen);
      }
    }
    if (resync) REQUIRE(entries.size() == exists_);
    if (told) {
      highest = *told;
    } else {
      highest = std::max(highest, seen);
    }
  }

  /// Of what a FETCH or UIDFETCH response is; nullptr: it is not there.
  const Entry* find(std::uint32_t number) const {
    if (!uid_only) return number >= 1 && number <= entries.size() ? &entries[number - 1] : nullptr;
    const auto found = std::ranges::find(entries, number, &Entry::uid);
    return found != entries.end() ? &*found : nullptr;
  }

  void forget() {
    const bool kept = uid_only;
    *this = {};
    uid_only = kept;
  }

 private:
  void exists(std::uint32_t number, bool resync) {
    // RFC 9051 §7.4.1: it only grows; what went was told before. At a resynchronisation VANISHED comes behind it.
    if (!resync) REQUIRE(number >= entries.size());
    if (number > entries.size()) entries.resize(number);
    exists_ = number;
  }
  void expunged(std::uint32_t number) {
    REQUIRE_FALSE(uid_only);
    REQUIRE(number >= 1);
    REQUIRE(number <= entries.size());
    entries.erase(entries.begin() + number - 1);
  }
  void vanished(const std::vector<std::uint32_t>& uids) {
    for (const std::uint32_t uid : uids) {
      auto found = std::ranges::find(entries, uid, &Entry::uid);
      // RFC 7162 §3.2.10.2: only what the client has been told of. Where it does not know the UID, it knows between
      // which.
      if (found == entries.end() && uid_only) {
        found = std::ranges::find(entries, 0u, &Entry::uid);
      } else if (found == entries.end()) {
        const auto below = std::ranges::find_if(entries.rbegin(), entries.rend(),
                                                [&](const Entry& entry) { return entry.uid != 0 && entry.uid < uid; });
        found = below.base();
      }
      REQUIRE(found != entries.end());
      REQUIRE((found->uid == 0 || found->uid == uid));
      entries.erase(found);
    }
  }
  void vanished_earlier(const std::vector<std::uint32_t>& uids) {
    for (const std::uint32_t uid : uids) {
      const auto found = std::ranges::find(entries, uid, &Entry::uid);
      if (found != entries.end()) entries.erase(found);
    }
  }
  // RFC 9586: the message that the number names has this UID. One that was not known is one of those that EXISTS told.
  void uid_fetch(std::uint32_t uid, const std::string& line, std::uint64_t& seen) {
    REQUIRE(uid_only);
    fetched.push_back(uid);
    auto found = std::ranges::find(entries, uid, &Entry::uid);
    if (found == entries.end()) found = std::ranges::find(entries, 0u, &Entry::uid);
    REQUIRE(found != entries.end());
    found->uid = uid;
    if (const auto item = behind(line, "(UID ", ' ')) REQUIRE(base::parse_u32(*item) == uid);
    if (const auto flags = behind(line, "FLAGS (", ')')) found->flags = flag_set(*flags);
    if (const auto modseq = behind(line, "MODSEQ (", ')')) seen = std::max(seen, *base::parse_u64(*modseq));
    std::ranges::sort(entries, {}, [](const Entry& entry) { return std::pair(entry.uid == 0, entry.uid); });
  }
  void fetch(std::uint32_t number, const std::string& line, std::uint64_t& seen) {
    REQUIRE_FALSE(uid_only);
    REQUIRE(number >= 1);
    REQUIRE(number <= entries.size());
    fetched.push_back(number);
    Entry& entry = entries[number - 1];
    const auto flags = behind(line, "FLAGS (", ')');
    if (flags && (entry.uid != 0 || behind(line, "UID ", ' '))) entry.flags = flag_set(*flags);
    if (const auto modseq = behind(line, "MODSEQ (", ')')) seen = std::max(seen, *base::parse_u64(*modseq));
    auto uid = behind(line, "UID ", ' ');
    if (!uid) return;
    if (uid->ends_with(')')) uid->pop_back();
    const std::uint32_t told = *base::parse_u32(*uid);
    if (entry.uid != 0) REQUIRE(entry.uid == told);
    entry.uid = told;
    std::uint32_t last = 0;
    for (const Entry& other : entries) {
      if (other.uid == 0) continue;
      REQUIRE(other.uid > last);
      last = other.uid;
    }
  }

  std::uint32_t exists_ = 0;
};

}  // namespace imap::test
