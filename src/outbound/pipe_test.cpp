// What a command is given, and what its end means.
#include "outbound/pipe.h"

#include <doctest/doctest.h>

namespace outbound {
namespace {

Outcome exited(std::uint32_t code, std::string output = {}) {
  return outcome_of({.kind = PipeEnd::Kind::exited, .code = code, .output = std::move(output)});
}

TEST_CASE("exit codes as in sysexits: what is the message's or the address's fault fails, the rest waits") {
  CHECK(exited(0).verdict == Verdict::delivered);
  for (const std::uint32_t code : {65u, 67u, 68u, 69u, 73u, 76u, 77u}) {
    CHECK(exited(code).verdict == Verdict::failed);
    CHECK_EQ(exited(code).status[0], '5');
  }
  CHECK_EQ(exited(67).status, "5.1.1");
  for (const std::uint32_t code : {1u, 2u, 63u, 64u, 66u, 70u, 71u, 72u, 74u, 75u, 78u, 126u, 127u, 255u}) {
    CHECK(exited(code).verdict == Verdict::deferred);
    CHECK_EQ(exited(code).status[0], '4');
    CHECK_FALSE(exited(code).destination_down);
  }
  CHECK(outcome_of({.kind = PipeEnd::Kind::killed, .code = 9, .output = {}}).text.contains("signal 9"));
  CHECK(outcome_of({.kind = PipeEnd::Kind::late, .code = 0, .output = {}}).verdict == Verdict::deferred);
  const Outcome not_run = outcome_of({.kind = PipeEnd::Kind::not_run, .code = 2, .output = {}});
  CHECK(not_run.destination_down);
  CHECK(not_run.text.contains("No such file"));
}

TEST_CASE("the command's own status and first line are told, made safe") {
  const Outcome refused = exited(69, "\n5.7.1 the list is closed\nmore\n");
  CHECK_EQ(refused.status, "5.7.1");
  CHECK_EQ(refused.text, "the command refuses it: the list is closed");
  CHECK_EQ(exited(75, "5.7.1 not of this class").status, "4.3.0");
  CHECK_EQ(exited(67, "no\x1b[31m\x01such").text.find('\x1b'), std::string::npos);
  CHECK_LT(exited(67, std::string(4000, 'x')).text.size(), 500);
}

TEST_CASE("what watches over a command says how it ended, and anything else is no word") {
  const PipeEnd end{.kind = PipeEnd::Kind::exited, .code = 0x01020304, .output = "out"};
  const auto again = parse_pipe_end(encode(end));
  REQUIRE(again.has_value());
  CHECK_EQ(again->code, end.code);
  CHECK_EQ(again->output, end.output);
  for (const std::string& broken : {std::string(), std::string("E"), std::string("E\0\0\0", 4),
                                    std::string("X\0\0\0\0", 5), "E" + std::string(5000, 'x')}) {
    CHECK_FALSE(parse_pipe_end(broken).has_value());
  }
}

TEST_CASE("placeholders are known words in braces, and all else stands as it is") {
  CHECK(check_command({"/bin/x", "{sender}", "a{recipient}b", "{}", "{ id }", "${HOME}"}).has_value());
  const auto unknown = check_command({"/bin/x", "{user}"});
  REQUIRE_FALSE(unknown.has_value());
  CHECK(unknown.error().text.contains("{user}"));
  const auto words = expand({"/bin/x", "{{id}}", "{local_part}/{domain}", "{sender}"},
                            {.sender = "", .recipient = "a@b@c.example", .id = "{sender}"});
  REQUIRE(words.has_value());
  CHECK(*words == std::vector<std::string>{"/bin/x", "{{sender}}", "a@b/c.example", ""});
}

TEST_CASE("line ends are converted over any cuts") {
  const std::string from = "a\r\nb\r\r\nc\rd\ne\r";
  for (std::size_t cut = 0; cut <= from.size(); ++cut) {
    LineEnds ends;
    std::string to;
    ends.convert(std::string_view(from).substr(0, cut), to);
    ends.convert(std::string_view(from).substr(cut), to);
    ends.finish(to);
    CHECK_EQ(to, "a\nb\r\nc\rd\ne\r");
  }
}

}  // namespace
}  // namespace outbound
