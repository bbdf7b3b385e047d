// FILTER: searches that stand under a name in entries of the server (RFC 5466), and what the operator may put there.
#include <algorithm>
#include <expected>

#include "base/text.h"
#include "imap/metadata.h"
#include "imap/server_entries.h"

namespace imap {

namespace {

using mailstore::Annotation;
using Op = SearchStep::Op;

constexpr std::string_view kFilters = "filters/values/";
constexpr int kPasses = 10;  // RFC 5466 §3.1 wants three at least

Reply undefined(std::string_view name) {
  return no("[UNDEFINED-FILTER " + std::string(name) + "] There is no such filter");
}

// RFC 5466 §3.1: the private one before the shared one.
const std::string* find_filter(const std::vector<Annotation>& entries, std::string_view name) {
  for (const std::string_view scope : {"/private/", "/shared/"}) {
    const std::string wanted = std::string(scope) + std::string(kFilters) + std::string(name);
    const auto found =
        std::ranges::find_if(entries, [&](const auto& each) { return base::iequals(each.name, wanted); });
    if (found != entries.end()) return &found->value;
  }
  return nullptr;
}

// One pass: each FILTER becomes the keys of its filter, which may be FILTER again.
std::expected<std::vector<SearchStep>, Reply> substitute(std::vector<SearchStep>& program,
                                                         const std::vector<Annotation>& entries) {
  std::vector<SearchStep> out;
  for (SearchStep& step : program) {
    if (step.op != Op::filter) {
      out.push_back(std::move(step));
    } else {
      const std::string* keys = find_filter(entries, step.text);
      if (keys == nullptr) return std::unexpected(undefined(step.text));
      auto parsed = parse_filter(*keys);
      if (!parsed) {
        return std::unexpected(no("[CANNOT] The filter " + step.text +
                                  " holds no search keys: " + base::printable(parsed.error().text, 200)));
      }
      for (SearchStep& each : parsed->program) {
        each.fuzzy |= step.fuzzy;
        out.push_back(std::move(each));
      }
    }
    if (out.size() > kMaxSearchSteps) return std::unexpected(no(says::kManyKeys));
  }
  return out;
}

}  // namespace

std::string_view filter_of(std::string_view entry) {
  const std::size_t scope = entry.find('/', 1);
  if (scope == std::string_view::npos || !base::istarts_with(entry.substr(scope + 1), kFilters)) return {};
  return entry.substr(scope + 1 + kFilters.size());
}

base::Result<Search> parse_filter(std::string_view keys) {
  Search out;
  Cursor in(keys);
  TRY(take_search_keys(in, out));
  if (!in.done()) return syntax("Something stands behind the search keys");
  return out;
}

net::Task<std::optional<Reply>> put_filters_in(Session& session, Search& request) {
  if (!request.filters) co_return std::nullopt;
  const auto entries = co_await server_entries(session);
  if (!entries) co_return refused(entries.error());
  const auto is_filter = [](const SearchStep& step) { return step.op == Op::filter; };
  for (int pass = 0;; ++pass) {
    const auto left = std::ranges::find_if(request.program, is_filter);
    if (left == request.program.end()) break;
    if (pass == kPasses) co_return undefined(left->text);  // it leads back to itself, or is as good as that
    auto next = substitute(request.program, *entries);
    if (!next) co_return std::move(next).error();
    request.program = std::move(*next);
  }
  note_keys(request);
  if ((request.give & Search::kRelevancy) && !request.fuzzy) co_return bad(says::kRelevancyWantsFuzzy);
  co_return std::nullopt;
}

base::Result<Annotation> parse_server_entry(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return syntax("must be an entry such as \"/shared/comment = Welcome\"");
  Annotation out{.name = std::string(base::trim(text.substr(0, equals))),
                 .value = std::string(base::trim(text.substr(equals + 1)))};
  if (!mailstore::valid_annotation(out.name) || !base::istarts_with(out.name, "/shared/")) {
    return syntax("must name a shared entry, not \"" + base::printable(out.name, 80) + "\"");
  }
  if (out.value.size() > mailstore::kMaxAnnotationBytes || out.value.contains('\0')) {
    return syntax("the value of an entry is a text of at most " + std::to_string(mailstore::kMaxAnnotationBytes) +
                  " bytes");
  }
  if (base::iequals(out.name, "/shared/admin")) {
    const std::size_t colon = out.value.find(':');
    const auto in_scheme = [](char c) {
      return base::is_alpha(c) || base::is_digit(c) || c == '+' || c == '-' || c == '.';
    };
    if (colon == std::string::npos || colon == 0 || !std::ranges::all_of(out.value.substr(0, colon), in_scheme)) {
      return syntax("/shared/admin is a URI such as \"mailto:postmaster@example.org\" (RFC 5464)");
    }
  }
  if (filter_of(out.name).empty()) return out;
  if (const auto keys = parse_filter(out.value); !keys) {
    return syntax("the filter holds no search keys: " + keys.error().text);
  }
  return out;
}

}  // namespace imap
