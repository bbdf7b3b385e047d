// ACL and shared mailboxes (RFC 4314, RFC 8440, RFC 2342): two people, and what the one gives the other. Expectations
// by hand from the standards. u1 owns, u2 comes; u3 is of another domain, staff is a group with u2 in it.

#include <doctest/doctest.h>

#include "imap/test_kit.h"

namespace imap {
namespace {

using test::Client;
using test::World;
using Lines = std::vector<std::string>;

const std::string kInbox = "\"Other Users/u1@example.test/INBOX\"";

net::Task<void> give(Client& owner, std::string rights, std::string mailbox = "INBOX",
                     std::string who = "u2@example.test") {
  const Lines said = co_await owner.command("SETACL " + mailbox + " " + who + " " + rights);
  CHECK(said.back() == "t OK SETACL completed");
}

bool has(const Lines& lines, std::string_view part) {
  return std::ranges::any_of(lines, [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

// RFC 4314 §4: LIST shows what one has the right l to, and SELECT wants r.
net::Task<void> visible(World& world, Client& owner, Client& guest) {
  CHECK(co_await guest.command("LIST \"\" \"Other Users/*\"") == Lines{"t OK LIST completed"});
  co_await give(owner, "l");
  CHECK(co_await guest.command("LIST \"\" \"Other Users/*\"") ==
        Lines{"* LIST (\\NoSelect \\HasChildren) \"/\" \"Other Users/u1@example.test\"",
              "* LIST (\\HasNoChildren) \"/\" \"Other Users/u1@example.test/INBOX\"", "t OK LIST completed"});
  CHECK(has(co_await guest.command("LIST \"\" %"), "* LIST (\\NoSelect \\HasChildren) \"/\" \"Other Users\""));
  CHECK((co_await guest.command("SELECT " + kInbox)).back() ==
        "t NO [NOPERM] this wants the rights r, and of them you have none");
  CHECK((co_await guest.command("STATUS " + kInbox + " (MESSAGES)")).back().starts_with("t NO [NOPERM]"));
  // Without l it is as if it were not there, for whoever has no right that the command wants.
  co_await give(owner, "i");
  CHECK(co_await guest.command("LIST \"\" \"Other Users/*\"") == Lines{"t OK LIST completed"});
  CHECK((co_await guest.command("SELECT " + kInbox)).back() == "t NO [NONEXISTENT] there is no mailbox of that name");
  co_await give(owner, "lr");
  // RFC 8440 §3.
  CHECK(co_await guest.command("LIST \"\" \"Other Users/*/INBOX\" RETURN (MYRIGHTS STATUS (MESSAGES))") ==
        Lines{"* LIST (\\HasNoChildren) \"/\" \"Other Users/u1@example.test/INBOX\"",
              "* MYRIGHTS \"Other Users/u1@example.test/INBOX\" lr",
              "* STATUS \"Other Users/u1@example.test/INBOX\" (MESSAGES 2)", "t OK LIST completed"});
  CHECK(co_await guest.command("MYRIGHTS " + kInbox) ==
        Lines{"* MYRIGHTS \"Other Users/u1@example.test/INBOX\" lr", "t OK MYRIGHTS completed"});
  CHECK((co_await guest.command("GETACL " + kInbox)).back().starts_with("t NO [NOPERM]"));
  // What others of the same and of another domain see.
  Client stranger(world);
  co_await stranger.login("", "u3@other.test");
  CHECK(co_await stranger.command("LIST \"\" \"Other Users/*\"") == Lines{"t OK LIST completed"});
  co_await give(owner, "lr", "INBOX", "anyone");
  CHECK(co_await stranger.command("LIST \"\" \"Other Users/*\"") == Lines{"t OK LIST completed"});
  CHECK((co_await stranger.command("SELECT " + kInbox)).back().starts_with("t NO [NONEXISTENT]"));
  // People do not find out who is of other domains; the operator may name them.
  CHECK((co_await owner.command("SETACL INBOX u3@other.test lr")).back() ==
        "t NO [NONEXISTENT] there is no account and no group u3@other.test");
  const auto inbox = co_await world.mail->mailbox(base::AccountId{1}, "INBOX");
  REQUIRE(inbox);
  REQUIRE(co_await world.mail->change_acl(base::AccountId{1}, inbox->id,
                                          {.grantee = {.account = base::AccountId{3}}, .rights = mailstore::kRead}));
  co_await give(owner, "+l", "INBOX", "u3@other.test");
  CHECK((co_await stranger.command("SELECT " + kInbox)).back() == "t OK [READ-ONLY] SELECT completed");
  co_await stranger.end();
}
TEST_CASE("who has the right l sees a mailbox, and who has r reads it") { test::share(visible, 2); }

// RFC 4314 §5.1.1, §5.2: flags that may be changed, and READ-ONLY where nothing may be.
net::Task<void> selected(World&, Client& owner, Client& guest) {
  co_await give(owner, "lr");
  Lines lines = co_await guest.command("SELECT " + kInbox);
  CHECK(has(lines, "* OK [PERMANENTFLAGS ()]"));
  CHECK(lines.back() == "t OK [READ-ONLY] SELECT completed");
  CHECK((co_await guest.command("STORE 1 +FLAGS (\\Flagged)")).back().starts_with("t NO"));
  co_await give(owner, "lrs");
  lines = co_await guest.command("SELECT " + kInbox);
  CHECK(has(lines, "* OK [PERMANENTFLAGS (\\Seen)]"));
  CHECK(lines.back() == "t OK [READ-WRITE] SELECT completed");
  // §4, STORE: what may be changed is, the rest is left as it is, and NO only when nothing may be.
  CHECK((co_await guest.command("STORE 1 +FLAGS (\\Flagged)")).back().starts_with("t NO [NOPERM]"));
  lines = co_await guest.command("STORE 1 FLAGS (\\Seen \\Flagged $Work)");
  CHECK(lines == Lines{"* 1 FETCH (FLAGS (\\Seen))", "t OK STORE completed"});
  CHECK(co_await owner.command("NOOP") == Lines{"t OK NOOP completed"});  // that it is seen is the guest's
  (void)co_await owner.command("STORE 1 +FLAGS (\\Deleted $Work)");
  lines = co_await guest.command("STORE 1 FLAGS ()");
  CHECK(has(lines, "* 1 FETCH (FLAGS (\\Deleted $Work))"));
  // A right that is withheld counts more than one that a group gives.
  co_await give(owner, "lrswte", "INBOX", "staff@example.test");
  co_await give(owner, "w", "INBOX", "-u2@example.test");
  lines = co_await guest.command("MYRIGHTS " + kInbox);
  CHECK(has(lines, " lrste"));
}
TEST_CASE("flags are changed as far as the rights go") { test::share(selected, 2); }

// RFC 4314 §4: FETCH marks as seen only with s; EXPUNGE wants e, CLOSE does without.
net::Task<void> fetched(World&, Client& owner, Client& guest) {
  co_await give(owner, "lrt");
  (void)co_await guest.command("SELECT " + kInbox);
  CHECK_FALSE(has(co_await guest.command("FETCH 1 (BODY[TEXT])"), "\\Seen"));
  CHECK(has(co_await guest.command("STORE 1 +FLAGS (\\Deleted)"), "\\Deleted"));
  CHECK((co_await guest.command("EXPUNGE")).back().starts_with("t NO [NOPERM]"));
  CHECK((co_await guest.command("MOVE 1 INBOX")).back().starts_with("t NO [NOPERM]"));
  CHECK((co_await guest.command("REPLACE 1 INBOX {1+}\r\nx")).back().starts_with("t NO [NOPERM]"));
  CHECK((co_await guest.command("CLOSE")).back() == "t OK CLOSE completed");
  CHECK(has(co_await owner.command("STATUS INBOX (MESSAGES)"), "MESSAGES 2"));
  co_await give(owner, "lrste");
  (void)co_await guest.command("SELECT " + kInbox);
  CHECK(has(co_await guest.command("FETCH 2 (BODY[TEXT])"), "\\Seen"));
  CHECK(has(co_await guest.command("EXPUNGE"), "* 1 EXPUNGE"));
  const Lines told = co_await owner.command("NOOP");
  CHECK(has(told, "* 1 EXPUNGE"));
}
TEST_CASE("reading marks as seen, and removing removes, for those who may") { test::share(fetched, 2); }

/// Whether a message is told to have, or not to have, \Seen.
bool tells_seen(const Lines& lines, int number, bool seen) {
  return std::ranges::any_of(lines, [&](const std::string& line) {
    return line.starts_with("* " + std::to_string(number) + " FETCH (") && line.find("FLAGS (") != std::string::npos &&
           (line.find("\\Seen") != std::string::npos) == seen;
  });
}

// RFC 3501 §2.3.2 leaves it open whose \Seen it is. Each has its own here: neither is told what the other reads, and
// counts, searches and mod-sequences (RFC 7162) are one's own, too.
net::Task<void> seen_by_each(World& world, Client& owner, Client& guest) {
  co_await give(owner, "lrswi");
  (void)co_await guest.command("ENABLE CONDSTORE");
  (void)co_await guest.command("SELECT " + kInbox);
  CHECK(has(co_await guest.command("FETCH 1 (BODY[TEXT])"), "FLAGS (\\Seen"));
  CHECK(co_await owner.command("NOOP") == Lines{"t OK NOOP completed"});
  CHECK(has(co_await owner.command("FETCH 1:2 (FLAGS)"), "* 1 FETCH (FLAGS (\\Recent))"));
  CHECK(has(co_await owner.command("STATUS INBOX (UNSEEN)"), "(UNSEEN 3)"));
  CHECK(has(co_await guest.command("STATUS " + kInbox + " (UNSEEN)"), "(UNSEEN 2)"));
  CHECK(has(co_await guest.command("LIST \"\" \"Other Users/*/INBOX\" RETURN (STATUS (UNSEEN))"), "(UNSEEN 2)"));
  (void)co_await owner.command("STORE 2:3 +FLAGS (\\Seen)");
  (void)co_await guest.command("NOOP");
  CHECK(has(co_await guest.command("SEARCH SEEN"), "* SEARCH 1"));
  CHECK(has(co_await owner.command("SEARCH SEEN"), "* SEARCH 2 3"));
  CHECK(has(co_await guest.command("SELECT " + kInbox), "* OK [UNSEEN 2]"));
  // A second session of the guest hears of what the first reads; from then on it is told by CHANGEDSINCE, too.
  Client second(world);
  co_await second.login("", "u2@example.test");
  (void)co_await second.command("ENABLE CONDSTORE");
  const Lines selected = co_await second.command("SELECT " + kInbox);
  const auto line =
      std::ranges::find_if(selected, [](const auto& each) { return each.starts_with("* OK [HIGHESTMODSEQ "); });
  REQUIRE(line != selected.end());
  const std::string since = line->substr(20, line->find(']') - 20);
  (void)co_await guest.command("STORE 3 +FLAGS.SILENT (\\Seen)");
  CHECK(tells_seen(co_await second.command("NOOP"), 3, true));
  const Lines changed = co_await second.command("FETCH 1:* (FLAGS) (CHANGEDSINCE " + since + ")");
  CHECK(changed.size() == 2);
  CHECK(tells_seen(changed, 3, true));
  CHECK((co_await guest.command("STORE 2 (UNCHANGEDSINCE 1) +FLAGS (\\Seen)")).back().starts_with("t OK [MODIFIED 2]"));
  CHECK(has(co_await owner.command("SEARCH UNSEEN"), "* SEARCH 1"));
  // A message that the guest brings is read by the guest alone, and one that it takes along is as the guest has it.
  CHECK((co_await guest.command("APPEND " + kInbox + " (\\Seen \\Flagged) {17+}\r\nSubject: x\r\n\r\nabc"))
            .back()
            .starts_with("t OK [APPENDUID "));
  CHECK(tells_seen(co_await owner.command("FETCH 4 (FLAGS)"), 4, false));
  CHECK(tells_seen(co_await guest.command("FETCH 4 (FLAGS)"), 4, true));
  CHECK((co_await guest.command("COPY 1:2 INBOX")).back().starts_with("t OK [COPYUID "));
  (void)co_await guest.command("SELECT INBOX");
  CHECK(has(co_await guest.command("SEARCH SEEN"), "* SEARCH 1"));
  // The operator may have all share one; to the guest all has changed.
  (void)co_await second.command("NOOP");
  const auto inbox = co_await world.mail->mailbox(base::AccountId{1}, "INBOX");
  REQUIRE(inbox);
  REQUIRE(co_await world.mail->set_own_seen(base::AccountId{1}, inbox->id, false));
  const Lines told = co_await second.command("NOOP");
  CHECK(tells_seen(told, 1, false));
  CHECK(tells_seen(told, 2, true));
  (void)co_await second.command("STORE 1 +FLAGS.SILENT (\\Seen)");
  CHECK(tells_seen(co_await owner.command("NOOP"), 1, true));
  co_await second.end();
}
TEST_CASE("each reader of a mailbox has a \\Seen of its own, unless all are to share it") {
  test::share(seen_by_each, 3);
}

// RFC 4314 §4: APPEND and COPY want i, and keep the flags that may be set; a copy counts for the owner.
net::Task<void> filed(World&, Client& owner, Client& guest) {
  co_await give(owner, "lr");
  CHECK((co_await guest.command("APPEND " + kInbox + " {17+}\r\nSubject: x\r\n\r\nabc"))
            .back()
            .starts_with("t NO [NOPERM]"));
  co_await give(owner, "i");
  CHECK((co_await guest.command("APPEND " + kInbox + " (\\Seen \\Flagged $Work) {17+}\r\nSubject: x\r\n\r\nabc"))
            .back()
            .starts_with("t OK [APPENDUID "));
  CHECK(has(co_await owner.command("FETCH 2 (FLAGS)"), "* 2 FETCH (FLAGS (\\Recent))"));
  (void)co_await guest.command("APPEND INBOX (\\Seen \\Deleted) {17+}\r\nSubject: y\r\n\r\nabc");
  (void)co_await guest.command("SELECT INBOX");
  co_await give(owner, "lrst");
  CHECK((co_await guest.command("COPY 1 " + kInbox)).back().starts_with("t NO [NOPERM]"));
  co_await give(owner, "is");
  CHECK((co_await guest.command("COPY 1 " + kInbox)).back().starts_with("t OK [COPYUID "));
  CHECK(has(co_await owner.command("FETCH 3 (FLAGS)"), "* 3 FETCH (FLAGS (\\Recent))"));
  CHECK(has(co_await guest.command("GETQUOTA \"\""), "STORAGE 1 "));
  // To one's own, where all flags are one's own.
  co_await give(owner, "lrte");
  (void)co_await owner.command("STORE 1 FLAGS (\\Answered $Work)");
  (void)co_await guest.command("SELECT " + kInbox);
  CHECK(has(co_await guest.command("MOVE 1 Archive"), "* OK [COPYUID "));
  (void)co_await guest.command("SELECT Archive");
  CHECK(has(co_await guest.command("FETCH 1 (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])"), "\\Answered $Work"));
  CHECK(has(co_await guest.command("FETCH 1 (BODY.PEEK[])"), "Subject: message 1"));
  CHECK(has(co_await owner.command("STATUS INBOX (MESSAGES)"), "MESSAGES 2"));
}
TEST_CASE("messages come and go between people, with the flags that may be set") { test::share(filed, 1); }

// RFC 4314 §4: CREATE, RENAME, DELETE.
net::Task<void> hierarchy(World&, Client& owner, Client& guest) {
  const std::string top = "\"Other Users/u1@example.test/";
  (void)co_await owner.command("CREATE Work");
  co_await give(owner, "lr", "Work");
  CHECK((co_await guest.command("CREATE " + top + "Work/May\"")).back().starts_with("t NO [NOPERM]"));
  CHECK((co_await guest.command("CREATE " + top + "New\"")).back() == "t NO [NOPERM] you may not make mailboxes there");
  co_await give(owner, "lrk", "Work");
  CHECK((co_await guest.command("CREATE " + top + "Work/May/1\"")).back().starts_with("t OK"));
  CHECK(has(co_await guest.command("MYRIGHTS " + top + "Work/May/1\""), "lrk"));
  CHECK((co_await guest.command("DELETE " + top + "Work/May/1\"")).back().starts_with("t NO [NOPERM]"));
  CHECK((co_await guest.command("RENAME " + top + "Work/May/1\" " + top + "Work/2\""))
            .back()
            .starts_with("t NO [NOPERM]"));
  co_await give(owner, "+x", "Work/May/1");
  CHECK(
      (co_await guest.command("RENAME " + top + "Work/May/1\" " + top + "Free\"")).back().starts_with("t NO [NOPERM]"));
  CHECK((co_await guest.command("RENAME " + top + "Work/May/1\" Mine")).back().starts_with("t NO [CANNOT]"));
  CHECK((co_await guest.command("RENAME " + top + "Work/May/1\" " + top + "Work/2\"")).back() ==
        "t OK RENAME completed");
  CHECK(has(co_await owner.command("GETACL Work/2"), "u2@example.test lrkxc"));
  CHECK((co_await guest.command("DELETE " + top + "Work/2\"")).back() == "t OK DELETE completed");
  // INBOX stands above all that is at the top.
  co_await give(owner, "lk");
  CHECK((co_await guest.command("CREATE " + top + "Bills\"")).back().starts_with("t OK"));
  CHECK(has(co_await guest.command("MYRIGHTS " + top + "Bills\""), "lkc"));
  (void)co_await owner.command("CREATE Diary");
  CHECK_FALSE(has(co_await guest.command("LIST \"\" \"Other Users/*\""), "Diary"));
}
TEST_CASE("mailboxes of others are made, renamed and deleted with k and x") { test::share(hierarchy); }

// RFC 4314 §5.1.1 and promise 4 of the design: a change of rights holds from the next command on.
net::Task<void> changes(World& world, Client& owner, Client& guest) {
  co_await give(owner, "lrswte");
  (void)co_await guest.command("SELECT " + kInbox);
  co_await give(owner, "lrs");
  Lines lines = co_await guest.command("NOOP");
  CHECK(has(lines, "* OK [PERMANENTFLAGS (\\Seen)]"));
  CHECK((co_await guest.command("EXPUNGE")).back().starts_with("t NO [NOPERM]"));
  // By a group that one is no longer a member of.
  co_await give(owner, "\"\"");
  co_await give(owner, "lr", "INBOX", "staff@example.test");
  lines = co_await guest.command("FETCH 1 (UID)");
  CHECK(lines.back() == "t OK FETCH completed");
  world.directory.staff.clear();
  ++world.directory.now;
  co_await guest.send("t NOOP\r\n");
  lines = co_await guest.until("* BYE");
  CHECK(lines.back() == "* BYE You may no longer read the selected mailbox");
}
TEST_CASE("rights that are taken away are gone at once") { test::share(changes, 1); }

// Who waits in a mailbox of somebody else is told what comes, and that it may not be read any more.
net::Task<void> idle(World& world, Client& owner, Client& guest) {
  co_await give(owner, "lr");
  (void)co_await guest.command("SELECT " + kInbox);
  co_await guest.send("t IDLE\r\n");
  (void)co_await guest.until("+ idling");
  co_await world.deliver(test::message(2));
  CHECK(co_await guest.line() == "* 2 EXISTS");
  co_await give(owner, "l");
  const Lines lines = co_await guest.until("* BYE");
  CHECK(lines.back() == "* BYE You may no longer read the selected mailbox");
}
TEST_CASE("IDLE in a mailbox of somebody else") { test::share(idle, 1); }

// RFC 4314 §3: who has the right a may change the rights of others, and not the owner's.
net::Task<void> administered(World&, Client& owner, Client& guest) {
  co_await give(owner, "lra");
  CHECK((co_await guest.command("SETACL " + kInbox + " staff@example.test lr")).back() == "t OK SETACL completed");
  CHECK((co_await guest.command("SETACL " + kInbox + " u1@example.test \"\"")).back().starts_with("t NO [CANNOT]"));
  CHECK(co_await guest.command("GETACL " + kInbox) ==
        Lines{"* ACL \"Other Users/u1@example.test/INBOX\" u1@example.test lrswipkxteacd u2@example.test lra "
              "staff@example.test lr",
              "t OK GETACL completed"});
  CHECK((co_await guest.command("DELETEACL " + kInbox + " u2@example.test")).back() == "t OK DELETEACL completed");
  CHECK((co_await guest.command("GETACL " + kInbox)).back().starts_with("t NO [NOPERM]"));
  co_await give(owner, "s");
  co_await give(owner, "\"\"", "INBOX", "staff@example.test");
  CHECK((co_await guest.command("MYRIGHTS " + kInbox)).back().starts_with("t NO [NONEXISTENT]"));
}
TEST_CASE("administering is a right as well") { test::share(administered); }

// An account that is nobody's: its mailboxes are in "Shared/".
net::Task<void> nobodys(World& world, Client&, Client& guest) {
  const auto inbox = co_await world.mail->mailbox(base::AccountId{4}, "INBOX");
  REQUIRE(inbox);
  mailstore::AclChange change{.grantee = {.kind = mailstore::Grantee::Kind::group, .name = "staff@example.test"},
                              .rights = *mailstore::parse_rights("lrswitek")};
  REQUIRE(co_await world.mail->change_acl(base::AccountId{4}, inbox->id, change));
  CHECK(co_await guest.command("LIST \"\" \"Shared/%/%\"") ==
        Lines{"* LIST (\\HasNoChildren) \"/\" Shared/info@example.test/INBOX", "t OK LIST completed"});
  CHECK((co_await guest.command("SELECT \"Other Users/info@example.test/INBOX\""))
            .back()
            .starts_with("t NO [NONEXISTENT]"));
  CHECK((co_await guest.command("CREATE Shared/info@example.test/Done")).back().starts_with("t OK"));
  CHECK((co_await guest.command("SELECT Shared/info@example.test/Done")).back() ==
        "t OK [READ-WRITE] SELECT completed");
  CHECK((co_await guest.command("SUBSCRIBE Shared/info@example.test/INBOX")).back() == "t OK SUBSCRIBE completed");
  CHECK(has(co_await guest.command("LIST (SUBSCRIBED) \"\" \"Shared/*\""),
            "* LIST (\\Subscribed \\HasNoChildren) \"/\" Shared/info@example.test/INBOX"));
  CHECK((co_await guest.command("LOGOUT")).back() == "t OK LOGOUT completed");
}
TEST_CASE("mailboxes of nobody are shared by a group") { test::share(nobodys); }

// Names that a mailbox had before there were namespaces lead to it still.
net::Task<void> older(World& world, Client& owner, Client&) {
  REQUIRE(co_await world.mail->create_mailbox(base::AccountId{1}, "Shared/Recipes", mailstore::Role::none));
  CHECK((co_await owner.command("SELECT Shared/Recipes")).back() == "t OK [READ-WRITE] SELECT completed");
  CHECK(has(co_await owner.command("LIST \"\" \"Shared/%\""), "* LIST (\\HasNoChildren) \"/\" Shared/Recipes"));
  CHECK((co_await owner.command("RENAME Shared/Recipes Recipes")).back() == "t OK RENAME completed");
  CHECK((co_await owner.command("ESEARCH IN (selected) ALL")).back() == "t OK ESEARCH completed");
}
TEST_CASE("one's own mailboxes below the names of the namespaces stay in reach") { test::share(older); }

// RFC 7377: a guest's selected mailbox is searched as any.
net::Task<void> searched(World&, Client& owner, Client& guest) {
  co_await give(owner, "lr");
  (void)co_await guest.command("SELECT " + kInbox);
  const Lines lines = co_await guest.command("ESEARCH IN (selected) RETURN (ALL) SUBJECT message");
  CHECK(has(lines, "MAILBOX \"Other Users/u1@example.test/INBOX\" UIDVALIDITY"));
  CHECK(has(lines, "ALL 1:3"));
  CHECK(has(co_await guest.command("SORT (REVERSE SUBJECT) UTF-8 ALL"), "* SORT 3 2 1"));
  CHECK(has(co_await guest.command("THREAD REFERENCES UTF-8 TEXT Hello"), "* THREAD"));
}
TEST_CASE("searches, sorts and threads in a mailbox of somebody else") { test::share(searched, 3); }

}  // namespace
}  // namespace imap
