#include "imap/selected.h"

#include <algorithm>

#include "base/text.h"
#include "imap/reply.h"

namespace imap {

namespace {

using mailstore::FlagChange;
using mailstore::Row;
using mailstore::Uid;
using mailstore::View;

// Of one VANISHED response: lines of some ten thousand bytes at most.
constexpr std::size_t kVanishedRanges = 1000;

constexpr std::pair<std::uint8_t, std::string_view> kFlagNames[] = {
    {mailstore::kAnswered, "\\Answered"}, {mailstore::kFlagged, "\\Flagged"}, {mailstore::kDeleted, "\\Deleted"},
    {mailstore::kSeen, "\\Seen"},         {mailstore::kDraft, "\\Draft"},
};

std::vector<std::string> folded(const std::vector<std::string>& keywords) {
  std::vector<std::string> out;
  for (const auto& keyword : keywords) out.push_back(base::lower(keyword));
  std::ranges::sort(out);
  return out;
}

// Whether `after` is what the client must think it is: its own change applied to what it knew.
bool is_expected(const View& older, const Row& before, const View& newer, const Row& after, const StoreEcho& echo) {
  std::uint8_t system = before.flags;
  std::vector<std::string> keywords = folded(older.keyword_set(before.keywords));
  const std::vector<std::string> given = folded(echo.flags.keywords);
  std::vector<std::string> expected;
  switch (echo.change) {
    case FlagChange::set:
      system = echo.flags.system;
      expected = given;
      break;
    case FlagChange::add:
      system |= echo.flags.system;
      std::ranges::set_union(keywords, given, std::back_inserter(expected));
      break;
    case FlagChange::remove:
      system &= static_cast<std::uint8_t>(~echo.flags.system);
      std::ranges::set_difference(keywords, given, std::back_inserter(expected));
      break;
  }
  return after.flags == system && folded(newer.keyword_set(after.keywords)) == expected;
}

}  // namespace

void append_fetch_begin(std::string& out, std::size_t number, Uid uid, bool uid_only) {
  out += "* ";
  append_number(out, uid_only ? uid : number);
  out += uid_only ? " UIDFETCH (" : " FETCH (";
}

void append_modseq(std::string& out, mailstore::ModSeq modseq) {
  if (out.back() != '(') out += ' ';
  out += "MODSEQ (";
  append_number(out, modseq);
  out += ')';
}

void append_vanished(std::string& out, std::span<const Range> uids, bool earlier) {
  for (std::size_t begin = 0; begin < uids.size(); begin += kVanishedRanges) {
    out += earlier ? "* VANISHED (EARLIER) " : "* VANISHED ";
    const auto some = uids.subspan(begin, std::min(kVanishedRanges, uids.size() - begin));
    append_set(out, {some.begin(), some.end()});
    out += "\r\n";
  }
}

void append_system_flags(std::string& out, std::uint8_t flags) {
  for (const auto& [bit, word] : kFlagNames) {
    if (!(flags & bit)) continue;
    if (!out.empty() && out.back() != '(') out += ' ';
    out += word;
  }
}

Selected::Selected(std::shared_ptr<const View> view)
    : view_(std::move(view)),
      told_size_(view_->size()),
      told_keywords_(view_->keywords().size()),
      told_modseq_(view_->highest_modseq()) {}

// Ghost k stands before the row i when fewer than i + 1 rows stand before it: its index less k is at most i.
std::size_t Selected::ghosts_before_row(std::size_t view_index) const {
  std::size_t low = 0;
  std::size_t high = ghosts_.size();
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (ghosts_[middle].index - middle <= view_index) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

std::size_t Selected::index_of_row(std::size_t view_index) const {
  return ghosts_.empty() ? view_index : view_index + ghosts_before_row(view_index);
}

const Row* Selected::row(std::size_t index) const {
  if (ghosts_.empty()) return &view_->at(index);
  const auto ghost = std::ranges::lower_bound(ghosts_, index, {}, &Ghost::index);
  if (ghost != ghosts_.end() && ghost->index == index) return nullptr;
  return &view_->at(index - static_cast<std::size_t>(ghost - ghosts_.begin()));
}

Uid Selected::uid(std::size_t index) const {
  if (const Row* found = row(index)) return found->uid;
  return std::ranges::lower_bound(ghosts_, index, {}, &Ghost::index)->uid;
}

std::size_t Selected::lower_bound(Uid uid) const {
  const auto ghosts_below = std::ranges::lower_bound(ghosts_, uid, {}, &Ghost::uid) - ghosts_.begin();
  return view_->lower_bound(uid) + static_cast<std::size_t>(ghosts_below);
}

std::optional<std::vector<Selected::Run>> Selected::find(const SequenceSet& set, bool uids) const {
  std::vector<Run> runs;
  const auto add = [&](std::size_t begin, std::size_t end) {
    if (begin >= end) return;
    if (!runs.empty() && begin <= runs.back().end) {
      runs.back().end = std::max(runs.back().end, end);
    } else {
      runs.push_back({begin, end});
    }
  };
  const auto after = [&](Uid last) { return last == UINT32_MAX ? size() : lower_bound(last + 1); };
  if (set.saved) {
    for (const Range& range : saved) add(lower_bound(range.first), after(range.last));
    return runs;
  }
  if (uids) {
    // RFC 9051 §9: "*" is the UID of the last message, or UIDNEXT in an empty mailbox.
    const Uid star = size() > 0 ? uid(size() - 1) : view_->uid_next();
    for (const Range& range : set.resolved(star)) add(lower_bound(range.first), after(range.last));
    return runs;
  }
  for (const Range& range : set.resolved(static_cast<std::uint32_t>(size()))) {
    if (range.first == 0 || range.last > size()) return std::nullopt;
    add(range.first - 1, range.last);
  }
  return runs;
}

void Selected::add_ghosts(const std::vector<std::uint32_t>& expunged) {
  if (expunged.empty()) return;
  std::vector<Ghost> merged;
  merged.reserve(ghosts_.size() + expunged.size());
  std::vector<Ghost> fresh;
  fresh.reserve(expunged.size());
  for (const std::uint32_t position : expunged) fresh.push_back({index_of_row(position), view_->at(position).uid});
  std::ranges::merge(ghosts_, fresh, std::back_inserter(merged), {}, &Ghost::index, &Ghost::index);
  ghosts_ = std::move(merged);
}

void Selected::tell_expunged(std::string& out, bool vanished) {
  if (vanished) {
    // RFC 7162 §3.2.10.2.
    std::vector<Range> uids;
    for (const Ghost& ghost : ghosts_) add_ascending(uids, ghost.uid);
    append_vanished(out, uids, false);
  } else {
    // From the last to the first, so that the numbers of those that are still to come stay right.
    for (auto ghost = ghosts_.rbegin(); ghost != ghosts_.rend(); ++ghost) {
      out += "* ";
      append_number(out, ghost->index + 1);
      out += " EXPUNGE\r\n";
    }
  }
  told_size_ -= ghosts_.size();  // each of them was told of: a view is announced as soon as it is taken
  ghosts_.clear();
}

void Selected::tell_message(std::string& out, Uid uid, Form form, const Telling& telling) const {
  const auto found = view_->find(uid);
  if (!found) return;
  const Row& row = view_->at(*found);
  append_fetch_begin(out, index_of_row(*found) + 1, uid, telling.uid_only);
  if (form.uid && !telling.uid_only) {
    out += "UID ";
    append_number(out, uid);
  }
  if (form.flags) {
    out += out.back() == '(' ? "FLAGS " : " FLAGS ";
    append_flags(out, row, telling.rev2);
  }
  if (form.modseq) append_modseq(out, row.modseq);
  out += ")\r\n";
}

// What the client's own STORE did, in the form that it asked for. RFC 7162 §3.2.4: for who knows CONDSTORE with the UID
// and the mod-sequence, even when it was silent.
void Selected::tell_echo(const Step& step, const Telling& telling, std::string& out) const {
  const StoreEcho& echo = *telling.echo;
  const Form form{.uid = echo.with_uid || telling.condstore, .flags = !echo.silent, .modseq = telling.condstore};
  for (const Uid uid : echo.uids) {
    if (!echo.silent) {
      tell_message(out, uid, form, telling);
    } else if (echo.conditional && !std::ranges::binary_search(step.changed, uid)) {
      tell_message(out, uid, form, telling);
    }
  }
  // RFC 7162 §3.1.3: what failed is shown as it is, so that the client need not ask.
  for (const Uid uid : echo.refused) {
    if (std::ranges::binary_search(step.changed, uid)) continue;
    tell_message(out, uid, {.uid = true, .flags = true, .modseq = true}, telling);
  }
}

void Selected::tell_changed(const Step& step, const Telling& telling, std::string& out) {
  const StoreEcho* echo = telling.echo;
  if (echo != nullptr) tell_echo(step, telling, out);
  for (const Uid uid : step.changed) {
    if (echo != nullptr && std::ranges::binary_search(echo->uids, uid)) {
      if (!echo->silent) continue;
      const auto before = step.older->find(uid);
      const auto after = view_->find(uid);
      if (before && after && is_expected(*step.older, step.older->at(*before), *view_, view_->at(*after), *echo)) {
        if (echo->modseqs) tell_message(out, uid, {.uid = true, .flags = false, .modseq = true}, telling);
        continue;
      }
    }
    if (!telling.flags) {
      hidden_changes_ = true;
      continue;
    }
    // RFC 9051 §6.4.6, §7.5.2: changes by others are told in any case, and with the UID.
    tell_message(out, uid, {.uid = true, .flags = true, .modseq = telling.condstore}, telling);
  }
}

Selected::Step Selected::take(std::shared_ptr<const View> newer) {
  Step step{.older = view_, .changed = {}, .expunged = {}};
  if (newer != view_) {
    auto difference = mailstore::compare(*view_, *newer);
    for (const std::uint32_t position : difference.expunged) step.expunged.push_back(view_->at(position).uid);
    add_ghosts(difference.expunged);
    step.changed = std::move(difference.changed);
    view_ = std::move(newer);
  }
  return step;
}

void Selected::tell(const Step& step, const Telling& telling, std::string& out) {
  if (view_->keywords().size() != told_keywords_) {
    append_all_flags(out);
    told_keywords_ = view_->keywords().size();
  }
  if (telling.expunge && !ghosts_.empty()) tell_expunged(out, telling.qresync || telling.uid_only);
  tell_changed(step, telling, out);
  if (ghosts_.empty() && !hidden_changes_) told_modseq_ = view_->highest_modseq();
  if (size() > told_size_) {
    told_size_ = size();
    out += "* ";
    append_number(out, told_size_);
    out += " EXISTS\r\n";
    if (!telling.rev2) {
      out += "* ";
      append_number(out, count_recent());
      out += " RECENT\r\n";
    }
  }
}

// RFC 7162 §3.2, §6: until EXPUNGE responses that wait are sent, a client must not take the mod-sequences of later
// changes for what it knows everything of, or it would never hear of them if the connection broke now.
void Selected::tell_held_modseq(std::string& out) {
  const bool hold = !ghosts_.empty();
  if (hold || held_modseq_) append_code(out, "HIGHESTMODSEQ", told_modseq_, says::kHighestModSeq);
  held_modseq_ = hold;
}

std::size_t Selected::count_recent() const {
  std::size_t count = 0;
  for (const Range& range : recent) {
    const std::size_t end = range.last == UINT32_MAX ? view_->size() : view_->lower_bound(range.last + 1);
    count += end - view_->lower_bound(range.first);
  }
  return count;
}

void Selected::append_flags(std::string& out, const Row& row, bool rev2) const {
  out += '(';
  append_system_flags(out, row.flags);
  if (row.keywords != 0 || !view_->keyword_set(0).empty()) {
    for (const auto& keyword : view_->keyword_set(row.keywords)) {
      if (out.back() != '(') out += ' ';
      out += keyword;
    }
  }
  if (!rev2 && is_recent(row.uid)) out += out.back() == '(' ? "\\Recent" : " \\Recent";
  out += ')';
}

void Selected::append_keywords(std::string& out) const {
  for (const auto& keyword : view_->keywords()) {
    out += ' ';
    out += keyword;
  }
}

void Selected::append_all_flags(std::string& out) const {
  out += "* FLAGS (";
  append_system_flags(out, mailstore::kAllFlags);
  append_keywords(out);
  out += ")\r\n";
}

}  // namespace imap
