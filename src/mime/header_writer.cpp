#include "mime/header_writer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "mime/encode.h"

namespace mime {
namespace {

constexpr std::size_t kFold = 78;          // RFC 5322 §2.1.1
constexpr std::size_t kEncodedLine = 76;   // RFC 2047 §2
constexpr std::size_t kLongestWord = 900;  // that is left as it is: with a name it must stay below 998
constexpr std::size_t kLongestBlank = 60;
constexpr std::size_t kLongestText = 16 * 1024;
constexpr std::size_t kLongestName = 1000;   // of a mailbox, a group; and of a parameter's value
constexpr std::size_t kLongestPhrase = 200;  // that is not encoded
constexpr std::size_t kQuotedValue = 60;     // longer ones are cut into sections
constexpr std::size_t kSection = 55;

bool is_token_char(char c) { return c > ' ' && c < 127 && !std::string_view("()<>@,;:\\\"/[]?=").contains(c); }

bool is_token(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_token_char); }

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 127; });
}

// "=?" anywhere would be read as an encoded word.
bool is_plain(std::string_view text) { return is_ascii(text) && !text.contains("=?"); }

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// RFC 5322 §3.2.5: phrase, in its words.
std::vector<std::string> phrase(std::string_view utf8) {
  const std::string text = clean_text(utf8, kLongestName);
  if (text.empty()) return {};
  if (!is_plain(text) || text.size() > kLongestPhrase) return encoded_words(text);
  const bool atoms = !text.contains("  ") && std::ranges::all_of(text, [](char c) {
    return base::is_alpha(c) || base::is_digit(c) || std::string_view(" !#$%&'*+-/=?^_`{|}~").contains(c);
  });
  if (!atoms) return {quoted(text)};
  std::vector<std::string> out;
  for (const std::string_view word : base::split(text, ' ')) out.emplace_back(word);
  return out;
}

// RFC 2231 §3 and §4: one parameter or the sections of one, as they stand behind the semicolon.
std::vector<std::string> parameter(const Parameter& p) {
  ENSURE(is_token(p.name) && !p.name.contains('*'));
  const std::string value = clean_text(p.value, kLongestName);
  if (is_plain(value) && value.size() <= kQuotedValue) {
    return {p.name + '=' + (is_token(value) ? value : quoted(value))};
  }
  std::vector<std::string> sections{"utf-8''"};
  for (const char c : value) {
    if (sections.back().size() > kSection) sections.emplace_back();
    if (is_token_char(c) && c != '*' && c != '\'' && c != '%') {
      sections.back() += c;
    } else {
      sections.back() += '%' + base::upper(base::hex(std::string_view(&c, 1)));
    }
  }
  if (sections.size() == 1) return {p.name + "*=" + sections[0]};
  for (std::size_t i = 0; i < sections.size(); ++i) {
    sections[i] = p.name + '*' + std::to_string(i) + "*=" + sections[i];
  }
  return sections;
}

// The words of one mailbox, without a comma; or why it cannot be written.
base::Result<std::vector<std::string>> mailbox(const Address& address) {
  const AddrSpec spec{.local = address.local, .domain = address.domain};
  std::string text = format(spec);
  AddrSpec back;
  if (!parse_addr_spec(text, back) || !(back == spec)) {
    return base::fail(base::Code::invalid, "no address can be written as " + base::printable(text));
  }
  std::vector<std::string> words = phrase(address.name);
  words.push_back(words.empty() ? std::move(text) : '<' + text + '>');
  return words;
}

// RFC 5322 §3.6.4: an id without its brackets; from others it may be anything that has no white space.
bool is_id(std::string_view id) {
  if (id.size() < 3 || id.size() > kLongestWord || id.front() != '<' || id.back() != '>') return false;
  return std::ranges::all_of(id.substr(1, id.size() - 2),
                             [](char c) { return c > ' ' && c < 127 && c != '<' && c != '>'; });
}

}  // namespace

void HeaderWriter::begin(std::string_view name) {
  ENSURE(is_token(name));
  line_ = block_.size();
  block_ += name;
  block_ += ':';
  first_ = true;
}

// A word and what stands before it, which is where the line is folded. The first word stays on the field's own line.
void HeaderWriter::word(std::string_view word, std::string_view blanks) {
  if (!first_ && column() + blanks.size() + word.size() > kFold) {
    block_ += "\r\n";
    line_ = block_.size();
  }
  block_ += blanks;
  block_ += word;
  first_ = false;
}

