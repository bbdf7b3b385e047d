// Two clients, one of which knows mod-sequences: what the other does reaches it once, in its own form, and also when it
// was away (RFC 7162). Expectations are written by hand from the standard. In a new account its mailboxes have the
// mod-sequence 1, and each message that is delivered the next.

#include <doctest/doctest.h>

#include "imap/test_kit.h"

namespace imap {
namespace {

using test::Client;
using test::tell;
using test::World;
using Lines = std::vector<std::string>;

const std::string kHighest = "] Changes are told up to here";

net::Task<void> modseqs(World&, Client& one, Client& two) {
  const Lines first = co_await one.command("FETCH 1 MODSEQ");
  CHECK(first == Lines{"* OK [HIGHESTMODSEQ 4" + kHighest, "* 1 FETCH (MODSEQ (2))", "t OK FETCH completed"});
  (void)co_await two.command("STORE 2 +FLAGS (\\Seen)");
  const Lines told = co_await one.command("NOOP");
  CHECK(told == Lines{"* 2 FETCH (UID 2 FLAGS (\\Seen \\Recent) MODSEQ (5))", "t OK NOOP completed"});
  const Lines quiet = co_await one.command("NOOP");
  CHECK(quiet == Lines{"t OK NOOP completed"});

  const Lines stored = co_await one.command("STORE 1:3 (UNCHANGEDSINCE 4) +FLAGS.SILENT (\\Flagged)");
  CHECK(stored == Lines{"* 2 FETCH (UID 2 FLAGS (\\Seen \\Recent) MODSEQ (5))", "* 1 FETCH (UID 1 MODSEQ (6))",
                        "* 3 FETCH (UID 3 MODSEQ (6))",
                        "t OK [MODIFIED 2] Some of the messages were changed meanwhile"});
  // Who has said nothing of mod-sequences is not shown any.
  const Lines plain = co_await two.command("STORE 1 +FLAGS (\\Answered)");
  CHECK(plain == Lines{"* 1 FETCH (UID 1 FLAGS (\\Flagged))", "* 3 FETCH (UID 3 FLAGS (\\Flagged))",
                       "* 1 FETCH (FLAGS (\\Answered \\Flagged))", "t OK STORE completed"});
}
TEST_CASE("mod-sequences of changes by others and of one's own") { tell(modseqs, 3); }

// RFC 7162 §3.1.12: a change of other flags is no reason to refuse; one of the same flag is; FLAGS without a sign is
// about all of them.
net::Task<void> spurious(World&, Client& one, Client& two) {
  (void)co_await one.command("ENABLE CONDSTORE");
  (void)co_await two.command("STORE 1 +FLAGS (\\Answered)");
  const Lines other = co_await one.command("STORE 1 (UNCHANGEDSINCE 3) +FLAGS.SILENT ($Done)");
  CHECK(other == Lines{"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Done)",
                       "* 1 FETCH (UID 1 FLAGS (\\Answered $Done \\Recent) MODSEQ (5))", "t OK STORE completed"});
  (void)co_await two.command("STORE 1 -FLAGS ($done)");
  const Lines same = co_await one.command("STORE 1 (UNCHANGEDSINCE 5) -FLAGS ($Done)");
  CHECK(same == Lines{"* 1 FETCH (UID 1 FLAGS (\\Answered \\Recent) MODSEQ (6))",
                      "t OK [MODIFIED 1] Some of the messages were changed meanwhile"});
  (void)co_await two.command("STORE 1 +FLAGS (\\Draft)");
  const Lines all = co_await one.command("UID STORE 1 (UNCHANGEDSINCE 6) FLAGS (\\Seen)");
  CHECK(all == Lines{"* 1 FETCH (UID 1 FLAGS (\\Answered \\Draft \\Recent) MODSEQ (7))",
                     "t OK [MODIFIED 1] Some of the messages were changed meanwhile"});
}
TEST_CASE("a conditional STORE is refused for changes of the flags that it is about") { tell(spurious, 2); }

net::Task<void> vanished(World&, Client& one, Client& two) {
  const Lines enabled = co_await one.command("ENABLE QRESYNC");
  CHECK(enabled == Lines{"* ENABLED QRESYNC CONDSTORE", "* OK [HIGHESTMODSEQ 6" + kHighest, "t OK ENABLE completed"});
  (void)co_await two.command("STORE 2,4 +FLAGS.SILENT (\\Deleted)");
  (void)co_await two.command("EXPUNGE");
  // While the expunge cannot be told, later changes must not look as if everything before them were known (§3.2, §6).
  const Lines fetched = co_await one.command("FETCH 1 UID");
  CHECK(fetched == Lines{"* 1 FETCH (UID 1)", "* OK [HIGHESTMODSEQ 6" + kHighest, "t OK FETCH completed"});
  const Lines stored = co_await one.command("STORE 3 +FLAGS.SILENT (\\Seen)");
  CHECK(stored == Lines{"* 3 FETCH (UID 3 MODSEQ (9))", "* OK [HIGHESTMODSEQ 6" + kHighest, "t OK STORE completed"});
  const Lines found = co_await one.command("UID SEARCH 3:5");
  CHECK(found == Lines{"* SEARCH 3 5", "* OK [HIGHESTMODSEQ 6" + kHighest, "t OK UID SEARCH completed"});
  const Lines told = co_await one.command("NOOP");
  CHECK(told == Lines{"* VANISHED 2,4", "* OK [HIGHESTMODSEQ 9" + kHighest, "t OK NOOP completed"});
  const Lines quiet = co_await one.command("NOOP");
  CHECK(quiet == Lines{"t OK NOOP completed"});

  (void)co_await one.command("STORE 1 +FLAGS.SILENT (\\Deleted)");
  const Lines expunged = co_await one.command("EXPUNGE");
  CHECK(expunged == Lines{"* VANISHED 1", "t OK [HIGHESTMODSEQ 11] EXPUNGE completed"});
  const Lines other = co_await two.command("NOOP");
  CHECK(other == Lines{"* 1 EXPUNGE", "* 1 FETCH (UID 3 FLAGS (\\Seen))", "t OK NOOP completed"});
  (void)co_await two.command("MOVE 1 Archive");
  // A command with UIDs may begin with it, and then knows the messages as they are.
  const Lines uid = co_await one.command("UID FETCH 3:5 FLAGS");
  CHECK(uid == Lines{"* VANISHED 3", "* 1 FETCH (UID 5 FLAGS (\\Recent))", "t OK UID FETCH completed"});
}
TEST_CASE("VANISHED is told once, and HIGHESTMODSEQ waits for it") { tell(vanished, 5); }

/// What SELECT says behind its description, and its end.
Lines behind_description(const Lines& lines) {
  auto begin = lines.begin();
  for (auto line = lines.begin(); line != lines.end(); ++line) {
    if (line->starts_with("* OK [MAILBOXID")) begin = std::next(line);
  }
  return {begin, lines.end()};
}

net::Task<std::string> uid_validity(Client& client) {
  const Lines lines = co_await client.command("STATUS INBOX (UIDVALIDITY)");
  const std::size_t at = lines[0].rfind(' ') + 1;
  co_return lines[0].substr(at, lines[0].size() - at - 1);
}

net::Task<void> away(World& world, Client& one, Client& two) {
  const std::string validity = co_await uid_validity(one);
  (void)co_await one.command("UNSELECT");
  (void)co_await one.command("ENABLE QRESYNC");
  (void)co_await two.command("STORE 1 +FLAGS (\\Flagged)");           // 7
  (void)co_await two.command("STORE 2,4 +FLAGS.SILENT (\\Deleted)");  // 8
  (void)co_await two.command("EXPUNGE");                              // 9
  co_await world.deliver(test::message(6));                           // 10
  const std::string select = "SELECT INBOX (QRESYNC (" + validity + " ";
  const Lines all = behind_description(co_await one.command(select + "6))"));
  CHECK(all == Lines{"* VANISHED (EARLIER) 2,4", "* 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (7))",
                     "* 4 FETCH (UID 6 FLAGS (\\Recent) MODSEQ (10))", "t OK [READ-WRITE] SELECT completed"});
  const Lines known = behind_description(co_await one.command(select + "7 1:3,5))"));
  CHECK(known == Lines{"* VANISHED (EARLIER) 2", "t OK [READ-WRITE] SELECT completed"});
  // §3.2.5.2: number 2 is UID 3 still, so the client knows of what went below; number 3 was UID 4 and is another now.
  const Lines matched = behind_description(co_await one.command(select + "6 1:5 (1:3 1,3:4)))"));
  CHECK(matched == Lines{"* VANISHED (EARLIER) 4", "* 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (7))",
                         "t OK [READ-WRITE] SELECT completed"});
  const Lines nothing = behind_description(co_await one.command(select + "10))"));
  CHECK(nothing == Lines{"t OK [READ-WRITE] SELECT completed"});
  const Lines foreign = behind_description(co_await one.command("SELECT INBOX (QRESYNC (1 2))"));
  CHECK(foreign == Lines{"t OK [READ-WRITE] SELECT completed"});
}
TEST_CASE("who comes back is told what has vanished and changed") { tell(away, 5); }

net::Task<void> long_away(World& world, Client& one, Client& two) {
  const std::string validity = co_await uid_validity(one);
  (void)co_await one.command("UNSELECT");
  (void)co_await one.command("ENABLE QRESYNC");
  (void)co_await two.command("STORE 2,4:5 +FLAGS.SILENT (\\Deleted)");
  (void)co_await two.command("EXPUNGE");
  const base::AccountId account{1};
  const auto inbox = co_await world.mail->mailbox(account, "INBOX");
  REQUIRE(inbox.has_value());
  for (int i = 0; i < 10'100; ++i) {
    const auto change = i % 2 == 0 ? mailstore::FlagChange::add : mailstore::FlagChange::remove;
    const auto done = co_await world.mail->store_flags(account, inbox->id, std::vector<mailstore::Uid>(1, 6), change,
                                                       {.system = mailstore::kFlagged, .keywords = {}}, std::nullopt);
    REQUIRE(done.has_value());
  }
  // The change records do not go back so far: what is not there is told to have vanished, whenever that was (§3.2.6).
  const std::string select = "SELECT INBOX (QRESYNC (" + validity + " 7";
  Lines all = behind_description(co_await one.command(select + "))"));
  CHECK(all.at(0) == "* VANISHED (EARLIER) 2,4:5");
  CHECK(all.at(1).starts_with("* 3 FETCH (UID 6 FLAGS ("));
  CHECK(all.size() == 3);
  Lines some = behind_description(co_await one.command(select + " 3:4))"));
  CHECK(some == Lines{"* VANISHED (EARLIER) 4", "t OK [READ-WRITE] SELECT completed"});
  Lines matched = behind_description(co_await one.command(select + " 1:5 (1:2 1,3)))"));
  CHECK(matched == Lines{"* VANISHED (EARLIER) 4:5", "t OK [READ-WRITE] SELECT completed"});
}
TEST_CASE("who was away for longer than the change records go back is told all that is not there") {
  tell(long_away, 6);
}

}  // namespace
}  // namespace imap
