// What a sender asks for, until it is in the envelope that the host gets.

#include <doctest/doctest.h>

#include "../../tests/support/dialog.h"
#include "smtp/fake_host.h"
#include "smtp/session.h"

namespace smtp {
namespace {

using namespace std::chrono_literals;

/// Ten seconds pass between any two looks at the time of day.
class HastyClock : public base::Clock {
 public:
  base::WallTime now() const override { return now_ += 10s; }
  base::SteadyTime steady() const override { return base::system_clock().steady(); }

  mutable base::WallTime now_{1'900'000'000s};
};

/// What the server says to this input.
std::string talk(FakeHost& host, Mode mode, const base::Clock& clock, std::string input) {
  const base::Live<Config> config(Config{.hostname = "mx.example.test"});
  return tests::replay(
      [&](std::unique_ptr<net::Stream> stream) {
        return serve(std::move(stream), host, config, std::make_shared<const Mode>(mode), {}, clock, {}, {});
      },
      std::move(input), SIZE_MAX);
}

TEST_CASE("what a sender asks for is in the envelope") {
  FakeHost host;
  const HastyClock clock;
  talk(host, {.trusted = {}}, clock,
       "EHLO c\r\n"
       "MAIL FROM:<a@example.org> BODY=8BITMIME RET=FULL ENVID=Q+2B1 BY=3600;RT MT-PRIORITY=-2\r\n"
       "RCPT TO:<u1@example.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;A+2B@b\r\n"
       "DATA\r\n.\r\n");
  REQUIRE_EQ(host.accepted.size(), 1);
  const Envelope& envelope = host.accepted[0].envelope;
  CHECK_EQ(envelope.ret, Return::full);
  CHECK_EQ(envelope.envid, "Q+2B1");
  REQUIRE(envelope.deliver_by.has_value());
  CHECK_GT(envelope.deliver_by->time, base::WallTime(1'900'000'000s) + 1h);
  CHECK_LE(envelope.deliver_by->time, clock.now_ + 1h);
  CHECK(envelope.deliver_by->give_back);
  CHECK(envelope.deliver_by->trace);
  CHECK_EQ(envelope.priority, -2);
  CHECK_FALSE(envelope.answer_each);
  const Recipient expected{"u1@example.test", {.success = true, .delay = true}, "rfc822;A+2B@b"};
  CHECK(envelope.recipients == std::vector<Recipient>{expected});
}

// RFC 2852 §4.1.
TEST_CASE("a message that arrived when it should have been delivered already is refused") {
  FakeHost host;
  const std::string said = talk(host, {.trusted = {}}, HastyClock(),
                                "EHLO c\r\nMAIL FROM:<a@example.org> BY=5;R\r\nRCPT TO:<u1@example.test>\r\n"
                                "DATA\r\n.\r\n");
  CHECK(said.ends_with("550 5.4.7 The time until which to deliver it has passed\r\n"));
  CHECK(host.accepted.empty());
}

// RFC 4865 §4.
TEST_CASE("a user's hold is a time, and the parameter as it may be shown again") {
  FakeHost host;
  const HastyClock clock;
  const std::string login = "EHLO c\r\nAUTH PLAIN AHUxQGV4YW1wbGUudGVzdABzZWNyZXQ=\r\n";
  const auto send = [&](const std::string& parameter) {
    talk(host,
         {.service = Service::submission, .plaintext_auth = true, .trusted = [](std::string_view) { return true; }},
         clock, login + "MAIL FROM:<u1@example.test> " + parameter + "\r\nRCPT TO:<u1@example.test>\r\nDATA\r\n.\r\n");
  };
  send("HOLDFOR=60");
  send("HOLDUNTIL=2030-03-18T00:00:00.5+01:00");
  send("HOLDUNTIL=2001-01-01T00:00:00Z");
  REQUIRE_EQ(host.accepted.size(), 3);
  CHECK_EQ(host.accepted[0].envelope.hold->request, "HOLDFOR=60");
  CHECK_GT(host.accepted[0].envelope.hold->until, base::WallTime(1'900'000'060s));
  CHECK_EQ(host.accepted[1].envelope.hold->request, "HOLDUNTIL=2030-03-17T23:00:00Z");
  CHECK_FALSE(host.accepted[2].envelope.hold.has_value());
}

}  // namespace
}  // namespace smtp
