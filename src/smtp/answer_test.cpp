// Replies of hosts as a client reads them (RFC 5321 §4.2, RFC 2034), what EHLO tells (§4.1.1.1), and what the client
// says.

#include "smtp/answer.h"

#include <doctest/doctest.h>

#include "smtp/extensions.h"
#include "smtp/outgoing.h"

namespace smtp {
namespace {

using State = AnswerParser::State;

State feed(AnswerParser& parser, std::string_view bytes) {
  std::size_t used = 0;
  return parser.feed(bytes, used);
}

TEST_CASE("a reply of several lines, however it is cut") {
  const std::string_view reply = "250-mx.example.net hello\r\n250-SIZE 1000\r\n250 DSN\r\nrest";
  for (std::size_t piece = 1; piece <= reply.size(); ++piece) {
    AnswerParser parser;
    std::string_view input = reply;
    State state = State::more;
    while (state == State::more) {
      std::size_t used = 0;
      state = parser.feed(input.substr(0, piece), used);
      input.remove_prefix(used);
    }
    REQUIRE_EQ(state, State::done);
    CHECK_EQ(input.substr(0, 4), std::string_view("rest").substr(0, input.size()));
    const Answer answer = parser.take();
    CHECK_EQ(answer.code, 250);
    CHECK_EQ(answer.lines, std::vector<std::string>{"mx.example.net hello", "SIZE 1000", "DSN"});
  }
}

TEST_CASE("sloppy replies are understood, others end the connection") {
  const auto read = [](std::string_view text) {
    AnswerParser parser;
    return feed(parser, text) == State::done ? parser.take().text() : "broken: " + parser.why();
  };
  CHECK_EQ(read("250\r\n"), "250");
  CHECK_EQ(read("250 ok\n"), "250 ok");
  CHECK_EQ(read("250-a\r\n550 b\r\n"), "550 a b");
  CHECK_EQ(read("550 caf\xC3\xA9\r\n"), "550 caf\\xc3\\xa9");
  for (const char* const bad :
       {"hello\r\n", "25 x\r\n", "99 x\r\n", "150 x\r\n", "650 x\r\n", "250x\r\n", "\r\n", "SSH-2.0-x\r\n"}) {
    CHECK(read(bad).starts_with("broken: it sent what is no reply"));
  }
}

TEST_CASE("a reply without end is given up") {
  AnswerParser lines;
  State state = State::more;
  for (int i = 0; i < 1000 && state == State::more; ++i) state = feed(lines, "250-x\r\n");
  CHECK_EQ(state, State::broken);
  AnswerParser bytes;
  state = State::more;
  for (int i = 0; i < 1000 && state == State::more; ++i) state = feed(bytes, std::string(1000, 'x'));
  CHECK_EQ(state, State::broken);
  AnswerParser line;
  CHECK_EQ(feed(line, "250 " + std::string(10'000, 'x') + "\r\n"), State::done);
  CHECK_LT(line.take().text().size(), 2000U);
}

TEST_CASE("the enhanced status code agrees with the code, or does not count") {
  const auto status = [](std::string_view text) {
    AnswerParser parser;
    REQUIRE_EQ(feed(parser, text), State::done);
    return parser.take().status;
  };
  CHECK_EQ(status("550 5.1.1 nobody\r\n"), "5.1.1");
  CHECK_EQ(status("550 5.1.1\r\n"), "5.1.1");
  CHECK_EQ(status("550 5.7.509 policy\r\n"), "5.7.509");
  CHECK_EQ(status("550 4.1.1 odd\r\n"), "");
  CHECK_EQ(status("550 5.1 short\r\n"), "");
  CHECK_EQ(status("550 5.1.1111 long\r\n"), "");
  CHECK_EQ(status("550 5.1.1x\r\n"), "");
}

TEST_CASE("what EHLO tells") {
  Answer answer{.code = 250,
                .status = {},
                .lines = {"MX.example.net at your service", "PIPELINING", "size 20971520", "AUTH PLAIN LOGIN",
                          "AUTH=CRAM-MD5 PLAIN", "8bitmime", "DELIVERBY 240", "LIMITS RCPTMAX=50 MAILMAX=x",
                          "X-UNKNOWN a b", "", "STARTTLS"}};
  const Extensions extensions = parse_extensions(answer);
  CHECK(extensions.pipelining);
  CHECK(extensions.eight_bit_mime);
  CHECK(extensions.starttls);
  CHECK_FALSE(extensions.chunking);
  CHECK_EQ(extensions.max_size, 20971520U);
  CHECK_EQ(extensions.auth, std::vector<std::string>{"PLAIN", "LOGIN", "CRAM-MD5", "PLAIN"});
  CHECK_EQ(extensions.min_by.count(), 240);
  CHECK_EQ(extensions.max_recipients, 50U);
  CHECK_EQ(extensions.max_messages, 0U);
  CHECK_EQ(greeting_name(answer), "mx.example.net");
}

TEST_CASE("dots, and ends of lines that another server could misread") {
  const auto stuffed = [](std::string_view content, std::size_t piece) {
    DotStuffer stuffer;
    std::string out;
    for (std::size_t at = 0; at < content.size(); at += piece) stuffer.feed(content.substr(at, piece), out);
    stuffer.finish(out);
    return out;
  };
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"", ".\r\n"},
      {"a\r\n", "a\r\n.\r\n"},
      {"a", "a\r\n.\r\n"},
      {".\r\n", "..\r\n.\r\n"},
      {"a\r\n.\r\n..b\r\n", "a\r\n..\r\n...b\r\n.\r\n"},
      {"a\n.\nMAIL FROM:<x>\n",
       "a\r\n..\r\nMAIL FROM:<x>\r\n.\r\n"},  // CVE-2023-51764: nothing ends a message but its end
      {"a\r.\r\nb\r", "a\r\n..\r\nb\r\n.\r\n"},
      {"\r\r\n\n", "\r\n\r\n\r\n.\r\n"},
  };
  for (const auto& [content, sent] : rows) {
    for (std::size_t piece = 1; piece < 5; ++piece) CHECK_EQ(stuffed(content, piece), sent);
  }
}

TEST_CASE("addresses that would end the command are not sent") {
  CHECK(sendable("user@example.net"));
  CHECK(sendable("\"a b\"@example.net"));
  CHECK_FALSE(sendable("a@b>\r\nRCPT TO:<c@d"));
  CHECK_FALSE(sendable("a b@example.net"));
  CHECK_FALSE(sendable(""));
}

TEST_CASE("MAIL says what is left of the time, and what the host knows") {
  Envelope envelope{.sender = "a@example.org"};
  const base::WallTime now = base::system_clock().now();
  envelope.deliver_by = DeliverBy{.time = now + std::chrono::seconds(90), .give_back = true, .trace = true};
  envelope.require_tls = true;
  const Extensions all{.eight_bit_mime = true, .require_tls = true, .size = true, .deliver_by = true};
  // RFC 2852 §4, RFC 8689 §3
  CHECK_EQ(mail_command(envelope, {.size = 12, .body = BodyType::eight_bit_mime}, all, now),
           "MAIL FROM:<a@example.org> SIZE=12 BODY=8BITMIME BY=90;RT REQUIRETLS");
  CHECK_EQ(mail_command(envelope, {.size = 12, .smtputf8 = true}, {}, now), "MAIL FROM:<a@example.org> SMTPUTF8");
}

}  // namespace
}  // namespace smtp
