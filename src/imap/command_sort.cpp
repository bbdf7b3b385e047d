// SORT and THREAD (RFC 5256 §5, RFC 5267 §4, RFC 5957): what comes before the keys of a search.
#include <algorithm>

#include "base/text.h"
#include "imap/command.h"

namespace imap {

namespace {

constexpr std::size_t kMaxCriteria = 20;

constexpr std::pair<std::string_view, Sort::Key> kKeys[] = {
    {"ARRIVAL", Sort::Key::arrival},
    {"CC", Sort::Key::cc},
    {"DATE", Sort::Key::date},
    {"FROM", Sort::Key::from},
    {"SIZE", Sort::Key::size},
    {"SUBJECT", Sort::Key::subject},
    {"TO", Sort::Key::to},
    {"DISPLAYFROM", Sort::Key::display_from},
    {"DISPLAYTO", Sort::Key::display_to},
    {"RELEVANCY", Sort::Key::relevancy},
};

base::Result<void> take_criteria(Cursor& in, Sort& out) {
  if (!in.take('(')) return syntax("SORT wants a list of criteria");
  do {
    Sort::Criterion criterion;
    if (in.word("REVERSE")) {
      criterion.reverse = true;
      if (!in.space()) return syntax("REVERSE wants a criterion");
    }
    const auto key = std::ranges::find_if(kKeys, [&](const auto& entry) { return in.word(entry.first); });
    if (key == std::end(kKeys)) return syntax("There is no sort criterion " + base::printable(in.atom(), 40));
    if (out.criteria.size() == kMaxCriteria) return syntax("There are more than 20 sort criteria");
    criterion.key = key->second;
    out.criteria.push_back(criterion);
  } while (in.space());
  return in.take(')') ? base::Result<void>() : syntax("A closing parenthesis is missing");
}

// " charset key…": here the charset is never left out.
base::Result<void> take_search(Cursor& in, Search& out) {
  auto charset = in.space() ? in.astring() : std::nullopt;
  if (!charset || charset->empty() || !in.space()) return syntax("The charset is malformed");
  out.charset = std::move(*charset);
  return take_search_keys(in, out);
}

}  // namespace

base::Result<Arguments> parse_sort(Cursor& in) {
  Sort out;
  if (!in.space()) return syntax("SORT wants a list of criteria");
  if (in.word("RETURN")) TRY(take_search_returns(in, out.search));
  if (out.search.give & Search::kSave) return syntax("SAVE is for SEARCH");
  TRY(take_criteria(in, out));
  TRY(take_search(in, out.search));
  // RFC 6203 §6.
  if (out.by_relevancy() && !out.search.fuzzy) return syntax("RELEVANCY wants a FUZZY key");
  return out;
}

base::Result<Arguments> parse_thread(Cursor& in) {
  Thread out;
  if (!in.space()) return syntax("THREAD wants an algorithm");
  out.references = in.word("REFERENCES");
  if (!out.references && !in.word("ORDEREDSUBJECT")) return syntax("There is no such threading algorithm");
  TRY(take_search(in, out.search));
  return out;
}

}  // namespace imap
