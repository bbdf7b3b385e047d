#include "imap/search_program.h"

#include <algorithm>

#include "base/text.h"
#include "imap/lexer.h"
#include "imap/search_text.h"
#include "mime/casemap.h"
#include "mime/date.h"
#include "mime/header.h"

namespace imap {

namespace {

using Op = SearchStep::Op;

constexpr std::uint64_t kFirstHeaderBytes = 8 * 1024;

Verdict as_verdict(bool value) { return value ? Verdict::yes : Verdict::no; }

Verdict both(Verdict a, Verdict b) {
  if (a == Verdict::no || b == Verdict::no) return Verdict::no;
  return a == Verdict::yes && b == Verdict::yes ? Verdict::yes : Verdict::open;
}
Verdict negated(Verdict a) { return a == Verdict::open ? a : as_verdict(a == Verdict::no); }

bool compares(Op op, std::int64_t day, std::int64_t wanted) {
  switch (op) {
    case Op::before:
    case Op::sent_before:
    case Op::saved_before:
      return day < wanted;
    case Op::on:
    case Op::sent_on:
    case Op::saved_on:
      return day == wanted;
    default:
      return day >= wanted;
  }
}

// What ENVELOPE tells of the first two fields, so that the commonest searches need no header.
struct DateAndSubject {
  std::optional<std::string> date;
  std::optional<std::string> subject;
};
std::optional<DateAndSubject> read_envelope(std::string_view envelope) {
  Cursor in(envelope);
  if (!in.take('(')) return std::nullopt;
  auto date = in.nstring();
  auto subject = date && in.space() ? in.nstring() : std::nullopt;
  if (!subject) return std::nullopt;
  return DateAndSubject{std::move(*date), std::move(*subject)};
}

bool is_sent(Op op) { return op == Op::sent_before || op == Op::sent_on || op == Op::sent_since; }

// With its blank line, or the whole message when it has none.
base::Result<std::string> read_header(mailstore::EmailReader& reader, const mailstore::EmailReader::Email& email) {
  std::string header;
  for (std::uint64_t want = kFirstHeaderBytes;; want *= 4) {
    const std::uint64_t have = header.size();
    TRY(reader.bytes(email, have, want - have, header));
    const std::size_t crlf = header.find("\r\n\r\n");
    const std::size_t lf = header.find("\n\n");
    if (crlf != std::string::npos || lf != std::string::npos) {
      header.resize(
          std::min(crlf == std::string::npos ? SIZE_MAX : crlf + 4, lf == std::string::npos ? SIZE_MAX : lf + 2));
      return header;
    }
    if (header.size() < want) return header;
  }
}

}  // namespace

SearchProgram::SearchProgram(const std::vector<Step>& steps, const Selected& selected, base::WallTime now, bool scored)
    : steps_(steps),
      selected_(selected),
      view_(selected.view()),
      ranges_(steps.size()),
      needles_(steps.size()),
      now_(base::unix_seconds(now)),
      scored_(scored) {
  const std::size_t size = selected.size();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    switch (step.op) {
      case Op::sequence:
      case Op::uid:
        if (step.set.saved) {
          ranges_[i] = selected.saved;
        } else if (step.op == Op::uid) {
          ranges_[i] = step.set.resolved(size > 0 ? selected.uid(size - 1) : view_->uid_next());
        } else {
          ranges_[i] = step.set.resolved(static_cast<std::uint32_t>(size));
        }
        break;
      case Op::header:
        needs_header_ = true;
        needles_[i] = mime::unicode_casemap(step.text);
        break;
      case Op::sent_before:
      case Op::sent_on:
      case Op::sent_since:
        needs_header_ = true;
        break;
      case Op::saved_before:
      case Op::saved_on:
      case Op::saved_since:
        needs_saved_ = true;
        break;
      case Op::text:
        needs_header_ = true;
        [[fallthrough]];
      case Op::body:
        needs_body_ = true;
        needles_[i] = mime::unicode_casemap(step.text);
        break;
      default:
        break;
    }
    if (!step.fuzzy || (step.op != Op::header && step.op != Op::text && step.op != Op::body)) continue;
    fuzzy_.resize(steps.size());
    fuzzy_[i].emplace(needles_[i]);
  }
}

SearchProgram::Matches SearchProgram::matches() const {
  Matches out(fuzzy_.size());
  for (std::size_t i = 0; i < fuzzy_.size(); ++i) {
    if (fuzzy_[i]) out[i].emplace(*fuzzy_[i]);
  }
  return out;
}

// In a whole text, of a header field.
bool SearchProgram::finds(std::size_t step, std::string_view folded, unsigned place, Matches& matches) const {
  if (matches.empty() || !matches[step]) return contains_text(folded, needles_[step]);
  matches[step]->look(folded, place);
  return matches[step]->found();
}

