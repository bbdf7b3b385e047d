#include "delivery/trace.h"

#include <doctest/doctest.h>

namespace delivery {
namespace {

// RFC 3848.
TEST_CASE("the protocol in Received says what was used") {
  smtp::Peer peer;
  peer.endpoints.peer_address = "2001:db8::1";
  smtp::Envelope envelope{
      .sender = "a@example.org", .declared_size = {}, .recipients = {{.address = "b@example.test"}}};
  const net::TlsInfo tls{.version = "TLSv1.3", .cipher = "TLS_AES_128_GCM_SHA256", .server_name = {}};
  const auto head = [&](bool authenticated) { return received_head(envelope, peer, authenticated, "mx", "7"); };
  const auto has = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };

  peer.helo = "c";
  CHECK_EQ(head(false), "Received: from c ([IPv6:2001:db8::1])\r\n\tby mx with SMTP\r\n\tid 7 for <b@example.test>");
  peer.esmtp = true;
  CHECK(has(head(true), " with ESMTPA\r\n"));
  peer.tls = &tls;
  CHECK(has(head(false), " with ESMTPS (TLSv1.3 TLS_AES_128_GCM_SHA256)\r\n"));
  CHECK(has(head(true), " with ESMTPSA ("));
  // RFC 6531 §4.3.
  envelope.smtputf8 = true;
  CHECK(has(head(true), " with UTF8SMTPSA ("));
  peer.service = smtp::Service::lmtp;
  CHECK(has(head(false), " with UTF8LMTPS ("));
  envelope.smtputf8 = false;
  CHECK(has(head(false), " with LMTPS ("));
  // RFC 6710 §4.
  envelope.priority = 3;
  CHECK(head(false).ends_with("\r\n\tid 7 priority 3 for <b@example.test>"));
}

TEST_CASE("what a client calls itself cannot break out of the field") {
  smtp::Peer peer;
  peer.helo = "a)b(c;d\te\"f\\g";
  const std::string field = received_head({}, peer, false, "mx", "7");
  CHECK(field.starts_with("Received: from a?b?c?d?e?f?g (local)\r\n"));
  peer.helo = "";
  CHECK(received_head({}, peer, false, "mx", "7").starts_with("Received: from unknown "));
}

// RFC 6409 §8.
TEST_CASE("only fields that are missing are added") {
  const base::WallTime now{std::chrono::seconds(1'795'251'362)};
  const auto added = [&](const char* text) { return missing_fields(mime::parse(text), now, "mx.example.test", "7"); };
  CHECK_EQ(added("Date: x\r\nMessage-ID: <a@b>\r\n\r\n"), "");
  CHECK(added("Date: x\r\n\r\n") == "Message-ID: <7.1795251362000000@mx.example.test>\r\n");
  CHECK(added("Message-Id: <a@b>\r\n\r\n").starts_with("Date: "));
  CHECK(added("").starts_with("Date: "));
}

}  // namespace
}  // namespace delivery
