// MESSAGELIMIT (RFC 9738).
#include "imap/message_limit.h"

#include <algorithm>
#include <limits>

namespace imap {

namespace {

using mailstore::Uid;
using mailstore::View;
using Op = SearchStep::Op;

std::size_t limit_of(const Session& session) {
  return session.config->max_messages != 0 ? session.config->max_messages : std::numeric_limits<std::size_t>::max();
}

// The first row behind a UID.
std::size_t behind(const View& view, Uid uid) { return uid == UINT32_MAX ? view.size() : view.lower_bound(uid + 1); }

std::string code_of(const Session& session, std::optional<Uid> lowest) {
  std::string code = "MESSAGELIMIT " + std::to_string(session.config->max_messages);
  if (lowest) code += " " + std::to_string(*lowest);
  return code;
}

std::vector<Range> uids_of(const Selected& selected, const SearchStep& step) {
  const std::size_t size = selected.size();
  if (step.set.saved) return selected.saved;
  if (step.op == Op::uid) {
    return step.set.resolved(size > 0 ? selected.uid(size - 1) : selected.view()->uid_next());
  }
  std::vector<Range> out;
  for (const Range& range : step.set.resolved(static_cast<std::uint32_t>(size))) {
    const std::size_t last = std::min<std::size_t>(range.last, size);
    if (range.first == 0 || range.first > last) continue;
    out.push_back({selected.uid(range.first - 1), selected.uid(last - 1)});
  }
  return out;
}

// Keys that must all be true: the parts of the last "and", or the only key. Indexes of those that are no compounds.
std::vector<std::size_t> topmost(const std::vector<SearchStep>& program) {
  constexpr std::size_t kCompound = SIZE_MAX;
  std::vector<std::size_t> stack;
  for (std::size_t i = 0; i < program.size(); ++i) {
    std::size_t takes = 0;
    if (program[i].op == Op::op_not) takes = 1;
    if (program[i].op == Op::op_or) takes = 2;
    if (program[i].op == Op::op_and) takes = program[i].count;
    if (program[i].op == Op::op_and && i + 1 == program.size()) break;
    stack.resize(stack.size() - takes);
    stack.push_back(takes == 0 ? i : kCompound);
  }
  std::erase(stack, kCompound);
  return stack;
}

std::vector<const SearchStep*> topmost_sets(const Search& request) {
  std::vector<const SearchStep*> out;
  for (const std::size_t at : topmost(request.program)) {
    const SearchStep& step = request.program[at];
    if (step.op == Op::uid || step.op == Op::sequence) out.push_back(&step);
  }
  return out;
}

}  // namespace

bool exceeds_limit(const Session& session, std::size_t messages) { return messages > limit_of(session); }

std::optional<Uid> keep_highest(const Session& session, std::vector<Selected::Run>& runs) {
  std::size_t left = limit_of(session);
  for (std::size_t i = runs.size(); i > 0; --i) {
    Selected::Run& run = runs[i - 1];
    if (run.end - run.begin <= left) {
      left -= run.end - run.begin;
      continue;
    }
    run.begin = run.end - left;
    runs.erase(runs.begin(), runs.begin() + static_cast<std::ptrdiff_t>(left > 0 ? i - 1 : i));
    return session.selected->uid(runs.front().begin);
  }
  return std::nullopt;
}

std::optional<Uid> keep_highest(const Session& session, std::vector<Uid>& uids) {
  if (!exceeds_limit(session, uids.size())) return std::nullopt;
  uids.erase(uids.begin(), uids.end() - static_cast<std::ptrdiff_t>(limit_of(session)));
  return uids.front();
}

std::optional<Uid> keep_highest(const Session& session, const View& view, std::vector<Range>& uids) {
  std::size_t left = limit_of(session);
  std::size_t lowest = 0;  // row that is left
  for (std::size_t i = uids.size(); i > 0; --i) {
    Range& range = uids[i - 1];
    const std::size_t begin = view.lower_bound(range.first);
    const std::size_t end = behind(view, range.last);
    if (end - begin <= left) {
      left -= end - begin;
      if (end > begin) lowest = begin;
      continue;
    }
    if (left > 0) {
      lowest = end - left;
      range.first = view.at(lowest).uid;
    }
    uids.erase(uids.begin(), uids.begin() + static_cast<std::ptrdiff_t>(left > 0 ? i - 1 : i));
    return view.at(lowest).uid;
  }
  return std::nullopt;
}

bool names_messages(const Search& request) { return !topmost_sets(request).empty(); }

std::vector<Range> searched(const Selected& selected, const Search& request) {
  std::vector<Range> out{{1, UINT32_MAX}};
  for (const SearchStep* step : topmost_sets(request)) out = intersection(out, uids_of(selected, *step));
  return out;
}

std::size_t count_messages(const View& view, const std::vector<Range>& uids) {
  std::size_t count = 0;
  for (const Range& range : uids) count += behind(view, range.last) - view.lower_bound(range.first);
  return count;
}

Reply limited(Session& session, Reply reply, std::optional<Uid> lowest) {
  if (!lowest || reply.kind != Reply::Kind::ok) return reply;
  const std::string code = "[" + code_of(session, lowest) + "] ";
  if (reply.text.starts_with('[')) {
    session.line("* NO " + code + std::string(says::kLimited));
  } else {
    reply.text = code + reply.text;
  }
  return reply;
}

Reply over_limit(const Session& session) {
  return no("[" + code_of(session, std::nullopt) + "] " + std::string(says::kOverLimit));
}

}  // namespace imap
