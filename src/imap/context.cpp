// Contexts of SEARCH and SORT, and CANCELUPDATE (RFC 5267 §4.3).
#include "imap/context.h"

#include <algorithm>
#include <unordered_map>

#include "imap/names.h"
#include "imap/search.h"
#include "imap/sort_keys.h"

namespace imap {

namespace {

using mailstore::Uid;
using Op = SearchStep::Op;
using Reader = mailstore::EmailReader;

constexpr std::chrono::milliseconds kJobTime{50};

// A result that comes to a sorted context.
struct Arrival {
  Uid uid = 0;
  SortValues values;
  std::size_t before = 0;  // the place of the old order that it comes before
};

/// What the jobs on the pool work on; nobody else looks at it meanwhile.
struct Placing {
  std::shared_ptr<const mailstore::View> view;
  std::vector<Sort::Criterion> criteria;
  std::vector<Uid> order;
  std::vector<Uid> fresh;  // ascending
  std::size_t next = 0;
  std::vector<Arrival> arrivals;
  std::unordered_map<Uid, std::optional<SortValues>> known;  // nothing: it cannot be read
};

base::Result<const std::optional<SortValues>*> values_of(Reader& reader, Placing& placing, Uid uid) {
  const auto [at, made] = placing.known.try_emplace(uid);
  if (!made) return &at->second;
  const auto index = placing.view->find(uid);
  if (!index) return &at->second;
  auto values = read_sort_values(reader, placing.criteria, placing.view->at(*index));
  if (values) {
    at->second = std::move(*values);
  } else if (values.error().code == base::Code::unavailable) {
    placing.known.erase(at);
    return std::unexpected(std::move(values).error());
  }
  return &at->second;
}

// By halving. What was expunged meanwhile cannot be compared with, so a neighbour takes its place; where there is none,
// it does not matter on which side of what is about to leave a message comes.
base::Result<std::size_t> place_of(Reader& reader, Placing& placing, Uid uid, const SortValues& values) {
  std::size_t low = 0;
  std::size_t high = placing.order.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    std::size_t at = middle;
    const std::optional<SortValues>* other = nullptr;
    for (; at < high; ++at) {
      TRY_ASSIGN(other, values_of(reader, placing, placing.order[at]));
      if (*other) break;
    }
    if (at == high) {
      high = middle;
      continue;
    }
    const auto order = compare_sorted(placing.criteria, **other, values);
    if (order < 0 || (order == 0 && placing.order[at] < uid)) {
      low = at + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

base::Result<void> place_some(Reader& reader, Placing& placing) {
  const auto until = std::chrono::steady_clock::now() + kJobTime;
  for (; placing.next < placing.fresh.size() && std::chrono::steady_clock::now() < until; ++placing.next) {
    const Uid uid = placing.fresh[placing.next];
    const auto index = placing.view->find(uid);
    if (!index) continue;
    auto values = read_sort_values(reader, placing.criteria, placing.view->at(*index));
    if (!values) {
      if (values.error().code == base::Code::unavailable) return std::unexpected(std::move(values).error());
      continue;  // RFC 2180 §4.3: what cannot be read is not found
    }
    TRY_ASSIGN(const std::size_t before, place_of(reader, placing, uid, *values));
    placing.arrivals.push_back({uid, std::move(*values), before});
  }
  if (placing.next < placing.fresh.size()) return {};
  std::ranges::sort(placing.arrivals, [&](const Arrival& a, const Arrival& b) {
    if (a.before != b.before) return a.before < b.before;
    const auto order = compare_sorted(placing.criteria, a.values, b.values);
    return order != 0 ? order < 0 : a.uid < b.uid;
  });
  return {};
}

}  // namespace

class Context {
 public:
  const std::string tag;

  Context(std::string_view the_tag, Correlator correlator, Search search, std::vector<Range> found)
      : tag(the_tag), correlator_(std::move(correlator)), search_(std::move(search)), found_(std::move(found)) {}

  void sort_by(std::vector<Sort::Criterion> criteria, std::vector<Uid> order) {
    criteria_ = std::move(criteria);
    order_ = std::move(order);
  }

  bool numbered() const { return !correlator_.uids; }
  std::size_t bytes() const { return found_.size() * sizeof(Range) + order_.size() * sizeof(Uid); }

  void remove(const Selected& selected, const std::vector<Range>& gone, std::string& out) {
    const std::vector<Range> lost = intersection(found_, gone);
    if (lost.empty()) return;
    out += correlator_.begin;
    take_away(selected, lost, out);
    out += "\r\n";
  }

  net::Task<base::Result<void>> consider(Session& session, std::vector<Range> touched, Uid first_new) {
    const Selected& selected = *session.selected;
    Progress progress(session, says::kStillSearching);
    const auto searching = std::make_unique<Searching>(session, selected, search_, progress);
    const auto done = co_await searching->run(touched);
    if (!done) co_return done;
    const std::vector<Range> lost = without(intersection(found_, touched), searching->uids());
    const std::vector<Range> won = without(searching->uids(), found_);
    if (lost.empty() && won.empty()) co_return base::Result<void>();
    if (search_.items) {
      // RFC 5465 §7: of what has come, not of what was there and matches now.
      const auto told = co_await write_messages(session, *search_.items, intersection(won, {{first_new, UINT32_MAX}}));
      if (!told) co_return told;
    }
    std::string line = correlator_.begin;
    if (!lost.empty()) take_away(selected, lost, line);
    if (!won.empty() && sorted()) {
      const auto placed = co_await put_in_order(session, won, line);
      if (!placed) co_return placed;
    } else if (!won.empty()) {
      found_ = joined(found_, won);
      append_item(line, " ADDTO (0 ", numbers(selected, won));
    }
    if (line.size() != correlator_.begin.size()) session.line(line);
    co_return base::Result<void>();
  }

 private:
  bool sorted() const { return !criteria_.empty(); }

  static void append_item(std::string& out, std::string_view word, const std::vector<Range>& set) {
    out += word;
    append_set(out, set);
    out += ')';
  }

  std::uint32_t number(const Selected& selected, Uid uid) const {
    return correlator_.uids ? uid : static_cast<std::uint32_t>(selected.lower_bound(uid) + 1);
  }
  std::vector<Range> numbers(const Selected& selected, const std::vector<Range>& set) const {
    if (correlator_.uids) return set;
    std::vector<Range> out;
    for (const Range& range : set) {
      for (std::uint64_t uid = range.first; uid <= range.last; ++uid) {
        add_ascending(out, number(selected, static_cast<Uid>(uid)));
      }
    }
    return out;
  }

  // RFC 5267 §4.3.4. Positions of a sorted result are told from the last to the first, so that none of them shifts
  // before its turn.
  void take_away(const Selected& selected, const std::vector<Range>& lost, std::string& out) {
    found_ = without(found_, lost);
    if (!sorted()) return append_item(out, " REMOVEFROM (0 ", numbers(selected, lost));
    out += " REMOVEFROM (";
    for (std::size_t end = order_.size(); end > 0;) {
      if (!contains(lost, order_[end - 1])) {
        --end;
        continue;
      }
      std::size_t begin = end - 1;
      while (begin > 0 && contains(lost, order_[begin - 1])) --begin;
      append_run(selected, begin + 1, std::span(order_).subspan(begin, end - begin), out);
      end = begin;
    }
    out += ')';
    std::erase_if(order_, [&](Uid uid) { return contains(lost, uid); });
  }

  // " 3 17,12:14" inside the parentheses.
  void append_run(const Selected& selected, std::size_t position, std::span<const Uid> run, std::string& out) const {
    if (out.back() != '(') out += ' ';
    append_number(out, position);
    out += ' ';
    std::vector<Range> set;
    for (const Uid uid : run) add_ascending(set, number(selected, uid));
    append_set(out, set);
  }

  // RFC 5267 §4.3.3: what comes is told in its order, each where it stands when all before it have come.
  net::Task<base::Result<void>> put_in_order(Session& session, std::vector<Range> won, std::string& out) {
    auto placing = std::make_shared<Placing>();
    placing->view = session.selected->view();
    placing->criteria = criteria_;
    placing->order = order_;
    for (const Range& range : won) {
      for (std::uint64_t uid = range.first; uid <= range.last; ++uid) placing->fresh.push_back(static_cast<Uid>(uid));
    }
    do {
      const auto done = co_await session.services.mail.read(
          session.selected->account, [placing](Reader& reader) { return place_some(reader, *placing); });
      if (!done) co_return done;
    } while (placing->next < placing->fresh.size());
    if (!placing->arrivals.empty()) merge(*session.selected, placing->arrivals, out);
    co_return base::Result<void>();
  }

  void merge(const Selected& selected, const std::vector<Arrival>& arrivals, std::string& out) {
    std::vector<Uid> merged;
    merged.reserve(order_.size() + arrivals.size());
    std::vector<Range> added;
    std::size_t old = 0;
    out += " ADDTO (";
    for (auto next = arrivals.begin(); next != arrivals.end();) {
      merged.insert(merged.end(), order_.begin() + static_cast<std::ptrdiff_t>(old),
                    order_.begin() + static_cast<std::ptrdiff_t>(next->before));
      old = next->before;
      const std::size_t begin = merged.size();
      for (; next != arrivals.end() && next->before == old; ++next) {
        merged.push_back(next->uid);
        added.push_back({next->uid, next->uid});
      }
      append_run(selected, begin + 1, std::span(merged).subspan(begin), out);
    }
    out += ')';
    merged.insert(merged.end(), order_.begin() + static_cast<std::ptrdiff_t>(old), order_.end());
    order_ = std::move(merged);
    std::ranges::sort(added, {}, &Range::first);
    found_ = joined(found_, added);
  }

  Correlator correlator_;
  Search search_;
  std::vector<Range> found_;               // UIDs
  std::vector<Sort::Criterion> criteria_;  // none: in the order of the mailbox
  std::vector<Uid> order_;                 // of found_, by the criteria
};

namespace {

// "7:*" as long as there is a message with that number: it and all above, whatever the last one is.
bool freeze_star(SequenceSet& set, Uid last) {
  for (Range& range : set.ranges) {
    if (range.first != SequenceSet::kStar && range.last != SequenceSet::kStar) continue;
    const Uid first = std::max(range.first, range.last);
    if (first == SequenceSet::kStar || first > last) return false;
    range = {first, UINT32_MAX};
  }
  return true;
}

// The search as it will be judged again. RFC 5267 §4.3: sequence numbers mean the messages that have them now, and so
// does "$". Nothing where the truth changes while no message does: with the time, or with what the last UID is.
std::optional<Search> frozen(const Search& request, const Selected& selected) {
  Search out = request;
  const std::size_t size = selected.size();
  for (SearchStep& step : out.program) {
    if (step.op == Op::older || step.op == Op::younger) return std::nullopt;
    if (step.op != Op::sequence && step.op != Op::uid) continue;
    if (step.set.saved) {
      step.set = {.ranges = selected.saved};
    } else if (step.op == Op::uid) {
      if (!freeze_star(step.set, size > 0 ? selected.uid(size - 1) : 0)) return std::nullopt;
    } else {
      SequenceSet uids;
      for (const Range& range : step.set.resolved(static_cast<std::uint32_t>(size))) {
        for (std::size_t i = std::max<std::size_t>(range.first, 1); i <= std::min<std::size_t>(range.last, size); ++i) {
          add_ascending(uids.ranges, selected.uid(i - 1));
        }
      }
      step.set = std::move(uids);
    }
    step.op = Op::uid;
  }
  return out;
}

// `criteria`: none, or what `order` follows.
void begin_context(Session& session, std::string_view tag, Correlator correlator, const Search& request,
                   const std::vector<Range>& found, const std::vector<Sort::Criterion>& criteria = {},
                   std::vector<Uid> order = {}) {
  auto search = frozen(request, *session.selected);
  if (!search) return refuse_update(session, tag, says::kNotFollowed);
  auto context = std::make_unique<Context>(tag, std::move(correlator), std::move(*search), found);
  if (!criteria.empty()) context->sort_by(criteria, std::move(order));
  if (!session.contexts) session.contexts = std::make_unique<Contexts>();
  if (!session.contexts->add(std::move(context))) refuse_update(session, tag, says::kManyContexts);
}

}  // namespace

Contexts::Contexts() = default;
Contexts::~Contexts() = default;

bool Contexts::has(std::string_view tag) const {
  return std::ranges::any_of(contexts_, [&](const auto& context) { return context->tag == tag; });
}

bool Contexts::cancel(const std::vector<std::string>& tags) {
  if (!std::ranges::all_of(tags, [&](const auto& tag) { return has(tag); })) return false;
  std::erase_if(contexts_, [&](const auto& context) { return std::ranges::find(tags, context->tag) != tags.end(); });
  return true;
}

bool Contexts::add(std::unique_ptr<Context> context) {
  std::size_t bytes = context->bytes();
  for (const auto& other : contexts_) bytes += other->bytes();
  if (contexts_.size() == kMaxContexts || bytes > kMaxContextBytes) return false;
  contexts_.push_back(std::move(context));
  return true;
}

void Contexts::end_numbered(Session& session) {
  std::erase_if(contexts_, [&session](const auto& context) {
    if (context->numbered()) refuse_update(session, context->tag, says::kUidsAlone);
    return context->numbered();
  });
}

void Contexts::remove(const Selected& selected, const std::vector<Uid>& expunged, std::string& out) {
  if (expunged.empty()) return;
  std::vector<Range> gone;
  for (const Uid uid : expunged) add_ascending(gone, uid);
  for (const auto& context : contexts_) context->remove(selected, gone, out);
}

net::Task<base::Result<void>> Contexts::consider(Session& session, std::vector<Range> touched, Uid first_new) {
  if (touched.empty()) co_return base::Result<void>();
  for (const auto& context : contexts_) {
    const auto done = co_await context->consider(session, touched, first_new);
    if (!done) co_return done;
  }
  co_return base::Result<void>();
}

std::vector<Range> touched(const Selected::Step& step, const mailstore::View& view) {
  std::vector<Range> out;
  for (const Uid uid : step.changed) add_ascending(out, uid);
  for (std::size_t i = view.lower_bound(step.older->uid_next()); i < view.size(); ++i) {
    add_ascending(out, view.at(i).uid);
  }
  return out;
}

bool reuses_tag(const Session& session, std::string_view tag, const Search& request) {
  return (request.give & Search::kUpdate) && session.contexts && session.contexts->has(tag);
}

void refuse_update(Session& session, std::string_view tag, std::string_view why) {
  session.out += "* NO [NOUPDATE ";
  append_quoted(session.out, tag);
  session.out += "] ";
  session.line(why);
}

void follow(Session& session, std::string_view tag, Correlator correlator, const Search& request,
            const std::vector<Range>& found) {
  begin_context(session, tag, std::move(correlator), request, found);
}

void follow_sorted(Session& session, std::string_view tag, Correlator correlator, const Sort& request,
                   std::vector<Uid> order) {
  if (request.by_relevancy()) return refuse_update(session, tag, says::kRelevancyMoves);
  std::vector<Range> found;
  for (const Uid uid : order) found.push_back({uid, uid});
  const auto uids = SequenceSet{.saved = false, .ranges = std::move(found)}.resolved(0);
  begin_context(session, tag, std::move(correlator), request.search, uids, request.criteria, std::move(order));
}

net::Task<Reply> do_cancelupdate(Session& session, Command& command) {
  const auto& tags = std::get<Tags>(command.arguments).tags;
  if (!session.contexts || !session.contexts->cancel(tags)) co_return bad(says::kNoSuchContext);
  if (session.contexts->empty()) session.contexts.reset();
  co_return completed("CANCELUPDATE");
}

}  // namespace imap
