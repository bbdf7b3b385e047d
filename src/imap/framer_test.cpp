#include "imap/framer.h"

#include <doctest/doctest.h>

#include <vector>

namespace imap {
namespace {

using Event = Framer::Event;

// Everything that the framer tells of an input fed in pieces; messages are accepted.
std::vector<std::string> told(std::string_view input, std::size_t piece, Framer::Limits limits = {}) {
  static constexpr const char* kNames[] = {"more",  "command", "line",     "go ahead", "message",
                                           "chunk", "end",     "too long", "hopeless"};
  Framer framer(limits);
  std::vector<std::string> out;
  std::string message;
  for (std::size_t at = 0; at < input.size(); at += piece) {
    std::string_view rest = input.substr(at, piece);
    while (true) {
      const auto step = framer.next(rest);
      rest.remove_prefix(step.taken);
      if (step.event == Event::chunk) {
        message += framer.chunk();
        continue;
      }
      if (step.event == Event::more) break;
      out.push_back(kNames[static_cast<int>(step.event)]);
      if (step.event == Event::end) out.back() += "<" + std::exchange(message, {}) + ">";
      if (step.event != Event::go_ahead && step.event != Event::hopeless)
        out.back() += ":" + std::string(framer.text());
      if (step.event == Event::message) framer.accept();
      if (step.event == Event::hopeless) return out;
    }
  }
  return out;
}

TEST_CASE("commands, literals and messages come whole, however the bytes come") {
  const std::string input =
      "a NOOP\r\nb LOGIN {2}\r\nme {3+}\r\nyou\r\nc NOOP\nd APPEND {5+}\r\nINBOX (\\Seen) {4}\r\n\r\nx\n\r\n"
      "e APPEND INBOX {2+}\nhi more\r\nf X\r\n";
  const std::vector<std::string> expected = {"command:a NOOP",
                                             "go ahead",
                                             "command:b LOGIN {2}\r\nme {3+}\r\nyou",
                                             "command:c NOOP",
                                             "message:d APPEND {5+}\r\nINBOX (\\Seen) ",
                                             "end<\r\nx\n>:",
                                             "message:e APPEND INBOX ",
                                             "end<hi>: more",
                                             "command:f X"};
  for (std::size_t piece = 1; piece <= input.size(); ++piece) CHECK(told(input, piece) == expected);
}

TEST_CASE("what is above the limits is told once and skipped") {
  const Framer::Limits limits{.command_bytes = 20, .skipped_bytes = 100};
  for (const std::size_t piece : {1uz, 7uz, 1000uz}) {
    CHECK(told("a " + std::string(50, 'x') + "\r\nb NOOP\r\n", piece, limits) ==
          std::vector<std::string>{"too long:a " + std::string(18, 'x'), "command:b NOOP"});
    // A client that waits for us sends no literal; one that does not wait sends it, and more of the command behind it.
    CHECK(told("a X {30}\r\nb NOOP\r\n", piece, limits) ==
          std::vector<std::string>{"too long:a X {30}\r\n", "command:b NOOP"});
    CHECK(told("a X {30+}\r\n" + std::string(30, '\n') + " {3+}\r\n\r\n\r more\r\nb NOOP\r\n", piece, limits) ==
          std::vector<std::string>{"too long:a X {30+}\r\n", "command:b NOOP"});
    CHECK(told("a X " + std::string(50, 'x') + " {3+}\r\nb\r\n\r\nc NOOP\r\n", piece, limits).back() ==
          "command:c NOOP");
    // Nonsense of forty digits announces nothing, in one piece or in many.
    CHECK(
        told("a X " + std::string(50, 'x') + " {" + std::string(40, '0') + "3+}\r\nb NOOP\r\n", piece, limits).back() ==
        "command:b NOOP");
    CHECK(told("a X {101+}\r\n", piece, limits) == std::vector<std::string>{"hopeless"});
    CHECK(told("a " + std::string(500, 'x'), piece, limits).back() == "hopeless");
  }
}

TEST_CASE("a refused message is skipped when it comes, and not awaited when it does not") {
  Framer framer({});
  std::string_view input = "a APPEND INBOX {5+}\r\nhello\r\nb APPEND INBOX {5}\r\nc NOOP\r\n";
  std::vector<std::string> commands;
  while (true) {
    const auto step = framer.next(input);
    input.remove_prefix(step.taken);
    if (step.event == Event::more) break;
    commands.emplace_back(framer.text());
    if (step.event == Event::message) framer.refuse();
  }
  CHECK(commands == std::vector<std::string>{"a APPEND INBOX ", "b APPEND INBOX ", "c NOOP"});
}

TEST_CASE("a line that was asked for is not looked at for literals") {
  Framer framer({});
  framer.expect_line();
  const auto step = framer.next("DONE {5}\r\nx");
  CHECK(step.event == Event::line);
  CHECK(framer.text() == "DONE {5}");
  CHECK(step.taken == 10);
}

}  // namespace
}  // namespace imap
