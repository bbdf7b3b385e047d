#include "imap/resync.h"

#include <algorithm>

namespace imap {

namespace {

using mailstore::Uid;

// Those of the ascending `uids` that are in the ranges and are no messages any more.
std::vector<Range> known_gone(const mailstore::View& view, const std::vector<Range>& ranges,
                              const std::vector<Uid>& uids) {
  std::vector<Range> gone;
  for (const Uid uid : uids) {
    if (contains(ranges, uid) && !view.find(uid)) add_ascending(gone, uid);
  }
  return gone;
}

// What the ranges hold and the view does not. Walks the messages once, not the UIDs.
std::vector<Range> all_gone(const mailstore::View& view, const std::vector<Range>& ranges) {
  std::vector<Range> gone;
  for (const Range& range : ranges) {
    std::uint64_t next = range.first;
    const std::uint64_t end = std::min<std::uint64_t>(std::uint64_t{range.last} + 1, view.uid_next());
    for (std::size_t i = view.lower_bound(range.first); i < view.size() && next < end; ++i) {
      const Uid uid = view.at(i).uid;
      if (uid >= end) break;
      if (uid > next) gone.push_back({static_cast<Uid>(next), uid - 1});
      next = std::uint64_t{uid} + 1;
    }
    if (next < end) gone.push_back({static_cast<Uid>(next), static_cast<Uid>(end - 1)});
  }
  return gone;
}

// RFC 7162 §3.2.5.2: up to the last number that still has the UID it had, the client knows what has vanished.
Uid matched_until(const mailstore::View& view, const Resync& resync) {
  Uid matched = 0;
  auto uids = resync.uids.ranges.begin();
  std::uint64_t offset = 0;
  for (const Range& numbers : resync.sequence.ranges) {
    for (std::uint64_t number = numbers.first; number <= numbers.last; ++number, ++offset) {
      while (uids != resync.uids.ranges.end() && offset > uids->last - uids->first) {
        ++uids;
        offset = 0;
      }
      if (uids == resync.uids.ranges.end() || number > view.size()) return matched;
      const Uid uid = uids->first + static_cast<Uid>(offset);
      if (view.at(static_cast<std::size_t>(number - 1)).uid == uid) matched = uid;
    }
  }
  return matched;
}

// The ranges without what is not above `uid`.
std::vector<Range> above(std::vector<Range> ranges, Uid uid) {
  std::erase_if(ranges, [&](const Range& range) { return range.last <= uid; });
  if (!ranges.empty()) ranges.front().first = std::max(ranges.front().first, uid + 1);
  return ranges;
}

}  // namespace

std::vector<Range> wanted_uids(const Selected& selected, const SequenceSet& set) {
  if (set.saved) return selected.saved;
  return set.resolved(selected.size() > 0 ? selected.uid(selected.size() - 1) : selected.view()->uid_next());
}

net::Task<base::Result<void>> write_vanished(Session& session, std::vector<Range> uids, mailstore::ModSeq since) {
  // Kept by us: what vanishes from now on is told in its own time.
  const auto view = session.selected->view();
  const auto known = co_await session.services.mail.vanished(session.selected->account, view->mailbox(), since);
  if (!known) co_return std::unexpected(known.error());
  const auto gone = *known ? known_gone(*view, uids, **known) : all_gone(*view, uids);
  constexpr std::size_t kAtOnce = 4000;
  for (std::size_t begin = 0; begin < gone.size(); begin += kAtOnce) {
    append_vanished(session.out, std::span(gone).subspan(begin, std::min(kAtOnce, gone.size() - begin)), true);
    if (session.out.size() >= kFlushBytes) co_await session.flush();
  }
  co_return base::Result<void>();
}

net::Task<base::Result<void>> write_missed(Session& session, Resync resync) {
  const Selected& selected = *session.selected;
  const auto view = selected.view();
  // RFC 7162 §3.2.5: with another UIDVALIDITY nothing that the client knows means anything here.
  if (resync.uid_validity != view->uid_validity()) co_return base::Result<void>();
  // RFC 7162 §3.2.5.1: without a set it knows everything up to UIDNEXT.
  const std::vector<Range> known = resync.known           ? resync.known->resolved(0)
                                   : view->uid_next() > 1 ? std::vector<Range>{{1, view->uid_next() - 1}}
                                                          : std::vector<Range>();
  auto done = co_await write_vanished(session, above(known, matched_until(*view, resync)), resync.modseq);
  if (!done) co_return done;
  for (const Range& range : known) {
    for (std::size_t i = view->lower_bound(range.first); i < view->size() && view->at(i).uid <= range.last; ++i) {
      const mailstore::Row& row = view->at(i);
      if (row.modseq <= resync.modseq) continue;
      std::string& out = session.out;
      append_fetch_begin(out, i + 1, row.uid, session.uid_only);
      if (!session.uid_only) {
        out += "UID ";
        append_number(out, row.uid);
        out += ' ';
      }
      out += "FLAGS ";
      selected.append_flags(out, row, session.rev2);
      append_modseq(out, row.modseq);
      out += ")\r\n";
      if (out.size() >= kFlushBytes) co_await session.flush();
    }
  }
  co_return base::Result<void>();
}

}  // namespace imap
