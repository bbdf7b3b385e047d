#include "mime/address.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "mime/lexer.h"

namespace mime {
namespace {

// RFC 5322 §3.2.3: what an atom cannot hold. The wild puts all else into names, bytes above 127 included.
bool ends_atom(char c) { return is_blank(c) || std::string_view("()<>[]:;@\\,.\"").find(c) != std::string_view::npos; }

// Brackets and backslashes stand in names, against the grammar: "[list] Name <a@b>".
bool ends_word(char c) { return ends_atom(c) && c != '[' && c != ']' && c != '\\'; }

// Reads an address-list item by item. A name, a group's name and a local part look alike until what follows them is
// seen; so a phrase is collected in both spellings first.
class ListParser {
 public:
  ListParser(std::string_view body, std::size_t limit) : in_(body), limit_(limit) {}

  std::vector<Address> parse() {
    while (!in_.done() && out_.size() < limit_) item();
    if (in_group_) end_group();
    return std::move(out_);
  }

 private:
  struct Phrase {
    std::string name;   // words with single spaces where there was white space
    std::string local;  // words and dots without any
    std::string comment;
    bool any = false;
  };

  void item() {
    Phrase phrase = read_phrase();
    const char next = in_.peek();
    if (in_.done()) {
      lonely(phrase);
    } else if (next == '<') {
      angle(phrase);
    } else if (next == '@') {
      plain(phrase);
    } else if (next == ':' && !in_group_) {
      in_.skip();
      in_group_ = true;
      push({.local = std::move(phrase.name), .group_start = true});
    } else if (next == ';') {
      in_.skip();
      lonely(phrase);
      if (in_group_) end_group();  // elsewhere it separates, as some programs write it
    } else if (next == ',') {
      in_.skip();
      lonely(phrase);
    } else {  // > or a second colon: no address
      in_.skip();
      skip_item();
    }
  }

  Phrase read_phrase() {
    Phrase out;
    std::string comment;
    while (true) {
      const bool space = in_.skip_cfws(&comment);
      if (space && out.any) out.comment = comment;
      const char c = in_.peek();
      std::string word;
      if (in_.done()) {
        return out;
      } else if (c == '"') {
        word = in_.quoted_string();
      } else if (c == '.') {
        word = '.';
        in_.skip();
      } else if (!ends_word(c)) {
        word = in_.until(ends_word);
      } else {
        return out;
      }
      if (space && !out.name.empty()) out.name += ' ';
      out.name += word;
      out.local += word;
      out.any = true;
    }
  }

  // A word that is followed by no address: a local name, or rubbish that a reader should see nevertheless.
  void lonely(Phrase& phrase) {
    if (phrase.any) push({.name = std::move(phrase.comment), .local = std::move(phrase.name)});
  }

  void plain(Phrase& phrase) {
    in_.skip();
    Address address{.local = std::move(phrase.local)};
    address.domain = domain();
    const Phrase rest = read_phrase();
    if (in_.peek() == '<') {  // it was a name without its quotes: "a@b <a@b>", "Ann @ Work <a@b>"
      phrase.name += '@' + address.domain + (rest.any ? " " : "") + rest.name;
      return angle(phrase);
    }
    // RFC 5322 §3.4: the old way to give a name is a comment behind the address.
    address.name = skip_item();
    push(std::move(address));
  }

  void angle(Phrase& phrase) {
    in_.skip();
    Address address{.name = std::move(phrase.name)};
    address.route = route();
    address.local = local_part();
    if (in_.take('@')) address.domain = domain();
    in_.until([](char c) { return c == '>' || c == ',' || c == ';'; });
    in_.take('>');
    std::string comment = skip_item();
    if (address.name.empty()) address.name = std::move(comment);
    push(std::move(address));
  }

  // RFC 5322 §4.4: obs-route = "@a,@b:".
  std::string route() {
    std::string out;
    in_.skip_cfws();
    while (in_.peek() == '@' || (in_.peek() == ',' && !out.empty())) {
      if (in_.take(',')) {
        out += ',';
      } else {
        in_.skip();
        out += '@' + domain();
      }
      in_.skip_cfws();
    }
    in_.take(':');
    return out;
  }

