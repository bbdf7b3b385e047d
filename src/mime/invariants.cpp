#include "mime/invariants.h"

#include <algorithm>

#include "base/text.h"

namespace mime {
namespace {

std::string at_part(std::size_t index, std::string_view what) {
  return "part " + std::to_string(index) + ": " + std::string(what);
}

std::string check_links(const Message& m, std::size_t i) {
  const Part& p = m.parts[i];
  if (i > 0 && p.parent >= i) return at_part(i, "its parent does not come before it");
  if (p.first_child != kNoPart) {
    if (p.first_child != i + 1 || p.first_child >= m.parts.size())
      return at_part(i, "its first child is not the next part");
    if (m.parts[p.first_child].parent != i) return at_part(i, "its first child has another parent");
    if (!p.multipart() && !p.message()) return at_part(i, "only a multipart or a message has children");
  }
  if (p.next_sibling != kNoPart) {
    if (p.next_sibling <= i || p.next_sibling >= m.parts.size())
      return at_part(i, "its sibling does not come after it");
    const Part& sibling = m.parts[p.next_sibling];
    if (sibling.parent != p.parent) return at_part(i, "its sibling has another parent");
    if (sibling.header_begin < p.end) return at_part(i, "its sibling overlaps it");
  }
  return {};
}

std::string check_range(const Message& m, std::string_view bytes, std::size_t i) {
  const Part& p = m.parts[i];
  if (p.header_begin > p.body_begin || p.body_begin > p.end || p.end > m.size)
    return at_part(i, "its offsets are out of order");
  const std::string_view body = bytes.substr(p.body_begin, p.end - p.body_begin);
  if (p.lines != static_cast<std::uint64_t>(std::ranges::count(body, '\n')))
    return at_part(i, "its lines are miscounted");
  if (p.envelope && *p.envelope >= m.envelopes.size()) return at_part(i, "it has no such envelope");
  if (i == 0) return p.header_begin == 0 && p.end == m.size ? "" : "the message is not all of the input";
  const Part& parent = m.parts[p.parent];
  if (p.header_begin < parent.body_begin || p.end > parent.end) return at_part(i, "it is not inside its parent");
  if (p.envelope.has_value() != parent.message()) return at_part(i, "only a message's content has an envelope");
  if (parent.message() && (p.header_begin != parent.body_begin || p.end != parent.end)) {
    return at_part(i, "it is not the whole body of its message");
  }
  return {};
}

// A recursive reader; the tree's depth is bounded by the parser's limit.
class Grammar {
 public:
  explicit Grammar(std::string_view text) : text_(text) {}

  std::string result() {
    if (error_.empty() && !text_.empty()) fail("the end");
    return error_;
  }

  void envelope() {
    word("(");
    nstring();
    word(" ");
    nstring();
    for (int i = 0; i < 6; ++i) {
      word(" ");
      address_list();
    }
    word(" ");
    nstring();
    word(" ");
    nstring();
    word(")");
  }

  void body(bool extended) {
    word("(");
    if (text_.starts_with('(')) {
      while (error_.empty() && text_.starts_with('(')) body(extended);
      word(" ");
      string();
      if (extended) {
        word(" ");
        parameters();
      }
    } else {
      one_part(extended);
    }
    if (extended) extension();
    word(")");
  }

 private:
  void one_part(bool extended) {
    const std::string type = string();
    word(" ");
    const std::string subtype = string();
    if (type == "multipart") fail("a type that is not multipart");
    word(" ");
    parameters();
    word(" ");
    nstring();
    word(" ");
    nstring();
    word(" ");
    string();
    word(" ");
    number();
    if (type == "message" && (subtype == "rfc822" || subtype == "global")) {
      word(" ");
      envelope();
      word(" ");
      body(extended);
      word(" ");
      number();
    } else if (type == "text") {
      word(" ");
      number();
    }
    if (extended) {
      word(" ");
      nstring();
    }
  }

  void extension() {
    word(" ");
    if (!take("NIL")) {
      word("(");
      string();
      word(" ");
      parameters();
      word(")");
    }
    word(" ");
    if (take("(")) {
      do {
        string();
      } while (error_.empty() && take(" "));
      word(")");
    } else {
      nstring();
    }
    word(" ");
    nstring();
  }

  void address_list() {
    if (take("NIL")) return;
    word("(");
    do {
      word("(");
      for (int i = 0; i < 4; ++i) {
        if (i > 0) word(" ");
        nstring();
      }
      word(")");
    } while (error_.empty() && text_.starts_with('('));
    word(")");
  }

  void parameters() {
    if (take("NIL")) return;
    word("(");
    do {
      string();
      word(" ");
      string();
    } while (error_.empty() && take(" "));
    word(")");
  }

  void nstring() {
    if (!take("NIL")) string();
  }

  std::string string() {
    std::string out;
    if (take("\"")) {
      while (!text_.empty() && text_[0] != '"') {
        if (text_[0] == '\\') text_.remove_prefix(1);
        if (text_.empty() || text_[0] < 1 || text_[0] > 126 || text_[0] == '\r' || text_[0] == '\n') break;
        out += text_[0];
        text_.remove_prefix(1);
      }
      word("\"");
      return out;
    }
    word("{");
    const std::uint64_t size = number();
    word("}\r\n");
    if (size > text_.size()) {
      fail("a whole literal");
      return out;
    }
    out = text_.substr(0, size);
    if (out.find('\0') != std::string::npos) fail("a literal without NUL");
    text_.remove_prefix(size);
    return out;
  }

  std::uint64_t number() {
    std::size_t digits = 0;
    while (digits < text_.size() && base::is_digit(text_[digits])) ++digits;
    const auto value = base::parse_u64(text_.substr(0, digits));
    if (!value) fail("a number");
    text_.remove_prefix(digits);
    return value.value_or(0);
  }

  bool take(std::string_view what) {
    if (!text_.starts_with(what)) return false;
    text_.remove_prefix(what.size());
    return true;
  }

  void word(std::string_view what) {
    if (!take(what)) fail(what);
  }

  void fail(std::string_view wanted) {
    if (error_.empty()) error_ = "wanted " + base::printable(wanted) + " at " + base::printable(text_.substr(0, 60));
    text_ = {};
  }

  std::string_view text_;
  std::string error_;
};

}  // namespace

std::string check_message(const Message& m, std::string_view bytes, const Limits& limits) {
  if (m.size != bytes.size()) return "the size is wrong";
  if (m.parts.empty() || m.parts.size() > std::max<std::size_t>(limits.parts, 1)) return "the number of parts is wrong";
  for (std::size_t i = 0; i < m.parts.size(); ++i) {
    for (const std::string& error : {check_links(m, i), check_range(m, bytes, i)}) {
      if (!error.empty()) return error;
    }
  }
  return {};
}

std::string check_imap_envelope(std::string_view text) {
  Grammar grammar(text);
  grammar.envelope();
  return grammar.result();
}

std::string check_imap_body(std::string_view text, bool extended) {
  Grammar grammar(text);
  grammar.body(extended);
  return grammar.result();
}

}  // namespace mime
