// What belongs to an account and not to one session: its quota (RFC 9208), how large a message may be (RFC 7889), and
// that a connection goes from one account to the next (RFC 8437). With two clients; expectations by hand from the
// standards.

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

std::string literal(std::size_t size) {
  const std::string head = "Subject: x\r\n\r\n";
  return "{" + std::to_string(size) + "+}\r\n" + head + std::string(size - head.size(), 'x');
}

net::Task<std::uint64_t> used(Client& client) {
  const Lines quota = co_await client.command("GETQUOTA \"\"");
  CHECK(quota.back() == "t OK GETQUOTA completed");
  const auto kib = behind(quota[0], "* QUOTA \"\" (STORAGE ", ' ');
  REQUIRE(kib.has_value());
  CHECK(quota[0].ends_with(" 10240 MAILBOX 6 10000)"));
  co_return std::stoull(*kib);
}

// RFC 9208 §5.1: in units of 1024 bytes; what one session files and removes, the other sees at once.
net::Task<void> quota(World&, Client& one, Client& two) {
  CHECK(co_await used(two) == 0);
  (void)co_await one.command("APPEND INBOX " + literal(1024));
  CHECK(co_await used(two) == 1);
  (void)co_await one.command("APPEND Archive " + literal(1025));
  CHECK(co_await used(two) == 3);
  // §5.1: "Additional messages might not increase the usage": a copy shares its bytes.
  (void)co_await one.command("COPY 1 Archive");
  CHECK(co_await used(two) == 3);
  const Lines deleted = co_await two.command("STATUS INBOX (DELETED DELETED-STORAGE)");
  CHECK(deleted[0].starts_with("* STATUS INBOX (DELETED 0 DELETED-STORAGE 0)"));
  (void)co_await one.command("STORE 1 +FLAGS.SILENT (\\Deleted)");
  const Lines marked = co_await two.command("STATUS INBOX (DELETED DELETED-STORAGE)");
  CHECK(marked[0] == "* STATUS INBOX (DELETED 1 DELETED-STORAGE 1024)");
  (void)co_await one.command("EXPUNGE");
  CHECK(co_await used(two) == 3);  // the copy is there still
  (void)co_await two.command("SELECT Archive");
  (void)co_await two.command("STORE 1:2 +FLAGS.SILENT (\\Deleted)");
  (void)co_await two.command("EXPUNGE");
  CHECK(co_await used(one) == 0);
}
TEST_CASE("usage is the account's, whoever changes it") { tell(quota, 0); }

// RFC 9208 §4.3.1: what does not fit is refused with OVERQUOTA, and fits when the other one has made room.
net::Task<void> full(World&, Client& one, Client& two) {
  const std::string half = literal(6 << 20);
  const Lines first = co_await one.command("APPEND INBOX " + half);
  CHECK(first.back().starts_with("t OK [APPENDUID "));
  const Lines second = co_await two.command("APPEND Archive " + half);
  CHECK(second.back().starts_with("t NO [OVERQUOTA] "));
  const Lines status = co_await one.command("STATUS Archive (MESSAGES)");
  CHECK(status[0] == "* STATUS Archive (MESSAGES 0)");
  // RFC 8508: what is replaced makes room for what replaces it.
  const Lines replaced = co_await one.command("REPLACE 1 INBOX " + half);
  CHECK(replaced.back() == "t OK REPLACE completed");
  CHECK(co_await used(two) == 6144);
  (void)co_await one.command("STORE 1 +FLAGS.SILENT (\\Deleted)");
  (void)co_await one.command("EXPUNGE");
  const Lines again = co_await two.command("APPEND Archive " + half);
  CHECK(again.back().starts_with("t OK [APPENDUID "));
}
TEST_CASE("a message that is over the quota is refused, until there is room") { tell(full, 0); }