void HeaderWriter::end() { block_ += "\r\n"; }

// The words of text[begin, end) with the white space before each.
void HeaderWriter::words(std::string_view text, std::size_t begin, std::size_t end) {
  while (begin < end) {
    const std::size_t start = std::min(text.find_first_not_of(' ', begin), end);
    const std::size_t stop = std::min(text.find(' ', start), end);
    if (start < stop) word(text.substr(start, stop - start), first_ ? " " : text.substr(begin, start - begin));
    begin = stop;
  }
}

void HeaderWriter::text(std::string_view name, std::string_view utf8) {
  const std::string text = clean_text(utf8, kLongestText);
  begin(name);
  // From the first word that must be encoded to the last all is, because white space between encoded words is lost.
  std::size_t first = text.size();
  std::size_t last = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = text.find_first_not_of(' ', at);
    const std::size_t stop = std::min(text.find(' ', start), text.size());
    if (!is_plain(std::string_view(text).substr(start, stop - start)) || stop - start > kLongestWord ||
        start - at > kLongestBlank) {
      first = std::min(first, start - at > kLongestBlank ? text.find_last_of(' ', at - 1) + 1 : start);
      last = stop;
    }
    at = stop;
  }
  words(text, 0, std::min(first, text.size()));
  if (last > 0) {
    // What stood before the first encoded word stands there still; words() left it out.
    const std::string before(first == 0 ? 1 : first - 1 - text.find_last_not_of(' ', first - 1), ' ');
    const std::size_t used = column() + before.size();
    const auto list = encoded_words(std::string_view(text).substr(first, last - first),
                                    used < kEncodedLine ? kEncodedLine - used : 0);
    for (std::size_t i = 0; i < list.size(); ++i) word(list[i], i == 0 ? std::string_view(before) : " ");
    words(text, last, text.size());
  }
  end();
}

base::Result<void> HeaderWriter::addresses(std::string_view name, const std::vector<Address>& list) {
  std::vector<std::string> all;
  bool in_group = false;
  bool comma = false;  // something stands before that needs one
  auto add = [&](std::vector<std::string> words) {
    if (comma) all.back() += ',';
    all.insert(all.end(), std::make_move_iterator(words.begin()), std::make_move_iterator(words.end()));
  };
  for (const Address& address : list) {
    if (address.group_start) {
      std::vector<std::string> words = phrase(address.local);
      if (words.empty() || in_group) return base::fail(base::Code::invalid, "a group needs a name and stands alone");
      words.back() += ':';
      add(std::move(words));
      in_group = true;
      comma = false;
    } else if (address.group_end) {
      if (!in_group) return base::fail(base::Code::invalid, "a group ends that has not begun");
      all.back() += ';';
      in_group = false;
      comma = true;
    } else {
      TRY_ASSIGN(auto words, mailbox(address));
      add(std::move(words));
      comma = true;
    }
  }
  if (in_group) all.back() += ';';
  if (all.empty()) return {};
  begin(name);
  for (const std::string& w : all) word(w);
  end();
  return {};
}

void HeaderWriter::date(std::string_view name, base::WallTime when) {
  begin(name);
  word(base::rfc5322_date(when));
  end();
}

void HeaderWriter::ids(std::string_view name, const std::vector<std::string>& ids) {
  if (std::ranges::none_of(ids, is_id)) return;
  begin(name);
  for (const std::string& id : ids) {
    if (is_id(id)) word(id);
  }
  end();
}

void HeaderWriter::value(std::string_view name, std::string_view token, const std::vector<Parameter>& parameters) {
  std::string clean;
  std::ranges::copy_if(token.substr(0, 100), std::back_inserter(clean),
                       [](char c) { return c == '/' || is_token_char(c); });
  begin(name);
  word(clean);
  for (const Parameter& p : parameters) {
    for (const std::string& section : parameter(p)) {
      block_ += ';';
      word(section);
    }
  }
  end();
}

std::string message_id(std::string_view unique, std::string_view domain) {
  std::string out = "<";
  auto add = [&](std::string_view text, std::string_view also) {
    std::ranges::copy_if(text.substr(0, 255), std::back_inserter(out), [&](char c) {
      return base::is_alpha(c) || base::is_digit(c) || (c != '\0' && also.contains(c));
    });
  };
  add(unique, ".-_+=");
  out += '@';
  add(domain, ".-_:[]");
  return out + '>';
}

}  // namespace mime
