#include "imap/base_subject.h"

#include "base/text.h"
#include "mime/casemap.h"
#include "mime/header.h"

namespace imap {

namespace {

void trim_left(std::string_view& text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
}
void trim_right(std::string_view& text) {
  while (text.ends_with(' ')) text.remove_suffix(1);
}

bool take(std::string_view& text, std::string_view word) {
  if (!base::istarts_with(text, word)) return false;
  text.remove_prefix(word.size());
  return true;
}

// subj-blob = "[" *BLOBCHAR "]" *WSP
bool take_blob(std::string_view& text) {
  if (!text.starts_with('[')) return false;
  const std::size_t end = text.find_first_of("[]", 1);
  if (end == std::string_view::npos || text[end] == '[') return false;
  text.remove_prefix(end + 1);
  trim_left(text);
  return true;
}

// subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
bool take_refwd(std::string_view& text) {
  std::string_view rest = text;
  if (!take(rest, "re") && !take(rest, "fwd") && !take(rest, "fw")) return false;
  trim_left(rest);
  take_blob(rest);
  if (!rest.starts_with(':')) return false;
  text = rest.substr(1);
  return true;
}

// Steps 3 to 5. One look at the blobs tells whether they lead to a "Re:" or stand alone; then all of them go, but for
// one behind which nothing is left.
void strip_leaders(std::string_view& text, bool& reply) {
  while (true) {
    trim_left(text);
    std::string_view rest = text;
    std::string_view before_last = text;
    while (!rest.empty()) {
      const std::string_view before = rest;
      if (!take_blob(rest)) break;
      before_last = before;
    }
    if (take_refwd(rest)) {
      reply = true;
      text = rest;
      continue;
    }
    text = rest.empty() ? before_last : rest;
    return;
  }
}

// Step 2: subj-trailer = "(fwd)" / WSP
void strip_trailers(std::string_view& text, bool& reply) {
  trim_right(text);
  while (text.size() >= 5 && base::iequals(text.substr(text.size() - 5), "(fwd)")) {
    reply = true;
    text.remove_suffix(5);
    trim_right(text);
  }
}

// Step 1.
std::string spaced(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (!space) {
      out += c;
    } else if (out.empty() || out.back() != ' ') {
      out += ' ';
    }
  }
  return out;
}

}  // namespace

BaseSubject base_subject(std::string_view subject) {
  BaseSubject out;
  const std::string whole = spaced(mime::decode_text(subject.substr(0, kSubjectBytes)));
  std::string_view text = whole;
  while (true) {
    strip_trailers(text, out.reply);
    strip_leaders(text, out.reply);
    // Step 6.
    if (!base::istarts_with(text, "[fwd:") || !text.ends_with(']')) break;
    out.reply = true;
    text.remove_prefix(5);
    text.remove_suffix(1);
  }
  out.text = mime::unicode_casemap(text);
  return out;
}

}  // namespace imap