// RFC 9208 §5.2, §5.3, §4.3.1: messages and mailboxes are counted exactly, whoever makes and removes them; a copy is a
// message like any other.
net::Task<void> counted(World& world, Client& one, Client& two) {
  world.directory.quota = {.messages = 3};
  ++world.directory.now;
  const auto told = [&](const char* wanted) -> net::Task<void> {
    for (Client* client : {&one, &two}) {
      const Lines lines = co_await client->command("GETQUOTAROOT Archive");
      REQUIRE(lines.size() >= 3);
      CHECK(lines[0] == "* QUOTAROOT Archive \"\"");
      CHECK(lines[1] == "* QUOTA \"\" (" + std::string(wanted) + ")");
    }
  };
  co_await told("MESSAGE 0 3 MAILBOX 6 10000");
  (void)co_await one.command("APPEND INBOX " + literal(100));
  (void)co_await two.command("APPEND INBOX " + literal(200));
  (void)co_await two.command("CREATE Work/2026");
  co_await told("MESSAGE 2 3 MAILBOX 8 10000");
  const Lines both = co_await one.command("COPY 1:2 Archive");
  CHECK(both.back().starts_with("t NO [OVERQUOTA] "));
  const Lines copied = co_await one.command("COPY 1 Archive");
  CHECK(copied.back().starts_with("t OK [COPYUID "));
  co_await told("MESSAGE 3 3 MAILBOX 8 10000");
  const Lines over = co_await two.command("APPEND INBOX " + literal(100));
  CHECK(over.back().starts_with("t NO [OVERQUOTA] "));
  // What moves, and what is replaced, takes nothing.
  const Lines moved = co_await one.command("MOVE 1:2 Work/2026");
  CHECK(moved.back() == "t OK MOVE completed");
  (void)co_await two.command("SELECT Work/2026");
  const Lines replaced = co_await two.command("REPLACE 1 Archive " + literal(300));
  CHECK(replaced.back() == "t OK REPLACE completed");
  co_await told("MESSAGE 3 3 MAILBOX 8 10000");
  (void)co_await two.command("STORE 1 +FLAGS.SILENT (\\Deleted)");
  (void)co_await two.command("EXPUNGE");
  (void)co_await two.command("CLOSE");
  (void)co_await one.command("DELETE Work/2026");
  co_await told("MESSAGE 2 3 MAILBOX 7 10000");
  const Lines again = co_await one.command("APPEND INBOX " + literal(100));
  CHECK(again.back().starts_with("t OK [APPENDUID "));
  // The operator may allow less than there is, or any number.
  world.directory.quota = {.messages = 1};
  ++world.directory.now;
  co_await told("MESSAGE 3 1 MAILBOX 7 10000");
  world.directory.quota = {};
  ++world.directory.now;
  co_await told("MAILBOX 7 10000");
  const Lines free = co_await two.command("APPEND INBOX " + literal(100));
  CHECK(free.back().starts_with("t OK [APPENDUID "));
}
TEST_CASE("messages and mailboxes are counted, and no more are taken than may be") { tell(counted, 0); }

// RFC 7889 §2 to §4: the number that is told is the one that holds, in every mailbox, and a change of it holds for
// both.
net::Task<void> limited(World& world, Client& one, Client& two) {
  for (Client* client : {&one, &two}) {
    const Lines shown = co_await client->command("CAPABILITY");
    CHECK(behind(shown[0] + " ", "APPENDLIMIT=", ' ') == "2000");
    const Lines status = co_await client->command("STATUS Archive (APPENDLIMIT)");
    CHECK(status[0] == "* STATUS Archive (APPENDLIMIT 2000)");
  }
  const Lines listed = co_await two.command("LIST \"\" INBOX RETURN (STATUS (APPENDLIMIT))");
  CHECK(std::ranges::find(listed, "* STATUS INBOX (APPENDLIMIT 2000)") != listed.end());
  const Lines fits = co_await one.command("APPEND Archive " + literal(2000));
  CHECK(fits.back().starts_with("t OK "));
  // A client that waits for the continuation is refused before it sends anything.
  const Lines early = co_await one.command("APPEND Archive {2001}");
  CHECK(early.back().starts_with("t NO [TOOBIG] "));
  // One that does not wait is told as well, and loses its connection, because more than a message is not skipped.
  Client hasty(world);
  co_await hasty.login("");
  const Lines late = co_await hasty.command("APPEND Archive " + literal(2001));
  CHECK(late.back().starts_with("t NO [TOOBIG] "));
  CHECK(co_await hasty.line() == "* BYE The command is too large to be skipped");
  co_await hasty.end();
  const Lines one_only = co_await two.command("STATUS Archive (MESSAGES)");
  CHECK(one_only[0] == "* STATUS Archive (MESSAGES 1)");
  world.config.max_message_bytes = 3000;
  world.live.set(world.config);
  for (Client* client : {&one, &two}) {
    (void)co_await client->command("NOOP");
    const Lines status = co_await client->command("STATUS Archive (APPENDLIMIT)");
    CHECK(status[0] == "* STATUS Archive (APPENDLIMIT 3000)");
  }
  const Lines larger = co_await two.command("APPEND Archive " + literal(2001));
  CHECK(larger.back().starts_with("t OK "));
}
TEST_CASE("a message may be as large as is told") {
  World world;
  world.config.max_message_bytes = 2000;
  net::run(test::with_two(world, limited, 0));
}

