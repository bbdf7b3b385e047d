#include "mime/html.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "mime/charset.h"
#include "mime/html_entities.h"
#include "mime/utf8.h"

namespace mime {
namespace {

constexpr char32_t kSoftHyphen = 0xad;
constexpr std::size_t kLongestName = 16;  // of tags and references that mean something here

// Elements whose content is no text of the document. That they end at their end tag and nowhere else is the standard's
// rule too, so one that is not closed hides the rest there as it does here.
constexpr auto kHidden =
    std::to_array<std::string_view>({"iframe", "noembed", "noframes", "script", "style", "title", "xmp"});

// Elements that stand on lines of their own.
constexpr auto kBlocks = std::to_array<std::string_view>(
    {"address", "article", "aside", "blockquote", "body", "br",       "caption",    "center", "dd",     "details",
     "dialog",  "dir",     "div",   "dl",         "dt",   "fieldset", "figcaption", "figure", "footer", "form",
     "h1",      "h2",      "h3",    "h4",         "h5",   "h6",       "header",     "hr",     "html",   "li",
     "main",    "nav",     "ol",    "p",          "pre",  "section",  "summary",    "table",  "tr",     "ul"});

constexpr bool is_html_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

constexpr bool is_plain(char c) { return c > ' ' && c < 127 && c != '<' && c != '&'; }

// A character reference by number: what Windows meant by 128 to 159, and no character where there is none.
char32_t numbered(char32_t number) {
  if (number >= 0x80 && number < 0xa0) {
    std::size_t at = 0;
    return next_utf8(to_utf8(std::string(1, static_cast<char>(number)), "windows-1252"), at);
  }
  const bool character = number != 0 && number <= 0x10ffff && (number < 0xd800 || number > 0xdfff);
  return character ? number : kReplacement;
}

// "#1234" or "#x12ab", the digits of which may be any number of; 0xffffffff if it is none.
constexpr char32_t kNoNumber = 0xffffffff;
char32_t parse_number(std::string_view text) {
  text.remove_prefix(1);
  const bool hex = !text.empty() && (text[0] == 'x' || text[0] == 'X');
  if (hex) text.remove_prefix(1);
  if (text.empty()) return kNoNumber;
  char32_t value = 0;
  for (const char c : text) {
    const char lower = base::ascii_lower(c);
    const bool letter = hex && lower >= 'a' && lower <= 'f';
    if (!base::is_digit(c) && !letter) return kNoNumber;
    value = value * (hex ? 16 : 10) + static_cast<char32_t>(letter ? lower - 'a' + 10 : c - '0');
    value = std::min<char32_t>(value, 0x110000);
  }
  return value;
}

}  // namespace

void HtmlText::feed(std::string_view utf8, std::string& out) {
  for (std::size_t at = 0; at < utf8.size();) {
    at += run(utf8.substr(at), out);
    if (at == utf8.size()) return;
    if (static_cast<unsigned char>(utf8[at]) >= 0x80) {
      const char32_t c = next_utf8(utf8, at);
      if (state_ != State::text) step('\x7f', out);  // a letter that no markup is made of
      if (state_ == State::text) show(c, out);
    } else {
      step(utf8[at++], out);
    }
  }
}

// Passes at once what changes no state, and says how much that was.
std::size_t HtmlText::run(std::string_view text, std::string& out) {
  if (state_ == State::text) {
    const auto* end = std::ranges::find_if_not(text, is_plain);
    const auto size = static_cast<std::size_t>(end - text.begin());
    if (size > 0) show(text.substr(0, size), out);
    return size;
  }
  const char stop = state_ == State::raw                   ? '<'
                    : state_ == State::value_double_quoted ? '"'
                    : state_ == State::value_single_quoted ? '\''
                    : state_ == State::bogus_comment       ? '>'
                                                           : '\0';
  if (stop == '\0') return 0;
  return std::min(text.find(stop), text.size());
}

void HtmlText::step(char c, std::string& out) {
  switch (state_) {
    case State::text:
      if (c == '<') {
        state_ = State::tag_open;
      } else if (c == '&') {
        state_ = State::reference;
        name_.clear();
      } else {
        show(static_cast<char32_t>(c), out);
      }
      return;
    case State::reference:
      if (name_.size() < kLongestName && (base::is_alpha(c) || base::is_digit(c) || (c == '#' && name_.empty()))) {
        name_ += c;
        return;
      }
      end_reference(c == ';', out);
      if (c != ';' && c != '\x7f') step(c, out);
      return;
    case State::tag_open:
      closing_ = false;
      name_.clear();
      if (base::is_alpha(c)) {
        state_ = State::tag_name;
        name_ += base::ascii_lower(c);
      } else if (c == '/') {
        state_ = State::end_tag_open;
      } else if (c == '!') {
        state_ = State::markup;
      } else if (c == '?') {
        state_ = State::bogus_comment;
      } else {  // a sign like any other
        state_ = State::text;
        show("<", out);
        if (c != '\x7f') step(c, out);
      }
      return;
    default:
      if (!step_tag(c)) state_ >= State::raw ? step_raw(c) : step_markup(c);
  }
}

// True if it was of a tag.
bool HtmlText::step_tag(char c) {
  if (state_ < State::end_tag_open || state_ > State::value_double_quoted) return false;
  const bool blank = is_html_blank(c);
  if (state_ == State::value_double_quoted || state_ == State::value_single_quoted) {
    if (c == (state_ == State::value_double_quoted ? '"' : '\'')) state_ = State::before_attribute;
    return true;
  }
  if (c == '>') {
    end_tag();
    return true;
  }
  switch (state_) {
    case State::end_tag_open:
      closing_ = true;
      state_ = base::is_alpha(c) ? State::tag_name : State::bogus_comment;
      name_ = base::ascii_lower(c);
      break;
    case State::tag_name:
      if (blank || c == '/') {
        state_ = State::before_attribute;
      } else if (name_.size() < kLongestName) {
        name_ += base::ascii_lower(c);
      }
      break;
    case State::before_value:
      if (blank) break;
      state_ = c == '"' ? State::value_double_quoted : c == '\'' ? State::value_single_quoted : State::value;
      break;
    case State::value:
      if (blank) state_ = State::before_attribute;
      break;
    default:  // before, in and after the name of an attribute
      if (c == '/') {
        state_ = State::before_attribute;
      } else if (c == '=' && state_ != State::before_attribute) {
        state_ = State::before_value;
      } else if (!blank) {
        state_ = State::attribute;
      } else if (state_ == State::attribute) {
        state_ = State::after_attribute;
      }
  }
  return true;
}

void HtmlText::step_markup(char c) {
  if (state_ == State::markup && c == '-') {
    state_ = State::markup_dash;
  } else if (state_ == State::markup_dash && c == '-') {
    state_ = State::comment;
    dashes_ = 2;  // <!--> and <!---> are whole comments
    bang_ = false;
  } else if (state_ == State::comment) {
    if (c == '>' && dashes_ >= 2) state_ = State::text;
    bang_ = c == '!' && dashes_ >= 2 && !bang_;  // --!> ends one as well
    if (c == '-') {
      dashes_ = std::min(dashes_ + 1, 2U);
    } else if (!bang_) {
      dashes_ = 0;
    }
  } else {
    state_ = c == '>' ? State::text : State::bogus_comment;
  }
}

void HtmlText::step_raw(char c) {
  if (state_ == State::raw) {
    if (c == '<') state_ = State::raw_open;
  } else if (state_ == State::raw_open) {
    name_.clear();
    state_ = c == '/' ? State::raw_end : c == '<' ? State::raw_open : State::raw;
  } else if (base::is_alpha(c) && name_.size() < kLongestName) {
    name_ += base::ascii_lower(c);
  } else if (name_ == raw_ && (is_html_blank(c) || c == '/' || c == '>')) {
    raw_.clear();
    closing_ = true;
    state_ = State::before_attribute;
    if (c == '>') end_tag();
  } else {
    state_ = c == '<' ? State::raw_open : State::raw;
  }
}

void HtmlText::end_tag() {
  state_ = State::text;
  if (std::ranges::binary_search(kBlocks, name_)) {
    gap_ = Gap::line;
  } else if (name_ == "td" || name_ == "th") {
    gap_ = std::max(gap_, Gap::space);
  } else if (!closing_ && std::ranges::binary_search(kHidden, name_)) {
    raw_ = name_;
    state_ = State::raw;
  }
  name_.clear();
}

// name_ is what stood behind the ampersand. Only the oldest names, of Latin 1, may lack their semicolon.
void HtmlText::end_reference(bool closed, std::string& out) {
  state_ = State::text;
  const std::string name = std::move(name_);
  name_.clear();
  char32_t c = 0;
  if (name.starts_with('#')) {
    const char32_t number = parse_number(name);
    if (number != kNoNumber) c = numbered(number);
  } else if (!name.empty()) {
    c = entity(name);
    if (c > 0xff && !closed) c = 0;
  }
  if (c != 0) return show(c, out);
  show("&", out);
  if (!name.empty()) show(name, out);
  if (closed) show(";", out);
}

void HtmlText::show(char32_t c, std::string& out) {
  if (is_white_space(c)) {
    gap_ = std::max(gap_, Gap::space);
    return;
  }
  if (c == kSoftHyphen) return;  // where a line may be broken is no part of a text
  if (is_invisible(c) && (!any_ || gap_ != Gap::none)) return;
  if (any_ && gap_ != Gap::none) out += gap_ == Gap::line ? '\n' : ' ';
  gap_ = Gap::none;
  any_ = true;
  append_utf8(out, c);
}

void HtmlText::show(std::string_view ascii, std::string& out) {
  show(static_cast<char32_t>(ascii.front()), out);
  out += ascii.substr(1);
}

void HtmlText::finish(std::string& out) {
  if (state_ == State::reference) end_reference(false, out);
  if (state_ == State::tag_open) show("<", out);
}

std::string html_charset(std::string_view document) {
  const std::string head = base::lower(document.substr(0, 1024));
  for (std::size_t at = head.find("<meta"); at != std::string::npos; at = head.find("<meta", at + 1)) {
    const std::string_view tag = std::string_view(head).substr(at, head.find('>', at) - at);
    const std::size_t word = tag.find("charset");
    if (word == std::string_view::npos) continue;
    std::string_view rest = base::trim(tag.substr(word + 7));
    if (!rest.starts_with('=')) continue;
    rest = base::trim(rest.substr(1));
    while (rest.starts_with('"') || rest.starts_with('\'')) rest.remove_prefix(1);
    std::string name(rest.substr(0, rest.find_first_of("\"' ;/>\t\r\n")));
    // A document that could be read thus far is not in UTF-16, whatever it says.
    if (name.starts_with("utf-16") || name.starts_with("utf-32")) return "utf-8";
    return name;
  }
  return {};
}

}  // namespace mime
