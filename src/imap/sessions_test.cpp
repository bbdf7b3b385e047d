// Two clients on one mailbox: what one does, the other is told once, and at the moments that RFC 9051 §7.5.1 and
// RFC 2180 allow.

#include <doctest/doctest.h>

#include "imap/test_kit.h"

namespace imap {
namespace {

using test::Client;
using test::tell;
using test::World;
using Lines = std::vector<std::string>;

net::Task<void> expunges(World&, Client& one, Client& two) {
  (void)co_await one.command("STORE 2,4 +FLAGS.SILENT (\\Deleted)");
  const Lines expunged = co_await one.command("EXPUNGE");
  CHECK(expunged == Lines{"* 4 EXPUNGE", "* 2 EXPUNGE", "t OK EXPUNGE completed"});

  // FETCH, STORE and SEARCH may not tell; numbers stay, and what is gone is said to be gone.
  const Lines fetched = co_await two.command("FETCH 1:5 UID");
  CHECK(fetched == Lines{"* 1 FETCH (UID 1)", "* 3 FETCH (UID 3)", "* 5 FETCH (UID 5)",
                         "t NO [EXPUNGEISSUED] Some of the messages have been expunged"});
  const Lines found = co_await two.command("SEARCH ALL");
  CHECK(found == Lines{"* SEARCH 1 3 5", "t OK SEARCH completed"});
  const Lines stored = co_await two.command("STORE 4:5 +FLAGS (\\Flagged)");
  CHECK(stored ==
        Lines{"* 5 FETCH (FLAGS (\\Flagged))", "t NO [EXPUNGEISSUED] Some of the messages have been expunged"});
  const Lines silent = co_await two.command("STORE 4:5 +FLAGS.SILENT (\\Answered)");
  CHECK(silent == Lines{"t OK STORE completed"});
  const Lines copied = co_await two.command("COPY 2:3 Archive");
  CHECK(copied == Lines{"* 4 EXPUNGE", "* 2 EXPUNGE", "t NO [EXPUNGEISSUED] Some of the messages have been expunged"});
  const Lines quiet = co_await two.command("NOOP");
  CHECK(quiet == Lines{"t OK NOOP completed"});
  const Lines after = co_await two.command("FETCH 3 UID");
  CHECK(after == Lines{"* 3 FETCH (UID 5)", "t OK FETCH completed"});
}
TEST_CASE("an expunge is told once, when it may be") { tell(expunges, 5); }

net::Task<void> drip(World& world) {
  Client client(world);
  (void)co_await client.line();
  try {
    for (int i = 0; i < 100 && !client.ended(); ++i) {
      co_await client.send("N");
      co_await net::sleep_for(std::chrono::milliseconds(100));
    }
  } catch (const net::Closed&) {
  }
  CHECK((co_await client.line()).starts_with("* BYE "));
  co_await client.end();
}

TEST_CASE("a stranger who sends a byte now and then is sent away all the same") {
  World world;
  world.config.login_timeout = std::chrono::seconds(1);
  const auto began = std::chrono::steady_clock::now();
  net::run(drip(world));
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(5));
}

net::Task<void> arrivals(World& world, Client& one, Client& two) {
  co_await world.deliver(test::message(3));
  const Lines first = co_await one.command("NOOP");
  CHECK(first == Lines{"* 3 EXISTS", "* 3 RECENT", "t OK NOOP completed"});
  const Lines second = co_await one.command("NOOP");
  CHECK(second == Lines{"t OK NOOP completed"});
  // New mail is told before a command that could show it; only the first session was told of it as recent.
  const Lines found = co_await two.command("SEARCH ALL");
  CHECK(found == Lines{"* 3 EXISTS", "* 0 RECENT", "* SEARCH 1 2 3", "t OK SEARCH completed"});
  // While an expunge cannot be told, new mail is, with the number that the client expects.
  (void)co_await one.command("STORE 1 +FLAGS.SILENT (\\Deleted)");
  (void)co_await one.command("EXPUNGE");
  co_await world.deliver(test::message(4));
  const Lines fetched = co_await two.command("FETCH 2:3 UID");
  CHECK(fetched == Lines{"* 4 EXISTS", "* 1 RECENT", "* 2 FETCH (UID 2)", "* 3 FETCH (UID 3)", "t OK FETCH completed"});
  const Lines last = co_await two.command("FETCH 4 UID");
  CHECK(last == Lines{"* 4 FETCH (UID 4)", "t OK FETCH completed"});
  const Lines shifted = co_await two.command("NOOP");
  CHECK(shifted == Lines{"* 1 EXPUNGE", "t OK NOOP completed"});
}
TEST_CASE("new mail is told once, also while an expunge waits") { tell(arrivals, 2); }

net::Task<void> flags(World&, Client& one, Client& two) {
  (void)co_await one.command("STORE 1 +FLAGS (\\Seen)");
  const Lines told = co_await two.command("NOOP");
  CHECK(told == Lines{"* 1 FETCH (UID 1 FLAGS (\\Seen))", "t OK NOOP completed"});
  const Lines quiet = co_await two.command("NOOP");
  CHECK(quiet == Lines{"t OK NOOP completed"});
  // A silent STORE is silent for what it did, not for what another client did to the same message.
  (void)co_await one.command("STORE 2 +FLAGS.SILENT (\\Draft)");
  const Lines merged = co_await two.command("UID STORE 1:2 +FLAGS.SILENT (\\Flagged)");
  CHECK(merged == Lines{"* 2 FETCH (UID 2 FLAGS (\\Draft))", "t OK UID STORE completed"});
  const Lines seen = co_await one.command("NOOP");
  CHECK(seen == Lines{"* 1 FETCH (UID 1 FLAGS (\\Flagged \\Seen \\Recent))",
                      "* 2 FETCH (UID 2 FLAGS (\\Flagged \\Draft \\Recent))", "t OK NOOP completed"});
  const Lines keyword = co_await one.command("STORE 1 -FLAGS (\\Flagged $New)");
  CHECK(keyword == Lines{"* 1 FETCH (FLAGS (\\Seen \\Recent))", "t OK STORE completed"});
}
TEST_CASE("a change of flags is told once to the others") { tell(flags, 2); }

net::Task<void> idle(World& world, Client& one, Client& two) {
  co_await one.send("i IDLE\r\n");
  CHECK(co_await one.line() == "+ idling");
  const auto begin = std::chrono::steady_clock::now();
  co_await world.deliver(test::message(2));
  CHECK(co_await one.line() == "* 2 EXISTS");
  CHECK(co_await one.line() == "* 2 RECENT");
  const auto took = std::chrono::steady_clock::now() - begin;
  MESSAGE("delivery to EXISTS: " << std::chrono::duration_cast<std::chrono::microseconds>(took).count() << " us");
  (void)co_await two.command("STORE 1 +FLAGS (\\Deleted)");
  CHECK(co_await one.line() == "* 1 FETCH (UID 1 FLAGS (\\Deleted \\Recent))");
  (void)co_await two.command("EXPUNGE");
  CHECK(co_await one.line() == "* 1 EXPUNGE");
  co_await one.send("DONE\r\n");
  CHECK(co_await one.line() == "i OK IDLE completed");
}
TEST_CASE("an idle client is told at once") { tell(idle, 1); }

net::Task<void> deleted(World&, Client& one, Client& two) {
  (void)co_await one.command("CREATE Short");
  (void)co_await one.command("SELECT Short");
  (void)co_await two.command("SELECT Short");
  const Lines own = co_await one.command("DELETE Short");
  CHECK(own == Lines{"* OK [CLOSED] The mailbox that was selected is closed", "t OK DELETE completed"});
  co_await two.send("t NOOP\r\n");
  CHECK(co_await two.line() == "* BYE The selected mailbox was deleted or replaced");
}
TEST_CASE("a mailbox that is deleted under a session ends it") { tell(deleted, 0); }

net::Task<void> moved(World&, Client& one, Client& two) {
  const Lines renamed = co_await one.command("RENAME INBOX Old");
  CHECK(renamed == Lines{"* 2 EXPUNGE", "* 1 EXPUNGE", "t OK RENAME completed"});
  const Lines told = co_await two.command("UID SEARCH ALL");
  CHECK(told == Lines{"* SEARCH", "* 2 EXPUNGE", "* 1 EXPUNGE", "t OK UID SEARCH completed"});
}
TEST_CASE("a renamed INBOX is an empty INBOX") { tell(moved, 2); }

net::Task<void> locked_out(World& world, Client& one, Client&) {
  world.directory.now = 2;
  const Lines kept = co_await one.command("NOOP");
  CHECK(kept == Lines{"t OK NOOP completed"});
  world.directory.now = 3;
  world.directory.locked_out = true;
  co_await one.send("t NOOP\r\n");
  CHECK(co_await one.line() == "* BYE [AUTHORIZATIONFAILED] The account or its password has changed");
}
TEST_CASE("a changed password ends the session at its next command") { tell(locked_out, 0); }

net::Task<void> locked_out_idle(World& world, Client& one, Client& two) {
  (void)co_await two.command("UNSELECT");
  for (Client* client : {&one, &two}) {
    co_await client->send("i IDLE\r\n");
    CHECK(co_await client->line() == "+ idling");
  }
  // Something else has changed: both go on.
  world.directory.now = 2;
  world.mail->changed(base::AccountId{1});
  world.directory.now = 3;
  world.directory.locked_out = true;
  world.mail->changed(base::AccountId{1});
  CHECK(co_await one.line() == "* BYE [AUTHORIZATIONFAILED] The account or its password has changed");
  CHECK(co_await two.line() == "* BYE [AUTHORIZATIONFAILED] The account or its password has changed");
}
TEST_CASE("an idle client is woken when its login ends, with and without a selected mailbox") {
  tell(locked_out_idle, 0);
}

net::Task<void> stopping(World& world, Client& one, Client& two) {
  co_await two.send("i IDLE\r\n");
  CHECK(co_await two.line() == "+ idling");
  world.stopping.request();
  co_await world.deliver(test::message(1));
  CHECK(co_await two.line() == "* BYE The server is stopping, please come back in a moment");
  (void)one;
}
TEST_CASE("a stopping server says so to who is idle") { tell(stopping, 0); }

// RFC 9051 §6.4.5.1's way through nested parts, and bytes above what one piece holds.
std::string nested(std::size_t size) {
  std::string body;
  while (body.size() < size) body += "0123456789012345678901234567890123456789012345678901234567890123\r\n";
  return "From: a@example.test\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nplain\r\n--x\r\n"
         "Content-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Type: multipart/alternative; boundary=y\r\n\r\n"
         "--y\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\naGFsbG8A\r\n--y--\r\n\r\n--x\r\n"
         "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: x-odd\r\n\r\n" +
         body + "\r\n--x--\r\n";
}

net::Task<void> sections(World& world, Client& one, Client&) {
  const std::string text = nested(1'000'000);
  co_await world.deliver(text);
  (void)co_await one.command("NOOP");
  const Lines parts = co_await one.command(
      "FETCH 1 (BODY.PEEK[1] BODY.PEEK[2.HEADER] BODY.PEEK[2.1.MIME] BINARY.PEEK[2.1] BINARY.SIZE[2.1] "
      "BODY.PEEK[2.2])");
  CHECK(parts == Lines{"* 1 FETCH (BODY[1] {5}", "plain BODY[2.HEADER] {67}", "Subject: inner",
                       "Content-Type: multipart/alternative; boundary=y", "", " BODY[2.1.MIME] {62}",
                       "Content-Type: text/html", "Content-Transfer-Encoding: base64", "",
                       std::string(" BINARY[2.1] ~{6}"), std::string("hallo\0 BINARY.SIZE[2.1] 6 BODY[2.2] NIL)", 40),
                       "t OK FETCH completed"});
  const Lines odd = co_await one.command("FETCH 1 BINARY.PEEK[3]");
  CHECK(odd == Lines{"t NO [UNKNOWN-CTE] A part has an unknown transfer encoding"});
  const Lines whole = co_await one.command("FETCH 1 BODY.PEEK[]");
  std::string joined;
  for (const auto& line : whole) joined += line + "\r\n";
  CHECK(joined ==
        "* 1 FETCH (BODY[] {" + std::to_string(text.size()) + "}\r\n" + text + ")\r\nt OK FETCH completed\r\n");
  const Lines found = co_await one.command("SEARCH BODY \"HALLO\" BODY plain TEXT \"inner\" NOT BODY octet-stream");
  CHECK(found == Lines{"* SEARCH 1", "t OK SEARCH completed"});
}
TEST_CASE("sections of nested parts, decoded and in pieces") { tell(sections, 0); }

struct FullDisk : store::Faults {
  std::atomic<bool> full{false};
  base::Result<void> sync() override {
    if (full) return base::fail(base::Code::no_space, "the disk is full");
    return {};
  }
};

net::Task<void> full_disk(World& world, FullDisk& disk) {
  co_await world.deliver(test::message(1));
  Client one(world);
  co_await one.login();
  disk.full = true;
  const Lines stored = co_await one.command("STORE 1 +FLAGS (\\Seen)");
  CHECK(stored.back().starts_with("t NO ["));
  const Lines read = co_await one.command("FETCH 1 BODY[TEXT]");
  CHECK(read == Lines{"* 1 FETCH (BODY[TEXT] {8}", "Hello.", ")", "t OK FETCH completed"});
  co_await one.send("a APPEND INBOX {5+}\r\nA: b\n\r\n");
  CHECK((co_await one.line()).starts_with("a NO ["));
  co_await one.end();
}
TEST_CASE("with a full disk mail is read and nothing is lost") {
  FullDisk disk;
  World world(&disk);
  net::run(full_disk(world, disk));
}

}  // namespace
}  // namespace imap