// RFC 8437 §3, §4.1: nothing of the first user is left: no mailbox, no news, no saved result, no extension, no context;
// the other session of that user keeps all of it.
net::Task<void> handed_on(World& world, Client& one, Client& two) {
  (void)co_await one.command("ENABLE QRESYNC IMAP4rev2");
  (void)co_await one.command("SEARCH RETURN (SAVE UPDATE) ALL");
  (void)co_await two.command("STORE 1 +FLAGS.SILENT (\\Deleted)");
  (void)co_await two.command("SEARCH RETURN (SAVE) ALL");
  // §3: no expunge event, although CLOSE would have removed the message; and it may be pipelined with the next login.
  co_await one.send("t UNAUTHENTICATE\r\nu AUTHENTICATE PLAIN AHUyQGV4YW1wbGUudGVzdAB0ZXN0\r\n");
  const Lines left = co_await one.until("t ");
  CHECK(left == Lines{"t OK UNAUTHENTICATE completed"});
  const Lines entered = co_await one.until("u ");
  CHECK(entered.back().starts_with("u OK [CAPABILITY "));
  co_await world.deliver(test::message(3));
  const Lines quiet = co_await one.command("NOOP");
  CHECK(quiet == Lines{"t OK NOOP completed"});
  const Lines none = co_await one.command("FETCH 1 FLAGS");
  CHECK(none[0].starts_with("t BAD "));
  // The second user's mailbox, in the words of IMAP4rev1 and without mod-sequences.
  const Lines other = co_await one.command("SELECT INBOX");
  CHECK(std::ranges::find(other, "* 0 EXISTS") != other.end());
  CHECK(std::ranges::find(other, "* 0 RECENT") != other.end());
  const std::string text = test::message(4);
  (void)co_await one.command("APPEND INBOX {" + std::to_string(text.size()) + "+}\r\n" + text);
  const Lines saved = co_await one.command("SEARCH $");
  CHECK(saved == Lines{"* SEARCH", "t OK SEARCH completed"});
  const Lines stored = co_await one.command("STORE 1 +FLAGS (\\Seen)");
  CHECK(stored == Lines{"* 1 FETCH (FLAGS (\\Seen \\Recent))", "t OK STORE completed"});
  // The first user's other session: its mailbox, its message, its saved result; and none of the second's mail.
  const Lines news = co_await two.command("NOOP");
  CHECK(news == Lines{"* 3 EXISTS", "* 1 RECENT", "t OK NOOP completed"});
  const Lines kept = co_await two.command("FETCH $ (UID)");
  CHECK(kept == Lines{"* 1 FETCH (UID 1)", "* 2 FETCH (UID 2)", "t OK FETCH completed"});
  const Lines again = co_await two.command("UNAUTHENTICATE now");
  CHECK(again[0].starts_with("t BAD "));
}
TEST_CASE("a connection goes on to another user, and takes nothing along") { tell(handed_on, 2); }

// RFC 8437 §3: who has left is nobody, and a change of the account is no matter of his.
net::Task<void> left(World& world, Client& one, Client& two) {
  (void)co_await one.command("UNAUTHENTICATE");
  const Lines stranger = co_await one.command("SELECT INBOX");
  CHECK(stranger[0].starts_with("t BAD "));
  const Lines shown = co_await one.command("CAPABILITY");
  CHECK(!shown[0].contains("UNAUTHENTICATE"));
  world.directory.locked_out = true;
  ++world.directory.now;
  const Lines stays = co_await one.command("NOOP");
  CHECK(stays == Lines{"t OK NOOP completed"});
  co_await two.send("t NOOP\r\n");
  const std::string ended = co_await two.line();
  CHECK(ended == "* BYE [AUTHORIZATIONFAILED] The account or its password has changed");
}
TEST_CASE("who has left is nobody") { tell(left, 0); }

}  // namespace
}  // namespace imap