  std::string local_part() {
    std::string out;
    while (true) {
      in_.skip_cfws();
      const char c = in_.peek();
      if (in_.done() || c == '@' || c == '>' || c == ',' || c == ';') return out;
      if (c == '"') {
        out += in_.quoted_string();
      } else {
        out += c;
        in_.skip();
      }
    }
  }

  std::string domain() {
    std::string out;
    while (true) {
      in_.skip_cfws(&last_comment_);
      const char c = in_.peek();
      if (in_.done()) return out;
      if (c == '[') {
        out += in_.domain_literal();
      } else if (c == '.' || (!ends_atom(c) && (out.empty() || out.ends_with('.')))) {
        out += c;
        in_.skip();
        if (c != '.') out += in_.until(ends_atom);
      } else {
        return out;
      }
    }
  }

  // To behind the next comma, or before the end of the group; the text of the last comment on the way.
  std::string skip_item() {
    std::string comment = std::exchange(last_comment_, {});
    while (true) {
      in_.skip_cfws(&comment);
      if (in_.done() || in_.take(',')) return comment;
      if (in_.peek() == ';') {
        if (!in_group_) in_.skip();
        return comment;
      }
      if (in_.peek() == '"') {
        in_.quoted_string();
      } else {
        in_.skip();
      }
    }
  }

  void end_group() {
    in_group_ = false;
    push({.group_end = true});
  }

  void push(Address address) { out_.push_back(std::move(address)); }

  Lexer in_;
  std::size_t limit_;
  std::vector<Address> out_;
  std::string last_comment_;
  bool in_group_ = false;
};

// --- addr-spec of an envelope
// -----------------------------------------------------------------------------------------

bool is_atext(char c) {
  return base::is_alpha(c) || base::is_digit(c) || static_cast<unsigned char>(c) >= 0x80 ||
         (c != '\0' && std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos);
}

bool is_dot_atom(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.') return false;
  char before = 0;
  for (const char c : text) {
    if (c == '.' ? before == '.' : !is_atext(c)) return false;
    before = c;
  }
  return true;
}

// RFC 5321 §4.1.2: Quoted-string, with what RFC 6531 §3.3 adds.
bool unquote(std::string_view text, std::string& out) {
  if (text.size() < 3 || text.front() != '"' || text.back() != '"') return false;
  text = text.substr(1, text.size() - 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') return false;
    if (text[i] == '\\' && ++i == text.size()) return false;
    if (static_cast<unsigned char>(text[i]) < 32 || text[i] == 127) return false;
    out += text[i];
  }
  return true;
}

// RFC 5321 §4.1.2: Domain, its labels of at most 63 bytes (RFC 1035 §2.3.4). Underscores are no letters there, but
// hosts with them exist and send mail.
bool is_domain(std::string_view text) {
  for (const std::string_view label : base::split(text, '.')) {
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    const bool good = std::ranges::all_of(label, [](char c) {
      return base::is_alpha(c) || base::is_digit(c) || c == '-' || c == '_' || static_cast<unsigned char>(c) >= 0x80;
    });
    if (!good) return false;
  }
  return true;
}

bool is_domain_literal(std::string_view text) {
  if (text.size() < 3 || text.front() != '[' || text.back() != ']') return false;
  return std::ranges::all_of(text.substr(1, text.size() - 2),
                             [](char c) { return c >= 33 && c <= 126 && c != '[' && c != ']' && c != '\\'; });
}

}  // namespace

std::vector<Address> addresses(std::string_view body, std::size_t limit) { return ListParser(body, limit).parse(); }

bool parse_addr_spec(std::string_view text, AddrSpec& out) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos || !base::valid_utf8(text)) return false;
  const std::string_view local = text.substr(0, at);
  const std::string_view domain = text.substr(at + 1);
  if (local.empty() || local.size() > kMaxLocalPart || domain.empty() || domain.size() > 255) return false;
  if (!is_domain(domain) && !is_domain_literal(domain)) return false;
  std::string unquoted;
  if (is_dot_atom(local)) {
    unquoted = local;
  } else if (!unquote(local, unquoted)) {
    return false;
  }
  out = {std::move(unquoted), std::string(domain)};
  return true;
}

std::string format(const AddrSpec& address) {
  if (is_dot_atom(address.local)) return address.local + "@" + address.domain;
  std::string out = "\"";
  for (const char c : address.local) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"@" + address.domain;
}

}  // namespace mime