Verdict SearchProgram::combine(const Verdicts& verdicts, std::vector<Verdict>& stack) const {
  stack.clear();
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const auto pop = [&] {
      const Verdict top = stack.back();
      stack.pop_back();
      return top;
    };
    switch (steps_[i].op) {
      case Op::op_not:
        stack.back() = negated(stack.back());
        break;
      case Op::op_or: {
        const Verdict b = negated(pop());
        stack.back() = negated(both(negated(stack.back()), b));
        break;
      }
      case Op::op_and: {
        Verdict all = Verdict::yes;
        for (std::uint32_t n = 0; n < steps_[i].count; ++n) all = both(all, pop());
        stack.push_back(all);
        break;
      }
      default:
        stack.push_back(verdicts[i]);
    }
  }
  ENSURE(stack.size() == 1);
  return stack.back();
}

void SearchProgram::judge_row(std::size_t index, const mailstore::Row& row, Verdicts& verdicts) const {
  verdicts.assign(steps_.size(), Verdict::open);
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    switch (step.op) {
      case Op::all:
        verdicts[i] = Verdict::yes;
        break;
      case Op::flag:
        verdicts[i] = as_verdict((row.flags & step.bits) == step.bits);
        break;
      case Op::keyword:
        verdicts[i] = as_verdict(std::ranges::any_of(
            view_->keyword_set(row.keywords), [&](const auto& keyword) { return base::iequals(keyword, step.text); }));
        break;
      case Op::recent:
        verdicts[i] = as_verdict(selected_.is_recent(row.uid));
        break;
      case Op::smaller:
        verdicts[i] = as_verdict(row.size < step.number);
        break;
      case Op::larger:
        verdicts[i] = as_verdict(row.size > step.number);
        break;
      case Op::email_id:
        verdicts[i] = as_verdict(row.email.value == step.number);
        break;
      case Op::modseq:
        verdicts[i] = as_verdict(row.modseq >= step.number);
        break;
      case Op::sequence:
        verdicts[i] =
            as_verdict(contains(ranges_[i], step.set.saved ? row.uid : static_cast<std::uint32_t>(index + 1)));
        break;
      case Op::uid:
        verdicts[i] = as_verdict(contains(ranges_[i], row.uid));
        break;
      default:
        break;
    }
  }
}

void SearchProgram::judge_email(const mailstore::EmailReader::Email& email, Verdicts& verdicts,
                                Matches& matches) const {
  std::optional<DateAndSubject> envelope;
  bool looked = false;
  const auto look = [&] {
    if (!std::exchange(looked, true)) envelope = read_envelope(email.envelope);
    return envelope.has_value();
  };
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    if (step.op == Op::before || step.op == Op::on || step.op == Op::since) {
      verdicts[i] = as_verdict(compares(step.op, mime::local_day(email.received), step.day));
    } else if (step.op == Op::thread_id) {
      verdicts[i] = as_verdict(email.thread.value == step.number);
    } else if (step.op == Op::older || step.op == Op::younger) {
      // RFC 5032 §2: both with the target itself.
      const std::int64_t target = now_ - static_cast<std::int64_t>(step.number);
      const std::int64_t received = email.received.unix_seconds;
      verdicts[i] = as_verdict(step.op == Op::older ? received <= target : received >= target);
    } else if (is_sent(step.op) && look()) {
      const auto date = envelope->date ? mime::parse_date(*envelope->date) : std::nullopt;
      verdicts[i] = as_verdict(date && compares(step.op, mime::local_day(*date), step.day));
    } else if (step.op == Op::header && base::iequals(step.field, "Subject") && look()) {
      // An empty subject looks as if there were none; the header tells the difference.
      if (envelope->subject) {
        verdicts[i] =
            as_verdict(finds(i, mime::unicode_casemap(mime::decode_text(*envelope->subject)), Places::kBest, matches));
      }
    }
  }
}

base::Result<void> SearchProgram::judge_saved(mailstore::EmailReader& reader, mailstore::Uid uid,
                                              Verdicts& verdicts) const {
  TRY_ASSIGN(const std::int64_t saved, reader.saved(view_->mailbox(), uid));
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    if (step.op != Op::saved_before && step.op != Op::saved_on && step.op != Op::saved_since) continue;
    verdicts[i] = as_verdict(compares(step.op, mime::local_day({.unix_seconds = saved}), step.day));
  }
  return {};
}

