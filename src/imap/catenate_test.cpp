// Messages that are put together (RFC 4469), with two clients: what the one makes of what is there, the other reads.
// Expectations are written by hand from the standard.

#include <doctest/doctest.h>

#include "imap/test_kit.h"
#include "imap/test_mirror.h"

namespace imap {
namespace {

using test::behind;
using test::Client;
using test::tell;
using test::World;
using Lines = std::vector<std::string>;

std::string validity(const Lines& lines) {
  for (const auto& line : lines) {
    if (auto number = behind(line, "UIDVALIDITY ", ']')) return *number;
  }
  return {};
}

// A body of several chunks, of which every byte has its place.
std::string large_body() {
  std::string out;
  for (int i = 0; out.size() < 700'000; ++i) out += "line " + std::to_string(i) + " of a body in several chunks\r\n";
  return out;
}

net::Task<std::string> body_of(Client& client, std::string set, std::string section) {
  co_await client.send("t UID FETCH " + set + " BODY.PEEK[" + section + "]\r\n");
  const Lines lines = co_await client.until("t ");
  const auto size = behind(lines[0], "{", '}');
  if (!size) co_return "";
  std::string text;
  for (std::size_t i = 1; i < lines.size(); ++i) text += lines[i] + "\r\n";
  co_return text.substr(0, std::stoull(*size));
}

net::Task<void> put_together(World& world, Client& one, Client& two) {
  const std::string body = large_body();
  co_await world.deliver(test::message(1, body), "Archive");
  const std::string uid_validity = validity(co_await two.command("EXAMINE Archive"));
  const std::string url = "/Archive;UIDVALIDITY=" + uid_validity + "/;UID=1";
  const Lines made =
      co_await one.command("APPEND INBOX (\\Seen) CATENATE (TEXT {14+}\r\nSubject: new\r\n URL \"" + url +
                           "/;SECTION=TEXT\" URL \"" + url + "/;SECTION=TEXT/;PARTIAL=262140.9\")");
  CHECK(made[0] == "* 1 EXISTS");
  CHECK(made.back().ends_with(" 1] APPEND completed"));
  (void)co_await two.command("SELECT INBOX");
  const std::string text = co_await body_of(two, "1", "");
  CHECK(text == "Subject: new\r\n" + body + body.substr(262'140, 9));
  // §3: what was read from is not seen by that, and what was selected stays.
  const Lines seen = co_await two.command("STATUS Archive (UNSEEN)");
  CHECK(seen[0] == "* STATUS Archive (UNSEEN 1)");
}
TEST_CASE("a message is put together from a body that is larger than memory has room for") { tell(put_together, 0); }

// §4.1: the first URL that cannot be taken is told, and of several messages none is kept.
net::Task<void> gone(World&, Client& one, Client& two) {
  (void)co_await two.command("STORE 2 +FLAGS.SILENT (\\Deleted)");
  (void)co_await two.command("EXPUNGE");
  const Lines refused = co_await one.command(
      "APPEND Archive CATENATE (URL \"/INBOX/;UID=1\") CATENATE (URL \"/INBOX/;UID=1\" URL \"/INBOX/;UID=2\" URL /x)");
  CHECK(refused.back() == "t NO [BADURL /INBOX/;UID=2] This URL names nothing that could be taken");
  const Lines none = co_await two.command("STATUS Archive (MESSAGES)");
  CHECK(none[0] == "* STATUS Archive (MESSAGES 0)");
  // A client that waits is told in the place of the continuation, and one that does not is understood as well.
  const Lines early = co_await one.command("APPEND Archive CATENATE (URL \"/INBOX/;UID=2\" TEXT {5}");
  CHECK(early.back().starts_with("t NO [BADURL "));
  const Lines late = co_await one.command(
      "APPEND Archive CATENATE (URL \"/INBOX/;UID=2\" TEXT {5+}\r\nhello TEXT {5+}\r\nworld)\r\nu NOOP");
  CHECK(late.back().starts_with("t NO [BADURL "));
  const Lines next = co_await one.until("u ");
  CHECK(next.back() == "u OK NOOP completed");
}
TEST_CASE("a URL that names nothing keeps everything out") { tell(gone, 2); }

// RFC 8508 §4.2: a draft gets a new header in one step, and the other client sees one message go and one come.
net::Task<void> replaced(World&, Client& one, Client& two) {
  const Lines done = co_await one.command(
      "REPLACE 1 INBOX (\\Draft) CATENATE (TEXT {19+}\r\nSubject: better\r\n\r\n URL \"/INBOX/;UID=1/;SECTION=TEXT\")");
  CHECK(done.back() == "t OK REPLACE completed");
  const Lines told = co_await two.command("NOOP");
  CHECK(told == Lines{"* 1 EXPUNGE", "* 1 EXISTS", "* 0 RECENT", "t OK NOOP completed"});
  CHECK(co_await body_of(two, "2", "") == "Subject: better\r\n\r\nHello.\r\n");
}
TEST_CASE("a message is replaced by one that is made of it") { tell(replaced, 1); }

}  // namespace
}  // namespace imap
