// Extensions that say something about messages, with two clients: what the one is told, the other is told as well, and
// what the one does, shows there. Expectations are written by hand from the standards that are named.

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

// RFC 8474 §5: an id belongs to the content, wherever it is; those of a thread are the same in all mailboxes.
net::Task<void> object_ids(World& world, Client& one, Client& two) {
  co_await world.deliver(
      "Subject: Re: message 1\r\nMessage-ID: <9@example.test>\r\nIn-Reply-To: <1@example.test>\r\n\r\nYes.\r\n",
      "Archive");
  const Lines ids = co_await one.command("FETCH 1 (EMAILID THREADID)");
  const std::string email = *behind(ids[0], "EMAILID (", ')');
  const std::string thread = *behind(ids[0], "THREADID (", ')');
  CHECK(email.starts_with("M"));
  CHECK(thread.starts_with("T"));
  const Lines second = co_await one.command("FETCH 2 (EMAILID THREADID)");
  CHECK(*behind(second[0], "EMAILID (", ')') != email);
  CHECK(*behind(second[0], "THREADID (", ')') != thread);
  (void)co_await one.command("COPY 1 Archive");
  (void)co_await two.command("SELECT Archive");
  const Lines copy = co_await two.command("FETCH 1:2 (EMAILID THREADID)");
  REQUIRE(copy.size() == 3);
  CHECK(*behind(copy[0], "EMAILID (", ')') != email);
  CHECK(*behind(copy[0], "THREADID (", ')') == thread);
  CHECK(copy[1] == "* 2 FETCH (EMAILID (" + email + ") THREADID (" + thread + "))");
  const Lines found = co_await two.command("SEARCH EMAILID " + email);
  CHECK(found == Lines{"* SEARCH 2", "t OK SEARCH completed"});
  const Lines related = co_await two.command("SEARCH THREADID " + thread);
  CHECK(related == Lines{"* SEARCH 1 2", "t OK SEARCH completed"});
  // RFC 8474 §7: case is significant.
  const Lines other = co_await two.command("SEARCH EMAILID m" + email.substr(1));
  CHECK(other == Lines{"* SEARCH", "t OK SEARCH completed"});
}
TEST_CASE("an email and its thread keep their ids in every mailbox") { tell(object_ids, 2); }

// RFC 3502: the others see all of the messages or none.
net::Task<void> together(World& world, Client& one, Client& two) {
  const std::string text = test::message(1);
  const std::string literal = "{" + std::to_string(text.size()) + "+}\r\n" + text;
  const Lines both = co_await one.command("APPEND INBOX (\\Seen) " + literal + " (\\Draft) " + literal);
  CHECK(both.back().ends_with(" 1:2] APPEND completed"));
  const Lines told = co_await two.command("NOOP");
  CHECK(told == Lines{"* 2 EXISTS", "* 0 RECENT", "t OK NOOP completed"});
  // The second is above the quota of 10 MiB: the first is not kept either.
  const std::string large(9 << 20, 'x');
  const Lines refused = co_await one.command("APPEND INBOX " + literal + " {" + std::to_string(large.size()) +
                                             "+}\r\n" + large + " {" + std::to_string(large.size()) + "+}\r\n" + large);
  CHECK(refused.back().starts_with("t NO [OVERQUOTA]"));
  const Lines quiet = co_await two.command("NOOP");
  CHECK(quiet == Lines{"t OK NOOP completed"});
  (void)world;
}
TEST_CASE("the messages of one APPEND appear together or not at all") { tell(together, 0); }

