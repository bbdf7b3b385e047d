#include "queue/report.h"

#include <doctest/doctest.h>

#include "mime/message.h"
#include "queue/records.h"
#include "queue/route.h"

namespace queue {
namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

schema::QueuedMessage message_of(const std::string& sender) {
  schema::QueuedMessage message;
  message.set_sender(sender);
  message.set_created_us(1'800'000'000'000'000);
  message.set_size(100);
  return message;
}

Reported failure(const std::string& address) {
  schema::QueuedRecipient recipient;
  recipient.set_address(address);
  return {.action = Action::failed,
          .recipient = recipient,
          .status = "5.1.1",
          .text = "the host refuses the recipient",
          .host = "mx.example.net",
          .diagnostic = "550 5.1.1 no such user",
          .tried = base::WallTime(std::chrono::seconds(1'800'000'100)),
          .until = {}};
}

ReportFrom from() {
  return {.hostname = "mx.example.test",
          .id = "77",
          .unique = "abc",
          .now = base::WallTime(std::chrono::seconds(1'800'000'200))};
}

const std::string kMessage = "Message-ID: <1@example.org>\r\nSubject: hello\r\n\r\nthe text\r\n";

// RFC 3464 §2, RFC 6522 §3, RFC 3461 §6.3.
TEST_CASE("a failure: what a person reads, what a program reads, and the message") {
  schema::QueuedMessage message = message_of("a@example.org");
  message.set_envid("QQ+2B3");
  Reported one = failure("b@example.net");
  one.recipient.set_orcpt("rfc822;B+2Bx@example.net");
  const Report report = write_report(from(), message, {one}, kMessage, true);
  const mime::Message parsed = mime::parse(report.bytes);
  REQUIRE_EQ(parsed.parts.size(), 5);
  CHECK_EQ(parsed.parts[0].subtype, "report");
  CHECK_EQ(parsed.parameter(parsed.parts[0], "report-type"), "delivery-status");
  CHECK_EQ(parsed.parts[1].type + "/" + parsed.parts[1].subtype, "text/plain");
  CHECK_EQ(parsed.parts[2].type + "/" + parsed.parts[2].subtype, "message/delivery-status");
  CHECK_EQ(parsed.parts[3].type + "/" + parsed.parts[3].subtype, "message/rfc822");
  CHECK_EQ(parsed.envelopes[0].message_id, "<77@mx.example.test>");
  CHECK_EQ(parsed.envelopes[0].in_reply_to, "<1@example.org>");
  CHECK(has(report.bytes, "\r\nAuto-Submitted: auto-replied\r\n"));
  CHECK(has(report.bytes, "Original-Envelope-Id: QQ+3\r\nReporting-MTA: dns; mx.example.test\r\nArrival-Date: "));
  CHECK(has(report.bytes,
            "\r\n\r\nOriginal-Recipient: rfc822; B+x@example.net\r\nFinal-Recipient: rfc822; b@example.net\r\n"
            "Action: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.example.net\r\n"
            "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\nLast-Attempt-Date: "));
  CHECK(has(report.bytes, kMessage));
  CHECK_FALSE(report.eight_bit);
  CHECK_FALSE(report.smtputf8);
}

// RFC 3461 §4.3, §6.2.
TEST_CASE("how much of the message comes back") {
  schema::QueuedMessage message = message_of("a@example.org");
  CHECK(returns_whole(message, {failure("b@example.net")}));
  message.set_size(kMaxReturnedUnasked + 1);
  CHECK_FALSE(returns_whole(message, {failure("b@example.net")}));
  message.set_ret(schema::QUEUED_RETURN_FULL);
  CHECK(returns_whole(message, {failure("b@example.net")}));
  message.set_size(kMaxReturned + 1);
  CHECK_FALSE(returns_whole(message, {failure("b@example.net")}));
  message.set_size(100);
  message.set_ret(schema::QUEUED_RETURN_HEADERS);
  CHECK_FALSE(returns_whole(message, {failure("b@example.net")}));
  message.set_ret(schema::QUEUED_RETURN_FULL);
  Reported delay = failure("b@example.net");
  delay.action = Action::delayed;
  CHECK_FALSE(returns_whole(message, {delay}));
  const Report report = write_report(from(), message, {delay}, kMessage, false);
  CHECK(has(report.bytes, "Content-Type: text/rfc822-headers"));
  CHECK(has(report.bytes, "Subject: hello"));
  CHECK_FALSE(has(report.bytes, "the text"));
}

// RFC 6533 §3.
TEST_CASE("addresses that are not ASCII are written so that every host takes the report") {
  CHECK_EQ(utf8_address("gr\xC3\xBC\xC3\x9F@b\xC3\xBC.example"), "gr\\x{FC}\\x{DF}@b\\x{FC}.example");
  CHECK_EQ(utf8_address("\xF0\x9F\x98\x80+a@b"), "\\x{1F600}\\x{2B}a@b");
  schema::QueuedMessage message = message_of("gr\xC3\xBC@example.org");
  message.set_smtputf8(true);
  message.set_eight_bit_header(true);
  const Report report = write_report(from(), message, {failure("gr\xC3\xBC@example.net")},
                                     "Subject: gr\xC3\xBC\xC3\x9F\r\n\r\ntext\r\n", true);
  CHECK(has(report.bytes, "\r\nFinal-Recipient: utf-8; gr\\x{FC}@example.net\r\n"));
  CHECK(has(report.bytes, "Content-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n"));
  CHECK(report.eight_bit);
  CHECK(report.smtputf8);
}

TEST_CASE("where an alias led is not told, and no value can add a field") {
  Reported one = failure("secret@elsewhere.example");
  one.recipient.set_original("alias@example.test");
  one.text = "no\r\nAction: delivered";
  one.diagnostic = "550 no\r\n\r\nFinal-Recipient: rfc822; x@y";
  const Report report = write_report(from(), message_of("a@example.org"), {one}, kMessage, true);
  CHECK(has(report.bytes, "Final-Recipient: rfc822; alias@example.test\r\n"));
  CHECK_FALSE(has(report.bytes, "secret@"));
  CHECK_FALSE(has(report.bytes, "\r\nAction: delivered"));
  CHECK_FALSE(has(report.bytes, "\r\nFinal-Recipient: rfc822; x@y"));
}

TEST_CASE("the route that says the most of a message takes it") {
  Config config;
  config.routes = {{.name = "all",
                    .recipients = {"*"},
                    .senders = {},
                    .accounts = {},
                    .by = By::hosts,
                    .hosts = {{.name = "relay.example"}},
                    .user = {},
                    .password = {},
                    .text = {},
                    .source_address = {},
                    .helo = {}},
                   {.name = "below",
                    .recipients = {".example.org"},
                    .senders = {},
                    .accounts = {},
                    .by = By::mx,
                    .hosts = {},
                    .user = {},
                    .password = {},
                    .text = {},
                    .source_address = {},
                    .helo = {}},
                   {.name = "bad",
                    .recipients = {"bad.example.org"},
                    .senders = {},
                    .accounts = {},
                    .by = By::refuse,
                    .hosts = {},
                    .user = {},
                    .password = {},
                    .text = "not there",
                    .source_address = {},
                    .helo = {}},
                   {.name = "shop",
                    .recipients = {},
                    .senders = {"shop.example"},
                    .accounts = {},
                    .by = By::hosts,
                    .hosts = {{.name = "bulk.example"}},
                    .user = {},
                    .password = {},
                    .text = {},
                    .source_address = {},
                    .helo = {}},
                   {.name = "ann",
                    .recipients = {},
                    .senders = {},
                    .accounts = {"ann@shop.example"},
                    .by = By::mx,
                    .hosts = {},
                    .user = {},
                    .password = {},
                    .text = {},
                    .source_address = {},
                    .helo = {},
                    .deliveries = 2}};
  schema::QueuedMessage message = message_of("u@example.test");
  CHECK_EQ(way_of(config, message, "any.example").key, "route all");
  CHECK_EQ(way_of(config, message, "a.example.org").key, "a.example.org below");
  CHECK(way_of(config, message, "bad.example.org").by == By::refuse);
  CHECK_EQ(way_of(config, message, "bad.example.org").text, "not there");
  message.set_sender("orders@shop.example");
  CHECK_EQ(way_of(config, message, "bad.example.org").key, "route shop");
  message.set_submitter("Ann@shop.example");
  CHECK_EQ(way_of(config, message, "any.example").key, "any.example ann");
  CHECK_EQ(way_of(config, message, "any.example").deliveries, 2);
  config.routes.clear();
  CHECK_EQ(way_of(config, message, "any.example").key, "any.example");
  CHECK_EQ(way_of(config, message, "[IPv6:2001:db8::1]").destination.domain, "2001:db8::1");
  config.smarthost = {{.name = "relay.example", .port = 587}};
  config.smarthost_user = "me";
  CHECK_EQ(way_of(config, message, "any.example").destination.user, "me");
}

}  // namespace
}  // namespace queue
