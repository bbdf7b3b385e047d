// Base subjects and threads, by hand from RFC 5256.
#include "imap/thread.h"

#include <doctest/doctest.h>

#include "imap/envelope.h"

namespace imap {
namespace {

std::string base(std::string_view subject) { return base_subject(subject).text; }
bool reply(std::string_view subject) { return base_subject(subject).reply; }

TEST_CASE("base subjects (RFC 5256 §2.1)") {
  CHECK(base("Hello") == "HELLO");
  CHECK(base("Re: Hello") == "HELLO");
  CHECK(base("RE : [list] re: Fw[2]:  Hello (fwd) (FWD) ") == "HELLO");
  CHECK(base("[list] Hello") == "HELLO");
  CHECK(base("[list] [more] Re: [other] Hello") == "HELLO");
  CHECK(base("[list]") == "[LIST]");
  CHECK(base("[a] [b]") == "[B]");
  CHECK(base("[Fwd: Re: Hello]") == "HELLO");
  CHECK(base("Re: [Fwd: [Fwd: Hello (fwd)]]") == "HELLO");
  CHECK(base("Hello\r\n\t  world") == "HELLO WORLD");
  CHECK(base("=?utf-8?q?Re=3A_Gr=C3=BC=C3=9Fe?=") == base("GR\xc3\x9c\xc3\x9f"
                                                          "E"));
  CHECK(base("Regarding: this") == "REGARDING: THIS");
  CHECK(base("Re Hello") == "RE HELLO");
  CHECK(base("") == "");
  CHECK(base("Re:") == "");
  CHECK(base("[fwd:]") == "");
  CHECK(base("[broken") == "[BROKEN");
  CHECK(reply("Re: Hello"));
  CHECK(reply("Hello (fwd)"));
  CHECK(reply("[fwd: Hello]"));
  CHECK(!reply("[list] Hello"));
  CHECK(!reply("Hello"));
  std::string nested;
  for (int i = 0; i < 100'000; ++i) nested += "[Fwd: ";
  CHECK(base(nested + std::string(100'000, ']')).size() <= kSubjectBytes);
}

TEST_CASE("an ENVELOPE is read as far as it is needed") {
  const auto envelope = parse_envelope(
      R"(("Mon" "A \"b\"" (("Anna" NIL "anna" "x.test")(NIL NIL "b" "x.test")) NIL NIL ((NIL NIL "team" NIL)(NIL NIL "c" "x.test")(NIL NIL NIL NIL)) NIL NIL NIL "<1@x>"))");
  REQUIRE(envelope.has_value());
  CHECK(envelope->subject == "A \"b\"");
  CHECK(envelope->from->name == "Anna");
  CHECK(envelope->from->host == "x.test");
  CHECK(envelope->to->mailbox == "team");
  CHECK(!envelope->to->host);
  CHECK(!envelope->cc);
  CHECK(!parse_envelope(""));
  CHECK(!parse_envelope("(NIL"));
  CHECK(!parse_envelope("(NIL NIL (NIL) NIL NIL NIL NIL"));
}

/// "1" has the Message-ID <1@x>; references by their numbers.
struct Short {
  std::uint32_t number;
  std::int64_t date;
  std::string subject;
  std::string references;  // "1 2"
  std::string id;          // "" as the number
};
std::vector<ThreadMessage> messages(const std::vector<Short>& list) {
  std::vector<ThreadMessage> out;
  for (const Short& one : list) {
    ThreadMessage message{
        .number = one.number, .date = one.date, .subject = base_subject(one.subject), .references = {}};
    message.id = message_ids("<" + (one.id.empty() ? std::to_string(one.number) : one.id) + "@x>").front();
    std::string field;
    for (const char c : one.references) {
      if (c != ' ') field += std::string("<") + c + "@x> ";
    }
    message.references = message_ids(field);
    out.push_back(std::move(message));
  }
  return out;
}
std::string by_references(const std::vector<Short>& list) { return threads_by_references(messages(list)); }
std::string by_subject(const std::vector<Short>& list) { return threads_by_subject(messages(list)); }

TEST_CASE("ORDEREDSUBJECT has no grandchildren") {
  CHECK(by_subject({}) == "");
  CHECK(by_subject({{1, 5, "b", "", ""}, {2, 1, "a", "", ""}, {3, 7, "Re: b", "", ""}}) == "(2)(1 3)");
  CHECK(by_subject({{1, 5, "b", "", ""}, {2, 9, "Re: B", "", ""}, {3, 7, "b (fwd)", "", ""}, {4, 8, "b", "", ""}}) ==
        "(1 (3)(4)(2))");
}

TEST_CASE("REFERENCES: chains, branches and messages that are not there") {
  CHECK(by_references({}) == "");
  CHECK(by_references({{1, 1, "a", "", ""}, {2, 2, "Re: a", "1", ""}, {3, 3, "Re: a", "1 2", ""}}) == "(1 2 3)");
  CHECK(by_references({{1, 1, "a", "", ""}, {2, 3, "Re: a", "1", ""}, {3, 2, "Re: a", "1", ""}}) == "(1 (3)(2))");
  // The one between is missing: its child moves up. The first is missing: its only child takes its place, several stand
  // below nobody.
  CHECK(by_references({{1, 1, "a", "", ""}, {3, 3, "Re: a", "1 2", ""}}) == "(1 3)");
  CHECK(by_references({{2, 1, "x", "9", ""}}) == "(2)");
  CHECK(by_references({{2, 5, "x", "9", ""}, {3, 4, "y", "9", ""}, {4, 1, "z", "", ""}}) == "(4)((3)(2))");
  // A reply that came before what it answers.
  CHECK(by_references({{1, 2, "Re: a", "2", ""}, {2, 1, "a", "", ""}}) == "(2 1)");
}

TEST_CASE("REFERENCES: loops, duplicates and shortened lists") {
  CHECK(by_references({{1, 1, "a", "2", ""}, {2, 2, "b", "1", ""}}) == "(2 1)");
  CHECK(by_references({{1, 1, "a", "1", ""}}) == "(1)");
  CHECK(by_references({{1, 1, "a", "", "7"}, {2, 2, "b", "", "7"}, {3, 3, "c", "7", ""}}) == "(1 3)(2)");
  // Somebody's list says that 3 follows 1; 3 itself knows better.
  CHECK(by_references({{1, 1, "a", "", ""}, {2, 2, "b", "1", ""}, {3, 4, "c", "1 2", ""}, {4, 5, "d", "1 3", ""}}) ==
        "(1 2 3 4)");
  // RFC 5256: quoting makes no difference.
  CHECK(message_ids("<\"01K\"@x> <01K@x>")[0] == message_ids("<01K@x>")[0]);
  CHECK(message_ids("<no-at> <> text <open@x").empty());
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "<" + std::to_string(i) + "@x>";
  CHECK(message_ids(many).size() == kMaxReferences);
  CHECK(message_ids(many).front() == message_ids("<0@x>").front());
  CHECK(message_ids(many).back() == message_ids("<999@x>").front());
}

TEST_CASE("REFERENCES: threads of one subject are gathered") {
  // A reply without References joins what it answers; two that are no replies stand side by side.
  CHECK(by_references({{1, 1, "a", "", ""}, {2, 2, "Re: a", "", ""}}) == "(1 2)");
  CHECK(by_references({{1, 2, "Re: a", "", ""}, {2, 3, "a", "", ""}}) == "(2 1)");
  CHECK(by_references({{1, 1, "a", "", ""}, {2, 2, "A", "", ""}}) == "((1)(2))");
  CHECK(by_references({{1, 1, "a", "", ""}, {2, 2, "a", "", ""}, {3, 3, "a", "", ""}}) == "((1)(2)(3))");
  CHECK(by_references({{2, 1, "a", "9", ""}, {3, 2, "Re: a", "9", ""}, {4, 3, "a", "", ""}}) == "((2)(3)(4))");
  CHECK(by_references({{1, 1, "", "", ""}, {2, 2, "", "", ""}}) == "(1)(2)");
}

TEST_CASE("REFERENCES: a thread of a hundred thousand is made in bounded time and depth") {
  std::vector<ThreadMessage> chain;
  for (std::uint32_t i = 1; i <= 100'000; ++i) {
    ThreadMessage message{.number = i, .date = i, .subject = {}, .id = i, .references = {}};
    if (i > 1) message.references = {i - 1};
    chain.push_back(std::move(message));
  }
  const std::string threads = threads_by_references(chain);
  CHECK(threads.starts_with("(1 2 3 4 "));
  CHECK(std::ranges::count(threads, '(') == 100'000 / static_cast<std::ptrdiff_t>(kMaxThreadDepth));
}

}  // namespace
}  // namespace imap
