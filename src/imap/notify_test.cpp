// NOTIFY (RFC 5465): one session is told, without asking, of what others do. Expectations by hand from the standard.
// `one` listens, `two` is the same person's other client; u2 is somebody else.

#include <doctest/doctest.h>

#include "imap/test_kit.h"

namespace imap {
namespace {

using test::Client;
using test::World;
using Lines = std::vector<std::string>;

net::Task<void> fine(Client& client, std::string command) {
  const Lines said = co_await client.command(command);
  CHECK_MESSAGE(said.back().starts_with("t OK"), command << " -> " << said.back());
}
/// The lines that come of themselves, in their order.
net::Task<void> hears(Client& client, Lines lines) {
  for (const std::string& line : lines) {
    const std::string said = co_await client.line();
    CHECK(said == line);
  }
}
/// Nothing but what a NOOP is answered with.
net::Task<void> hears_nothing(Client& client) {
  co_await net::sleep_for(std::chrono::milliseconds(20));
  CHECK(co_await client.command("NOOP") == Lines{"t OK NOOP completed"});
}

// §3.1, §5.1 to §5.3: what is selected, between commands.
net::Task<void> selected(World& world, Client& one, Client& two) {
  co_await fine(one,
                "NOTIFY SET (selected (MessageNew (UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge "
                "FlagChange))");
  co_await world.deliver(test::message(3));
  co_await hears(one,
                 {"* 3 EXISTS", "* 3 RECENT", "* 3 FETCH (UID 3 FLAGS (\\Recent) BODY[HEADER.FIELDS (SUBJECT)] {22}",
                  "Subject: message 3", "", ")"});
  co_await fine(two, "STORE 1 +FLAGS (\\Flagged)");
  co_await hears(one, {"* 1 FETCH (UID 1 FLAGS (\\Flagged \\Recent))"});
  co_await fine(two, "STORE 2 +FLAGS (\\Deleted)");
  co_await hears(one, {"* 2 FETCH (UID 2 FLAGS (\\Deleted \\Recent))"});
  co_await fine(two, "EXPUNGE");
  co_await hears(one, {"* 2 EXPUNGE"});
  // §5.2: not of what the client has put there itself.
  co_await one.send("t APPEND INBOX {" + std::to_string(test::message(4).size()) + "+}\r\n" + test::message(4) +
                    "\r\n");
  Lines said = co_await one.until("t ");
  REQUIRE(said.size() == 3);
  CHECK(said[0] == "* 3 EXISTS");
  said = co_await one.command("COPY 1 INBOX");
  REQUIRE(said.size() == 3);
  CHECK(said[0] == "* 4 EXISTS");
  CHECK(said[2].starts_with("t OK [COPYUID"));
  co_await fine(two, "COPY 1 INBOX");
  co_await hears(one, {"* 5 EXISTS", "* 4 RECENT"});
  CHECK((co_await one.until(")")).front().starts_with("* 5 FETCH (UID 6 FLAGS (\\Flagged"));
}
TEST_CASE("NOTIFY: the selected mailbox is told of between commands, new messages with what was asked for") {
  test::tell(selected, 2);
}

// §5: flags are not told of to who has not asked for them; §6.1.2: EXPUNGE waits for a command that allows it.
net::Task<void> delayed(World& world, Client& one, Client& two) {
  co_await fine(one, "NOTIFY SET (selected-delayed (MessageNew MessageExpunge))");
  co_await fine(two, "STORE 1 +FLAGS (\\Deleted)");
  co_await fine(two, "EXPUNGE");
  co_await world.deliver(test::message(3));
  co_await hears(one, {"* 3 EXISTS", "* 2 RECENT"});
  // The numbers hold until NOOP.
  CHECK(co_await one.command("FETCH 3 (UID)") == Lines{"* 3 FETCH (UID 3)", "t OK FETCH completed"});
  CHECK(co_await one.command("NOOP") == Lines{"* 1 EXPUNGE", "t OK NOOP completed"});
  co_await fine(two, "STORE 1 +FLAGS (\\Flagged)");
  co_await hears_nothing(one);
  // RFC 7162: what the client was not told of is not promised.
  CHECK((co_await one.command("STATUS INBOX (HIGHESTMODSEQ)")).size() > 1);
}
TEST_CASE("NOTIFY: expunges wait where they were asked to, and changes of flags are told to who wants them") {
  test::tell(delayed, 2);
}

// §3.1, §5: NONE keeps a snapshot; what accumulated comes with the next NOTIFY SET.
net::Task<void> snapshot(World& world, Client& one, Client& two) {
  co_await fine(one, "NOTIFY NONE");
  co_await world.deliver(test::message(3));
  co_await fine(two, "STORE 1 +FLAGS (\\Flagged \\Deleted)");
  co_await fine(two, "EXPUNGE");
  co_await hears_nothing(one);
  CHECK(co_await one.command("FETCH 1:* (UID)") ==
        Lines{"* 1 FETCH (UID 1)", "* 2 FETCH (UID 2)", "t OK FETCH completed"});
  CHECK(co_await one.command("NOTIFY SET (selected (MessageNew MessageExpunge FlagChange))") ==
        Lines{"* 1 EXPUNGE", "* 2 EXISTS", "* 1 RECENT", "t OK NOTIFY completed"});
  // What the client does itself is told in any case.
  co_await fine(one, "NOTIFY NONE");
  co_await world.deliver(test::message(4));
  CHECK(co_await one.command("STORE 1 +FLAGS (\\Deleted)") ==
        Lines{"* 1 FETCH (FLAGS (\\Deleted \\Recent))", "* 3 EXISTS", "* 2 RECENT", "t OK STORE completed"});
  CHECK(co_await one.command("EXPUNGE") == Lines{"* 1 EXPUNGE", "t OK EXPUNGE completed"});
  // §4: in IDLE the same is told, and no more.
  co_await one.send("t IDLE\r\n");
  CHECK(co_await one.line() == "+ idling");
  co_await world.deliver(test::message(5));
  co_await net::sleep_for(std::chrono::milliseconds(20));
  co_await one.send("DONE\r\n");
  CHECK(co_await one.line() == "t OK IDLE completed");
}
TEST_CASE("NOTIFY NONE keeps a snapshot of the selected mailbox") { test::tell(snapshot, 2); }

// §5.1 to §5.3 of mailboxes that are not selected.
net::Task<void> others(World& world, Client& one, Client& two) {
  co_await fine(one, "NOTIFY SET (selected (MessageNew MessageExpunge)) (personal (MessageNew MessageExpunge))");
  co_await world.deliver(test::message(1), "Archive");
  co_await hears(one, {"* STATUS Archive (MESSAGES 1 UIDNEXT 2)"});
  co_await fine(two, "SELECT Archive");
  co_await fine(two, "STORE 1 +FLAGS (\\Seen \\Deleted)");
  co_await fine(two, "EXPUNGE");
  co_await hears(one, {"* STATUS Archive (MESSAGES 0 UIDNEXT 2)"});
  // The selected one is told of as such, whichever it is.
  co_await world.deliver(test::message(3));
  co_await hears(one, {"* 3 EXISTS", "* 3 RECENT"});
  co_await fine(one, "SELECT Archive");
  co_await world.deliver(test::message(4));
  co_await hears(one, {"* STATUS INBOX (MESSAGES 4 UIDNEXT 5)"});
  co_await world.deliver(test::message(5), "Archive");
  co_await hears(one, {"* 1 EXISTS", "* 1 RECENT"});
  // §5.1: UNSEEN when that changes, and with CONDSTORE always HIGHESTMODSEQ.
  co_await fine(one, "NOTIFY SET (mailboxes INBOX (MessageNew MessageExpunge FlagChange))");
  co_await fine(two, "SELECT INBOX");
  co_await fine(two, "STORE 1 +FLAGS (\\Flagged)");
  co_await hears_nothing(one);
  co_await fine(two, "STORE 1 +FLAGS (\\Seen)");
  CHECK((co_await one.line()).starts_with("* STATUS INBOX (UIDVALIDITY "));
  co_await fine(one, "ENABLE CONDSTORE");
  co_await fine(two, "STORE 1 -FLAGS (\\Flagged)");
  std::string said = co_await one.line();
  CHECK(said.starts_with("* STATUS INBOX (UIDVALIDITY "));
  CHECK(said.find(" HIGHESTMODSEQ ") != std::string::npos);
  CHECK(said.find("UNSEEN") == std::string::npos);
  co_await world.deliver(test::message(6), "Sent");
  co_await world.deliver(test::message(6));
  said = co_await one.line();
  CHECK(said.starts_with("* STATUS INBOX (MESSAGES 5 UIDNEXT 6 UIDVALIDITY "));
  CHECK(said.find(" UNSEEN 4 HIGHESTMODSEQ ") != std::string::npos);
}
TEST_CASE("NOTIFY: other mailboxes are told of by STATUS") { test::tell(others, 2); }

// §5.4, §5.5.
net::Task<void> names(World&, Client& one, Client& two) {
  co_await fine(one, "NOTIFY SET (personal (MailboxName SubscriptionChange))");
  co_await fine(two, "CREATE Work/Old");
  co_await hears(one, {"* LIST (\\HasChildren) \"/\" Work", "* LIST (\\HasNoChildren) \"/\" Work/Old"});
  co_await fine(two, "SUBSCRIBE Work/Old");
  co_await hears(one, {"* LIST (\\Subscribed \\HasNoChildren) \"/\" Work/Old"});
  // Of what is renamed with the level above it nothing is said.
  co_await fine(two, "RENAME Work Job");
  co_await hears(one, {"* LIST (\\HasChildren) \"/\" Job (\"OLDNAME\" (Work))"});
  co_await fine(two, "UNSUBSCRIBE Work/Old");
  co_await hears(one, {"* LIST (\\NonExistent) \"/\" Work/Old"});
  co_await fine(two, "DELETE Job/Old");
  co_await hears(one, {"* LIST (\\NonExistent) \"/\" Job/Old", "* LIST (\\HasNoChildren) \"/\" Job"});
  // One's own doing is not told, others' beside it is.
  co_await fine(one, "CREATE Mine");
  co_await hears_nothing(one);
  co_await fine(one, "DELETE Mine");
  co_await fine(two, "DELETE Job");
  co_await hears(one, {"* LIST (\\NonExistent) \"/\" Job"});
  // Where only the parent is of interest, it is told that something came below it.
  co_await fine(one, "NOTIFY SET (mailboxes Archive (MailboxName)) (subtree Lists (MailboxName))");
  co_await fine(two, "CREATE Archive/2026");
  co_await hears(one, {"* LIST (\\Subscribed \\HasChildren \\Archive) \"/\" Archive"});
  co_await fine(two, "CREATE Elsewhere");
  co_await fine(two, "CREATE Lists/Lemonade");
  co_await hears(one, {"* LIST (\\HasChildren) \"/\" Lists", "* LIST (\\HasNoChildren) \"/\" Lists/Lemonade"});
  // §6.4: what is subscribed is looked at anew.
  co_await fine(one, "NOTIFY SET (subscribed (MessageNew MessageExpunge SubscriptionChange))");
  co_await fine(two, "SUBSCRIBE Lists/Lemonade");
  co_await hears(one, {"* LIST (\\Subscribed \\HasNoChildren) \"/\" Lists/Lemonade"});
  co_await fine(two, "COPY 1 Lists/Lemonade");
  co_await hears(one, {"* STATUS Lists/Lemonade (MESSAGES 1 UIDNEXT 2)"});
  co_await fine(two, "UNSUBSCRIBE Lists/Lemonade");
  co_await hears(one, {"* LIST (\\HasNoChildren) \"/\" Lists/Lemonade"});
  co_await fine(two, "COPY 1 Lists/Lemonade");
  co_await hears_nothing(one);
}
TEST_CASE("NOTIFY: mailboxes that come, go and change their names, and subscriptions") { test::tell(names, 1); }

// §5.6, §5.7: names without values; private entries are told to who they belong to.
net::Task<void> metadata(World& world, Client& one, Client& two) {
  Client guest(world);
  co_await guest.login("", "u2@example.test");
  co_await fine(two, "SETACL INBOX u2@example.test lrw");
  co_await fine(one, "NOTIFY SET (personal (MailboxMetadataChange ServerMetadataChange))");
  co_await fine(two, "SETMETADATA INBOX (/private/comment \"x\" /shared/comment \"y\")");
  co_await hears(one, {"* METADATA INBOX /private/comment /shared/comment"});
  co_await fine(two, "SETMETADATA INBOX (/shared/comment NIL)");
  co_await hears(one, {"* METADATA INBOX /shared/comment"});
  co_await fine(two, "SETMETADATA \"\" (/private/vendor/x/y \"z\")");
  co_await hears(one, {"* METADATA \"\" /private/vendor/x/y"});
  co_await fine(one, "SETMETADATA INBOX (/private/comment NIL)");
  co_await hears_nothing(one);
  co_await fine(guest, "SETMETADATA \"Other Users/u1@example.test/INBOX\" (/private/comment \"own\")");
  co_await hears_nothing(one);
  co_await fine(guest, "SETMETADATA \"Other Users/u1@example.test/INBOX\" (/shared/comment \"ours\")");
  co_await hears(one, {"* METADATA INBOX /shared/comment"});
  co_await guest.end();
}
TEST_CASE("NOTIFY: entries that have changed") { test::tell(metadata, 0); }

// §3.1, §5.4, §5.9: mailboxes of others, whose rights come and go.
net::Task<void> shared(World& world, Client& owner, Client& two) {
  const std::string there = "\"Other Users/u1@example.test/INBOX\"";
  Client guest(world);
  co_await guest.login("", "u2@example.test");
  co_await fine(guest, "NOTIFY SET (subtree \"Other Users\" (MailboxName MessageNew MessageExpunge))");
  co_await fine(owner, "SETACL INBOX u2@example.test lr");
  co_await hears(guest, {"* LIST (\\HasNoChildren) \"/\" " + there,
                         "* LIST (\\NoSelect \\HasChildren) \"/\" \"Other Users/u1@example.test\""});
  co_await world.deliver(test::message(1));
  co_await hears(guest, {"* STATUS " + there + " (MESSAGES 1 UIDNEXT 2)"});
  co_await fine(owner, "SETACL INBOX u2@example.test l");
  co_await hears(guest, {"* LIST (\\NoAccess \\HasNoChildren) \"/\" " + there});
  co_await world.deliver(test::message(2));
  co_await hears_nothing(guest);
  CHECK(co_await guest.command("NOTIFY SET (mailboxes " + there + " (MessageNew MessageExpunge))") ==
        Lines{"* LIST (\\NoAccess \\HasNoChildren) \"/\" " + there, "t OK NOTIFY completed"});
  co_await fine(owner, "SETACL INBOX u2@example.test lr");
  co_await hears(guest, {"* LIST (\\HasNoChildren) \"/\" " + there});
  co_await world.deliver(test::message(3));
  co_await hears(guest, {"* STATUS " + there + " (MESSAGES 3 UIDNEXT 4)"});
  co_await fine(two, "DELETEACL INBOX u2@example.test");
  co_await hears(guest, {"* LIST (\\NonExistent \\NoAccess) \"/\" " + there});
  co_await world.deliver(test::message(4));
  co_await hears_nothing(guest);
  // Who may not even know of it is told nothing of it.
  CHECK(co_await guest.command("NOTIFY SET STATUS (mailboxes " + there + " (MessageNew MessageExpunge))") ==
        Lines{"t OK NOTIFY completed"});
  co_await guest.end();
}
TEST_CASE("NOTIFY: mailboxes of others, as far as the rights go") { test::tell(shared, 0); }

// §7: a search whose results are followed gives what comes to them.
net::Task<void> update(World& world, Client& one, Client& two) {
  CHECK(co_await one.command(
            "SEARCH RETURN (COUNT UPDATE (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])) SUBJECT \"message 1\"") ==
        Lines{"* ESEARCH (TAG \"t\") COUNT 1", "t OK SEARCH completed"});
  co_await world.deliver(test::message(13));
  CHECK(co_await one.command("NOOP") ==
        Lines{"* 3 EXISTS", "* 3 RECENT", "* 3 FETCH (UID 3 BODY[HEADER.FIELDS (SUBJECT)] {23}", "Subject: message 13",
              "", ")", "* ESEARCH (TAG \"t\") ADDTO (0 3)", "t OK NOOP completed"});
  co_await world.deliver(test::message(4));
  CHECK(co_await one.command("NOOP") == Lines{"* 4 EXISTS", "* 4 RECENT", "t OK NOOP completed"});
  // Not of what matches because its flags have changed.
  co_await fine(one, "CANCELUPDATE \"t\"");
  CHECK(co_await one.command("UID SEARCH RETURN (UPDATE(UID)) FLAGGED") == Lines{"t OK UID SEARCH completed"});
  co_await fine(two, "STORE 1 +FLAGS (\\Flagged)");
  CHECK(co_await one.command("NOOP") == Lines{"* 1 FETCH (UID 1 FLAGS (\\Flagged \\Recent))",
                                              "* ESEARCH (TAG \"t\") UID ADDTO (0 1)", "t OK NOOP completed"});
}
TEST_CASE("UPDATE gives data items of messages that come to the results") { test::tell(update, 2); }

// §5.8: more changes at once than the store keeps, while the client takes its time for a command.
net::Task<void> overflow(World& world, Client& one, Client&) {
  co_await fine(one,
                "NOTIFY SET (selected (MessageNew MessageExpunge)) (personal (MessageNew MessageExpunge MailboxName))");
  co_await one.send("t SEARCH SUBJECT {7}\r\n");
  CHECK(co_await one.line() == "+ go ahead");
  for (int i = 0; i < 5'100; ++i) {
    REQUIRE(co_await world.mail->unsubscribe(base::AccountId{1}, "Sent"));
    REQUIRE(co_await world.mail->subscribe(base::AccountId{1}, "Sent"));
  }
  co_await one.send("message\r\n");
  CHECK(co_await one.until("t ") == Lines{"* SEARCH 1", "t OK SEARCH completed"});
  co_await hears(one, {"* OK [NOTIFICATIONOVERFLOW] More has changed than can be told"});
  // As if NOTIFY NONE had come.
  co_await world.deliver(test::message(2));
  co_await world.deliver(test::message(2), "Archive");
  co_await hears_nothing(one);
}
TEST_CASE("NOTIFY ends in words when more has changed than is known") { test::tell(overflow, 1); }

// A command that is being sent is not interrupted.
net::Task<void> quiet_within(World& world, Client& one, Client&) {
  co_await fine(one, "NOTIFY SET (selected (MessageNew MessageExpunge FlagChange))");
  co_await one.send("t SEARCH SUBJECT {7}\r\n");
  CHECK(co_await one.line() == "+ go ahead");
  co_await world.deliver(test::message(2));
  co_await net::sleep_for(std::chrono::milliseconds(20));
  co_await one.send("message\r\n");
  CHECK(co_await one.until("t ") == Lines{"* 2 EXISTS", "* 2 RECENT", "* SEARCH 1 2", "t OK SEARCH completed"});
}
TEST_CASE("NOTIFY: what is told waits for the end of a command") { test::tell(quiet_within, 1); }

// RFC 8437: it ends with the login.
net::Task<void> forgotten(World& world, Client& one, Client&) {
  co_await fine(one, "NOTIFY SET (personal (MessageNew MessageExpunge))");
  co_await fine(one, "UNAUTHENTICATE");
  co_await world.deliver(test::message(1), "Archive");
  co_await hears_nothing(one);
}
TEST_CASE("NOTIFY ends with the login") { test::tell(forgotten, 0); }

}  // namespace
}  // namespace imap
