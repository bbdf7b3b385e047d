#include "imap/command.h"

#include <doctest/doctest.h>

#include "imap/table.h"

namespace imap {
namespace {

template <class T>
T parsed(std::string_view text) {
  auto out = parse_command(text);
  if (!out.command) FAIL(out.command.error().text);
  return std::get<T>(out.command->arguments);
}
bool refuses(std::string_view text) { return !parse_command(text).command.has_value(); }

std::string program(std::string_view keys) {
  using Op = SearchStep::Op;
  std::string out;
  for (const SearchStep& step : parsed<Search>("a SEARCH " + std::string(keys)).program) {
    out += step.op == Op::op_not   ? "! "
           : step.op == Op::op_or  ? "| "
           : step.op == Op::op_and ? "&" + std::to_string(step.count) + " "
           : step.op == Op::header ? step.field + "=" + step.text + " "
                                   : "x ";
  }
  return out;
}

TEST_CASE("search programs are postfix") {
  CHECK(program("SEEN") == "x ");
  CHECK(program("SEEN FLAGGED") == "x x &2 ");
  CHECK(program("NOT NOT SEEN") == "x ! ! ");
  CHECK(program("UNSEEN") == "x ! ");
  CHECK(program("OR SEEN NOT (FLAGGED DRAFT)") == "x x x &2 ! | ");
  CHECK(program("OR (OR SEEN 1) (2 3) 4") == "x x | x x &2 | x &2 ");
  CHECK(program("((SUBJECT {3}\r\na b))") == "SUBJECT=a b ");
  CHECK(program("NEW") == "x x ! &2 ");
}

TEST_CASE("search programs are bounded and whole") {
  CHECK(refuses("a SEARCH"));
  CHECK(refuses("a SEARCH "));
  CHECK(refuses("a SEARCH ()"));
  CHECK(refuses("a SEARCH (SEEN"));
  CHECK(refuses("a SEARCH SEEN)"));
  CHECK(refuses("a SEARCH OR SEEN"));
  CHECK(refuses("a SEARCH (OR SEEN)"));
  CHECK(refuses("a SEARCH NOT"));
  std::string deep = "a SEARCH ";
  for (int i = 0; i < 5000; ++i) deep += "(";
  CHECK(refuses(deep));
  std::string nots = "a SEARCH ";
  for (int i = 0; i < 5000; ++i) nots += "NOT ";
  CHECK(refuses(nots + "SEEN"));
  std::string wide = "a SEARCH SEEN";
  for (int i = 0; i < 5000; ++i) wide += " SEEN";
  CHECK(refuses(wide));
}

TEST_CASE("fetch items") {
  const auto fetch = parsed<Fetch>(
      "a UID FETCH 1:*,7 (FLAGS BODY BODY.PEEK[1.2.HEADER.FIELDS (DATE \"From\")]<0.10> BINARY[3] RFC822.TEXT)");
  CHECK(fetch.items == (kFetchFlags | kFetchBody));
  REQUIRE(fetch.bodies.size() == 3);
  CHECK(fetch.bodies[0].peek);
  CHECK(fetch.bodies[0].section.part == std::vector<std::uint32_t>{1, 2});
  CHECK(fetch.bodies[0].section.fields == std::vector<std::string>{"DATE", "From"});
  CHECK(fetch.bodies[0].partial->length == 10);
  CHECK(fetch.bodies[1].kind == BodyItem::Kind::binary);
  CHECK(fetch.bodies[2].kind == BodyItem::Kind::rfc822_text);
  CHECK(parsed<Fetch>("a FETCH 1 BODYSTRUCTURE").items == kFetchBodyStructure);
  CHECK(parsed<Fetch>("a FETCH 1 BODY[TEXT]").bodies[0].section.text == Section::Text::text);
  CHECK(refuses("a FETCH 1 ()"));
  CHECK(refuses("a FETCH 1 BODY[0]"));
  CHECK(refuses("a FETCH 1 BODY[1.]"));
  CHECK(refuses("a FETCH 1 BODY[1.MIME"));
  CHECK(refuses("a FETCH 1 BINARY[1.MIME]"));
  CHECK(refuses("a FETCH 1 BODY[HEADER.FIELDS (\"a\r\nb\")]"));
  CHECK(refuses("a FETCH  1 FLAGS"));
}

TEST_CASE("sets resolve to sorted ranges") {
  const auto resolved = [](std::string_view set, std::uint32_t star) {
    Cursor in(set);
    std::string out;
    append_set(out, take_sequence_set(in)->resolved(star));
    return out;
  };
  CHECK(resolved("5,1:3,2:4", 10) == "1:5");
  CHECK(resolved("*:4,7", 5) == "4:5,7");
  CHECK(resolved("12:*", 10) == "10:12");
  CHECK(resolved("1:4294967295", 10) == "1:4294967295");
  CHECK(refuses("a FETCH 0 FLAGS"));
  CHECK(refuses("a FETCH 1: FLAGS"));
  CHECK(refuses("a FETCH 1,,2 FLAGS"));
  CHECK(refuses("a FETCH 4294967296 FLAGS"));
}

TEST_CASE("sets are joined, intersected and taken from one another") {
  using Ranges = std::vector<Range>;
  const Ranges some{{2, 4}, {7, 7}, {10, UINT32_MAX}};
  const Ranges other{{1, 2}, {4, 8}, {12, 13}};
  CHECK(intersection(some, other) == Ranges{{2, 2}, {4, 4}, {7, 7}, {12, 13}});
  CHECK(joined(some, other) == Ranges{{1, 8}, {10, UINT32_MAX}});
  CHECK(without(some, other) == Ranges{{3, 3}, {10, 11}, {14, UINT32_MAX}});
  CHECK(without(other, some) == Ranges{{1, 1}, {5, 6}, {8, 8}});
  CHECK(without(some, {{1, UINT32_MAX}}).empty());
  CHECK(without({{1, 3}, {5, 6}}, {{2, 5}}) == Ranges{{1, 1}, {6, 6}});
  CHECK(without(some, {}) == some);
  CHECK(count_of(other) == 9);
}

TEST_CASE("strings in their three forms, and what breaks them") {
  CHECK(parsed<Login>("a LOGIN a]b \"c\\\"d\"").user == "a]b");
  CHECK(parsed<Login>("a LOGIN a]b \"c\\\"d\"").password == "c\"d");
  CHECK(parsed<Login>("a LOGIN {1}\r\nx {0+}\r\n").password.empty());
  CHECK(refuses("a LOGIN x \"y"));
  CHECK(refuses("a LOGIN x {5}\r\nab"));
  CHECK(refuses(std::string_view("a LOGIN x \"\0\"", 13)));
  CHECK(refuses("a LOGIN x y z"));
  CHECK(parse_command("tag FROB").tag == "tag");
  CHECK(parse_command("").tag == "*");
}

TEST_CASE("verbs are found by their words, UID forms as one") {
  CHECK(parse_command("a uid fetch 1 flags").command->verb->name == "UID FETCH");
  CHECK(refuses("a UIDFETCH 1 FLAGS"));
  CHECK(refuses("a FETCHX 1 FLAGS"));
}

}  // namespace
}  // namespace imap