void SearchProgram::judge_header(std::string_view header, Verdicts& verdicts, Matches& matches) const {
  const auto fields = mime::fields(header);
  const std::string likely = mime::likely_charset(fields);
  const mime::Field* date_field = mime::find(fields, "Date");
  const auto date = date_field ? mime::parse_date(mime::unfold(date_field->body)) : std::nullopt;
  std::string whole;  // folded, made when a TEXT key wants it
  const auto folded = [&](const mime::Field& field) {
    return mime::unicode_casemap(mime::decode_text(field.body, likely));
  };
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    switch (step.op) {
      case Op::sent_before:
      case Op::sent_on:
      case Op::sent_since:
        verdicts[i] = as_verdict(date && compares(step.op, mime::local_day(*date), step.day));
        break;
      case Op::header:
        verdicts[i] = as_verdict(std::ranges::any_of(fields, [&](const mime::Field& field) {
          return base::iequals(field.name, step.field) &&
                 (needles_[i].empty() || finds(i, folded(field), Places::kBest, matches));
        }));
        break;
      case Op::text:
        if (whole.empty()) whole = folded_header(header);
        if (!matches.empty() && matches[i]) {
          for (const mime::Field& field : fields) {
            const bool best = base::iequals(field.name, "Subject") || base::iequals(field.name, "From");
            matches[i]->look(folded(field), best ? Places::kBest : Places::kHeader);
          }
          matches[i]->look_for_phrase(whole, Places::kHeader);
          if (matches[i]->found()) verdicts[i] = Verdict::yes;
        } else if (contains_text(whole, needles_[i])) {
          verdicts[i] = Verdict::yes;
        }
        break;
      default:
        break;
    }
  }
}

base::Result<void> SearchProgram::judge_body(mailstore::EmailReader& reader, const mailstore::EmailReader::Email& email,
                                             Verdicts& verdicts, Matches& matches) const {
  std::vector<std::size_t> open;
  std::vector<Needle> needles;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Op op = steps_[i].op;
    if ((op != Op::body && op != Op::text) || verdicts[i] != Verdict::open) continue;
    open.push_back(i);
    needles.push_back({.text = needles_[i],
                       .mime_headers = op == Op::text,
                       .found = needles_[i].empty(),
                       .fuzzy = matches.empty() || !matches[i] ? nullptr : &*matches[i],
                       .to_the_end = scored_});
  }
  TRY(find_in_body(reader, email, needles));
  for (std::size_t i = 0; i < open.size(); ++i) verdicts[open[i]] = as_verdict(needles[i].found);
  return {};
}

unsigned SearchProgram::score(const Verdicts& verdicts, const Matches& matches) const {
  constexpr unsigned kStrict = 100;
  if (matches.empty()) return kStrict;
  struct Part {
    Verdict verdict;
    std::optional<unsigned> score;  // nothing: no key of it has one
  };
  std::vector<Part> stack;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const auto pop = [&] {
      const Part top = stack.back();
      stack.pop_back();
      return top;
    };
    switch (steps_[i].op) {
      case Op::op_not:
        stack.back() = {negated(stack.back().verdict), std::nullopt};
        break;
      case Op::op_or: {
        const Part b = pop();
        const Part a = pop();
        std::optional<unsigned> best;
        if (a.verdict == Verdict::yes) best = a.score;
        if (b.verdict == Verdict::yes) best = std::max(best, b.score);
        stack.push_back({negated(both(negated(a.verdict), negated(b.verdict))), best});
        break;
      }
      case Op::op_and: {
        Verdict all = Verdict::yes;
        unsigned sum = 0;
        unsigned count = 0;
        for (std::uint32_t n = 0; n < steps_[i].count; ++n) {
          const Part part = pop();
          all = both(all, part.verdict);
          if (!part.score) continue;
          sum += *part.score;
          ++count;
        }
        stack.push_back({all, count == 0 ? std::nullopt : std::optional(sum / count)});
        break;
      }
      default: {
        const bool counts = matches[i] && verdicts[i] == Verdict::yes;
        stack.push_back({verdicts[i], counts ? std::optional(matches[i]->score()) : std::nullopt});
      }
    }
  }
  return stack.back().score.value_or(kStrict);
}

base::Result<std::optional<unsigned>> judge(const SearchProgram& program, std::size_t index, const mailstore::Row& row,
                                            mailstore::EmailReader& reader) {
  SearchProgram::Verdicts verdicts;
  std::vector<Verdict> stack;
  auto matches = program.matches();
  program.judge_row(index, row, verdicts);
  Verdict verdict = program.combine(verdicts, stack);
  const auto judged = [&]() -> std::optional<unsigned> {
    return verdict == Verdict::yes ? std::optional(program.score(verdicts, matches)) : std::nullopt;
  };
  if (verdict == Verdict::open && program.needs_saved()) {
    TRY(program.judge_saved(reader, row.uid, verdicts));
    verdict = program.combine(verdicts, stack);
  }
  if (verdict != Verdict::open) return judged();
  TRY_ASSIGN(const auto email, reader.email(row.email));
  program.judge_email(email, verdicts, matches);
  verdict = program.combine(verdicts, stack);
  if (verdict == Verdict::open && program.needs_header()) {
    TRY_ASSIGN(const std::string header, read_header(reader, email));
    program.judge_header(header, verdicts, matches);
    verdict = program.combine(verdicts, stack);
  }
  if (verdict == Verdict::open && program.needs_body()) {
    TRY(program.judge_body(reader, email, verdicts, matches));
    verdict = program.combine(verdicts, stack);
  }
  return judged();
}

}  // namespace imap