// RFC 8508 §3.4: one step for the others, too; and who is late replaces nothing.
net::Task<void> replaced(World&, Client& one, Client& two) {
  const std::string text = test::message(7);
  const std::string literal = "{" + std::to_string(text.size()) + "+}\r\n" + text;
  const Lines done = co_await one.command("REPLACE 1 INBOX (\\Draft) " + literal);
  REQUIRE(done.size() == 5);
  CHECK(done[0].starts_with("* OK [APPENDUID "));
  CHECK(Lines(done.begin() + 1, done.end()) ==
        Lines{"* 1 EXPUNGE", "* 2 EXISTS", "* 2 RECENT", "t OK REPLACE completed"});
  const Lines late = co_await two.command("REPLACE 1 INBOX " + literal);
  CHECK(late == Lines{"* 3 EXISTS", "* 0 RECENT", "* 1 EXPUNGE",
                      "t NO [EXPUNGEISSUED] Some of the messages have been expunged"});
  const Lines now = co_await two.command("FETCH 1:2 (UID FLAGS)");
  CHECK(now == Lines{"* 1 FETCH (UID 2 FLAGS ())", "* 2 FETCH (UID 3 FLAGS (\\Draft))", "t OK FETCH completed"});
}
TEST_CASE("a message is replaced in one step") { tell(replaced, 2); }

// RFC 8514 §3: a copy has its own save date; RFC 8970 §3: the same text for everybody.
net::Task<void> saved(World&, Client& one, Client& two) {
  const Lines date = co_await one.command("FETCH 1 (SAVEDATE INTERNALDATE PREVIEW)");
  CHECK(behind(date[0], "INTERNALDATE \"", '"') == "14-Nov-2023 22:13:20 +0000");
  CHECK(behind(date[0], "SAVEDATE \"", '"') != "14-Nov-2023 22:13:20 +0000");
  const Lines same = co_await two.command("FETCH 1 (SAVEDATE INTERNALDATE PREVIEW)");
  CHECK(same == date);
  (void)co_await one.command("COPY 1 Archive");
  (void)co_await two.command("SELECT Archive");
  const Lines found = co_await two.command("SEARCH ON 14-Nov-2023 NOT SAVEDON 14-Nov-2023 SAVEDSINCE 15-Nov-2023");
  CHECK(found == Lines{"* SEARCH 1", "t OK SEARCH completed"});
}
TEST_CASE("save dates are those of the mailbox") { tell(saved, 1); }

// RFC 5256: EXPUNGE is told behind UID SORT and UID THREAD and not behind the others; new mail is told before all of
// them.
net::Task<void> sorted(World& world, Client& one, Client& two) {
  co_await world.deliver(test::message(0));
  const Lines fresh = co_await one.command("SORT (SUBJECT) UTF-8 ALL");
  CHECK(fresh == Lines{"* 4 EXISTS", "* 4 RECENT", "* SORT 4 1 2 3", "t OK SORT completed"});
  (void)co_await two.command("STORE 1 +FLAGS.SILENT (\\Deleted)");
  (void)co_await two.command("EXPUNGE");
  const Lines gone = co_await one.command("SORT (REVERSE SUBJECT) UTF-8 ALL");
  CHECK(gone == Lines{"* SORT 3 2 4", "t OK SORT completed"});
  const Lines threads = co_await one.command("THREAD REFERENCES UTF-8 ALL");
  CHECK(threads == Lines{"* THREAD (2)(3)(4)", "t OK THREAD completed"});
  const Lines numbers = co_await one.command("UID SORT (SUBJECT) UTF-8 2:4");
  CHECK(numbers == Lines{"* SORT 4 2 3", "t OK UID SORT completed"});
  const Lines uids = co_await one.command("UID SORT (SUBJECT) UTF-8 ALL");
  CHECK(uids == Lines{"* SORT 4 2 3", "* 1 EXPUNGE", "t OK UID SORT completed"});
  (void)co_await two.command("STORE 3 +FLAGS.SILENT (\\Deleted)");
  (void)co_await two.command("EXPUNGE");
  const Lines last = co_await one.command("UID THREAD ORDEREDSUBJECT UTF-8 ALL");
  CHECK(last == Lines{"* THREAD (2)(3)", "* 3 EXPUNGE", "t OK UID THREAD completed"});
}
TEST_CASE("sorting and threading keep to what the client knows") { tell(sorted, 3); }

}  // namespace
}  // namespace imap
