#include "smtp/framer.h"

#include <doctest/doctest.h>

#include <vector>

namespace smtp {
namespace {

using Form = Content::Form;
using BareEnds = Content::BareEnds;

struct Decoded {
  std::string content;
  std::string rest;  // what was left of the input
  bool bare = false, nul = false, done = false;
  friend bool operator==(const Decoded&, const Decoded&) = default;
};

Decoded decode(std::string_view input, Form form, BareEnds ends, std::size_t piece = SIZE_MAX) {
  Content content(form, ends);
  Decoded out;
  while (!input.empty() && !content.done()) {
    std::size_t used = 0;
    out.content += content.next(input.substr(0, piece), used);
    input.remove_prefix(used);
  }
  out.done = content.done();
  if (form == Form::counted) out.content += content.end();
  out.rest = input;
  out.bare = content.bare();
  out.nul = content.nul();
  return out;
}

/// The rules of Content, one byte after the other.
Decoded slowly(std::string_view input, Form form, BareEnds ends) {
  Decoded out;
  std::string raw;
  std::size_t i = 0;
  const bool dotted = form == Form::dotted;
  bool line_start = true;
  while (i < input.size()) {
    if (dotted && line_start && input[i] == '.') {
      if (input.substr(i, 3) == ".\r\n") {
        out.done = true;
        i += 3;
        break;
      }
      // What is not whole yet has given nothing so far.
      if (input.substr(i) == "." || input.substr(i) == ".\r") {
        i = input.size();
        break;
      }
      ++i;
      line_start = false;
      continue;
    }
    const bool crlf = input.substr(i, 2) == "\r\n";
    raw += input.substr(i, crlf ? 2 : 1);
    i += crlf ? 2 : 1;
    line_start = crlf;
  }
  out.rest = input.substr(i);
  bool bare = false;
  for (std::size_t k = 0; k < raw.size(); ++k) {
    if (raw[k] == '\0') out.nul = true;
    const bool last = k + 1 == raw.size();
    const bool bare_lf = raw[k] == '\n' && (k == 0 || raw[k - 1] != '\r');
    const bool bare_cr = raw[k] == '\r' && (last ? !dotted : raw[k + 1] != '\n');
    bare = bare || bare_lf || bare_cr;
    const bool convert = ends == BareEnds::convert;
    if (bare_lf && convert) out.content += '\r';
    out.content += raw[k];
    if (bare_cr && convert) out.content += '\n';
  }
  out.bare = bare && ends == BareEnds::refuse;
  return out;
}

TEST_CASE("dots are taken off and the end is found, and what is behind it is left alone") {
  const Decoded d = decode("a\r\n..b\r\n.c\r\nd.\r\n.\r\nQUIT\r\n", Form::dotted, BareEnds::refuse);
  CHECK_EQ(d.content, "a\r\n.b\r\nc\r\nd.\r\n");
  CHECK_EQ(d.rest, "QUIT\r\n");
  CHECK(d.done);
  CHECK_FALSE(d.bare);
  CHECK_EQ(decode(".\r\n", Form::dotted, BareEnds::refuse), Decoded{"", "", false, false, true});
}

TEST_CASE("content without dots is handed out as it stands, without a copy") {
  const std::string input = "Subject: x\r\n\r\ntext\r\n";
  Content content(Form::dotted, BareEnds::refuse);
  std::size_t used = 0;
  const std::string_view piece = content.next(input, used);
  CHECK_EQ(piece.data(), input.data());
  CHECK_EQ(piece.size(), input.size());
  // Also where the end of the message is in it.
  const std::string last = "more\r\n.\r\n";
  const std::string_view end = content.next(last, used);
  CHECK_EQ(end.data(), last.data());
  CHECK_EQ(end, "more\r\n");
  CHECK(content.done());
}

TEST_CASE("a NUL behind the end of the message is none of the message's") {
  CHECK_FALSE(decode(std::string_view(".\r\n\0", 4), Form::dotted, BareEnds::refuse).nul);
  CHECK(decode(std::string_view("\0\r\n.\r\n", 6), Form::dotted, BareEnds::refuse).nul);
}

TEST_CASE("every short text of what matters is decoded by the rules, however it is cut") {
  constexpr std::string_view kAlphabet("\r\n.a", 4);
  for (std::size_t length = 0; length <= 7; ++length) {
    const std::size_t texts = std::size_t{1} << (2 * length);
    for (std::size_t number = 0; number < texts; ++number) {
      std::string text;
      for (std::size_t i = 0; i < length; ++i) text += kAlphabet[(number >> (2 * i)) & 3];
      for (const Form form : {Form::dotted, Form::counted}) {
        for (const BareEnds ends : {BareEnds::refuse, BareEnds::convert}) {
          const Decoded expected = slowly(text, form, ends);
          for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{3}, SIZE_MAX}) {
            const Decoded got = decode(text, form, ends, piece);
            // A CR at the end of a cut input is content already, and not judged; both say so.
            if (got != expected) {
              CAPTURE(text);
              CAPTURE(piece);
              REQUIRE_EQ(got.content, expected.content);
              REQUIRE(got == expected);
            }
          }
        }
      }
    }
  }
}

std::vector<std::string> lines(std::string_view input, std::size_t limit, std::size_t piece) {
  LineFramer framer(limit);
  std::string buffer;
  std::vector<std::string> out;
  std::size_t most = 0;
  while (true) {
    std::size_t used = 0;
    const auto line = framer.next(buffer, used);
    if (line) out.push_back(std::to_string(static_cast<int>(line->end)) + std::string(line->text));
    buffer.erase(0, used);
    if (line) continue;
    most = std::max(most, buffer.size());
    if (input.empty()) break;
    buffer += input.substr(0, piece);
    input.remove_prefix(std::min(piece, input.size()));
  }
  REQUIRE_LT(most, limit);  // what is kept of a line that is not whole
  return out;
}

// RFC 3030 §3.
TEST_CASE("octets are kept as they are, however they are cut") {
  const std::string octets("a\0\r\n.\r\n\n.\n\r", 12);
  for (std::size_t piece = 1; piece <= octets.size(); ++piece) {
    const Decoded decoded = decode(octets, Form::counted, BareEnds::keep, piece);
    CHECK_EQ(decoded.content, octets);
    CHECK_FALSE(decoded.bare);
    CHECK_FALSE(decoded.nul);
  }
}

TEST_CASE("lines end in CRLF; what ends otherwise, or is too long, says so and costs only itself") {
  const std::string input =
      "EHLO c\r\nbare\nin\rside\r\n" + std::string(40, 'x') + "\r\n\r\n" + std::string(30, 'y') + "\nend";
  const std::vector<std::string> expected{"0EHLO c", "1bare", "2in\rside", "3", "0", "3"};
  for (const std::size_t piece : {1uz, 2uz, 5uz, 1000uz}) CHECK(lines(input, 20, piece) == expected);
  // Exactly at the limit, which counts the line end.
  CHECK(lines("123456\r\n1234567\r\n", 8, 1) == std::vector<std::string>{"0123456", "3"});
}

}  // namespace
}  // namespace smtp
