// LIST with its selection and return options (RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154), and LSUB.
#include <algorithm>

#include "base/text.h"
#include "imap/command.h"

namespace imap {

namespace {

constexpr std::size_t kMaxPatterns = 100;

constexpr std::pair<std::string_view, std::uint8_t> kSelectOptions[] = {
    {"SUBSCRIBED", List::kSubscribed},
    {"REMOTE", List::kRemote},
    {"RECURSIVEMATCH", List::kRecursiveMatch},
    {"SPECIAL-USE", List::kSpecialUse},
};
constexpr std::pair<std::string_view, std::uint8_t> kReturnOptions[] = {
    {"SUBSCRIBED", List::kSubscribed},
    {"CHILDREN", List::kChildren},
    {"SPECIAL-USE", List::kSpecialUse},
    {"MYRIGHTS", List::kMyRights},
};

template <std::size_t N>
std::uint8_t take_option(Cursor& in, const std::pair<std::string_view, std::uint8_t> (&options)[N]) {
  const auto found = std::ranges::find_if(options, [&](const auto& option) { return in.word(option.first); });
  return found == std::end(options) ? std::uint8_t{0} : found->second;
}

base::Result<void> take_select_options(Cursor& in, List& out) {
  if (in.take(')')) return {};
  do {
    const std::uint8_t option = take_option(in, kSelectOptions);
    if (option == 0) return syntax("There is no selection option " + base::printable(in.atom(), 40));
    out.select |= option;
  } while (in.space());
  if (!in.take(')')) return syntax("A closing parenthesis is missing");
  // RFC 9051 §6.3.9.1: RECURSIVEMATCH only modifies another option, and REMOTE is none that it could modify.
  if ((out.select & List::kRecursiveMatch) && !(out.select & (List::kSubscribed | List::kSpecialUse))) {
    return syntax("RECURSIVEMATCH needs SUBSCRIBED or SPECIAL-USE beside it");
  }
  return {};
}

base::Result<void> take_return_options(Cursor& in, List& out) {
  if (!in.word("RETURN") || !in.space() || !in.take('(')) return syntax("RETURN (…) was expected");
  if (in.take(')')) return {};
  do {
    if (in.word("STATUS")) {
      if (!in.space()) return syntax("A list of status items is missing");
      TRY_ASSIGN(const auto items, parse_status_items(in));
      out.status |= items;
      continue;
    }
    if (in.word("METADATA")) {
      if (!in.space() || in.peek() != '(') return syntax("METADATA wants a list of entries");
      TRY_ASSIGN(out.metadata, take_entries(in));
      continue;
    }
    const std::uint8_t option = take_option(in, kReturnOptions);
    if (option == 0) return syntax("There is no return option " + base::printable(in.atom(), 40));
    out.give |= option;
  } while (in.space());
  if (!in.take(')')) return syntax("A closing parenthesis is missing");
  return {};
}

base::Result<void> take_patterns(Cursor& in, List& out) {
  const bool list = in.take('(');
  out.extended |= list;
  if (list && in.take(')')) return syntax("A list of patterns may not be empty");
  do {
    auto pattern = in.list_mailbox();
    if (!pattern) return syntax("A pattern is malformed");
    if (out.patterns.size() == kMaxPatterns) return syntax("There are more than 100 patterns");
    out.patterns.push_back(std::move(*pattern));
  } while (list && in.space());
  if (list && !in.take(')')) return syntax("A closing parenthesis is missing");
  return {};
}

}  // namespace

base::Result<Arguments> parse_list(Cursor& in) {
  List out;
  if (!in.space()) return syntax("LIST wants a reference and a pattern");
  if (in.take('(')) {
    out.extended = true;
    TRY(take_select_options(in, out));
    if (!in.space()) return syntax("LIST wants a reference and a pattern");
  }
  auto reference = in.astring();
  if (!reference || !in.space()) return syntax("LIST wants a reference and a pattern");
  out.reference = std::move(*reference);
  TRY(take_patterns(in, out));
  if (in.space()) {
    out.extended = true;
    TRY(take_return_options(in, out));
  }
  return out;
}

base::Result<Arguments> parse_lsub(Cursor& in) {
  List out;
  auto reference = in.space() ? in.astring() : std::nullopt;
  auto pattern = reference && in.space() ? in.list_mailbox() : std::nullopt;
  if (!pattern) return syntax("LSUB wants a reference and a pattern");
  out.reference = std::move(*reference);
  out.patterns.push_back(std::move(*pattern));
  return out;
}

}  // namespace imap
