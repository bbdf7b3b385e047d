// GENURLAUTH, RESETKEY and URLFETCH (RFC 4467 §9). What stands in a URL is read by imap_url.h, when its turn comes: one
// that is malformed spoils itself alone.
#include "base/text.h"
#include "imap/command.h"

namespace imap {

namespace {

constexpr std::size_t kMaxUrls = 1000;  // of one command

// Case is not significant.
std::optional<std::string> take_mechanism(Cursor& in) {
  const auto name =
      in.space() ? in.run([](char c) { return base::is_alpha(c) || base::is_digit(c) || c == '-' || c == '.'; }) : "";
  return name.empty() ? std::nullopt : std::optional(base::lower(name));
}

}  // namespace

base::Result<Arguments> parse_genurlauth(Cursor& in) {
  GenUrlAuth out;
  do {
    auto url = in.space() ? in.astring() : std::nullopt;
    auto mechanism = url ? take_mechanism(in) : std::nullopt;
    if (!mechanism) return syntax("GENURLAUTH wants URLs, each with a mechanism");
    if (out.urls.size() == kMaxUrls) return syntax("There are more than 1000 URLs");
    out.urls.push_back({std::move(*url), std::move(*mechanism)});
  } while (!in.done());
  return out;
}

base::Result<Arguments> parse_resetkey(Cursor& in) {
  ResetKey out;
  if (in.done()) return out;
  TRY_ASSIGN(out.name, take_mailbox(in));
  while (!in.done()) {
    auto mechanism = take_mechanism(in);
    if (!mechanism) return syntax("RESETKEY wants a mailbox, and mechanisms behind it");
    if (out.mechanisms.size() == kMaxUrls) return syntax("There are more than 1000 mechanisms");
    out.mechanisms.push_back(std::move(*mechanism));
  }
  return out;
}

base::Result<Arguments> parse_urlfetch(Cursor& in) {
  UrlFetch out;
  do {
    auto url = in.space() ? in.astring() : std::nullopt;
    if (!url) return syntax("URLFETCH wants URLs");
    if (out.urls.size() == kMaxUrls) return syntax("There are more than 1000 URLs");
    out.urls.push_back(std::move(*url));
  } while (!in.done());
  return out;
}

}  // namespace imap
