// METADATA, LIST-METADATA and FILTERS (RFC 5464, RFC 9590, RFC 5466) with two people and two sessions. Expectations by
// hand from the standards. u1 owns, u2 comes.

#include <doctest/doctest.h>

#include "imap/server_entries.h"
#include "imap/test_kit.h"

namespace imap {
namespace {

using test::Client;
using test::World;
using Lines = std::vector<std::string>;

const std::string kInbox = "\"Other Users/u1@example.test/INBOX\"";

void with_entries(test::Story story) {
  World world;
  world.config.server_entries = {*parse_server_entry("/shared/comment = Welcome"),
                                 *parse_server_entry("/shared/admin=mailto:postmaster@example.test"),
                                 *parse_server_entry("/shared/filters/values/big = LARGER 1000"),
                                 *parse_server_entry("/shared/filters/values/mine = SUBJECT \"message 3\"")};
  test::share(world, story, 0);
}

net::Task<void> expect(Client& client, std::string command, Lines lines) {
  const Lines said = co_await client.command(command);
  CHECK_MESSAGE(said == lines, command);
}

// RFC 5464 §3.3: l and one of r, s, w, i, p.
net::Task<void> rights(World&, Client& owner, Client& guest) {
  co_await expect(owner, "SETMETADATA INBOX (/shared/comment \"ours\" /private/comment \"the owner's\")",
                  {"t OK SETMETADATA completed"});
  co_await expect(guest, "GETMETADATA " + kInbox + " /shared/comment",
                  {"t NO [NONEXISTENT] there is no mailbox of that name"});
  for (const std::string none : {"l", "la", "lkx", "lte"}) {
    (void)co_await owner.command("SETACL INBOX u2@example.test " + none);
    co_await expect(guest, "GETMETADATA " + kInbox + " /shared/comment",
                    {"t NO [NOPERM] You do not have the rights for entries of this mailbox"});
    co_await expect(guest, "SETMETADATA " + kInbox + " (/private/comment \"mine\")",
                    {"t NO [NOPERM] You do not have the rights for entries of this mailbox"});
    CHECK((co_await guest.command("LIST \"\" " + kInbox + " RETURN (METADATA (/shared/comment))")).size() == 2);
  }
  for (const std::string some : {"lr", "ls", "lw", "li", "lp"}) {
    (void)co_await owner.command("SETACL INBOX u2@example.test " + some);
    co_await expect(guest, "GETMETADATA " + kInbox + " /shared/comment",
                    {"* METADATA " + kInbox + " (/shared/comment \"ours\")", "t OK GETMETADATA completed"});
    co_await expect(guest, "SETMETADATA " + kInbox + " (/private/comment \"with " + some + "\")",
                    {"t OK SETMETADATA completed"});
  }
  (void)co_await owner.command("SETACL INBOX u2@example.test rswip");
  co_await expect(guest, "GETMETADATA " + kInbox + " /shared/comment",
                  {"t NO [NONEXISTENT] there is no mailbox of that name"});
}
TEST_CASE("entries of a mailbox are for those who see it and may do something with its messages") {
  with_entries(rights);
}

// RFC 5464 §3.2: private entries are not visible to others; a shared one has a single value.
net::Task<void> scopes(World&, Client& owner, Client& guest) {
  (void)co_await owner.command("SETACL INBOX u2@example.test lr");
  co_await expect(owner, "SETMETADATA INBOX (/shared/comment \"ours\" /private/comment \"the owner's\")",
                  {"t OK SETMETADATA completed"});
  co_await expect(
      guest, "GETMETADATA " + kInbox + " (/shared/comment /private/comment)",
      {"* METADATA " + kInbox + " (/shared/comment \"ours\" /private/comment NIL)", "t OK GETMETADATA completed"});
  co_await expect(guest, "SETMETADATA " + kInbox + " (/private/comment \"the guest's\")",
                  {"t OK SETMETADATA completed"});
  // A reader may not write what all see; nothing of the command is done.
  co_await expect(guest, "SETMETADATA " + kInbox + " (/private/comment \"changed\" /shared/comment \"changed\")",
                  {"t NO [NOPERM] You do not have the rights for entries of this mailbox"});
  co_await expect(guest, "GETMETADATA (DEPTH infinity) " + kInbox + " (/private /shared)",
                  {"* METADATA " + kInbox + " (/private/comment \"the guest's\" /shared/comment \"ours\")",
                   "t OK GETMETADATA completed"});
  (void)co_await owner.command("SETACL INBOX u2@example.test lrw");
  co_await expect(guest, "SETMETADATA " + kInbox + " (/private/comment NIL /shared/comment \"the guest's\")",
                  {"t OK SETMETADATA completed"});
  co_await expect(owner, "GETMETADATA INBOX (/shared/comment /private/comment)",
                  {"* METADATA INBOX (/shared/comment \"the guest's\" /private/comment \"the owner's\")",
                   "t OK GETMETADATA completed"});
  co_await expect(
      guest, "LIST \"\" \"Other Users/*/INBOX\" RETURN (METADATA (/private/comment /shared/comment))",
      {"* LIST (\\HasNoChildren) \"/\" " + kInbox,
       "* METADATA " + kInbox + " (/private/comment NIL /shared/comment \"the guest's\")", "t OK LIST completed"});
  // RFC 6154 §4: the owner's.
  co_await expect(guest, "SETMETADATA " + kInbox + " (/private/specialuse \"\\\\Junk\")",
                  {"t NO [NOPERM] The special use of a mailbox is its owner's"});
  co_await expect(guest, "GETMETADATA " + kInbox + " /private/specialuse",
                  {"* METADATA " + kInbox + " (/private/specialuse NIL)", "t OK GETMETADATA completed"});
}
TEST_CASE("private entries are each reader's own, shared ones are the same for all") { with_entries(scopes); }

net::Task<void> bounds(World&, Client& owner, Client&) {
  const std::string most(16 * 1024, 'x');
  co_await expect(owner, "SETMETADATA INBOX (/private/comment {16384+}\r\n" + most + ")",
                  {"t OK SETMETADATA completed"});
  co_await expect(owner, "SETMETADATA INBOX (/private/a \"1\" /private/comment {16385+}\r\n" + most + "y)",
                  {"t NO [METADATA MAXSIZE 16384] The value of an entry is too long"});
  co_await expect(owner, "GETMETADATA INBOX /private/a",
                  {"* METADATA INBOX (/private/a NIL)", "t OK GETMETADATA completed"});
  std::string many;
  for (int i = 0; i < 100; ++i) many += " /private/vendor/x/" + std::to_string(i) + " v";
  CHECK((co_await owner.command("SETMETADATA INBOX (" + many.substr(1) + " /private/b \"v\")"))
            .back()
            .starts_with("t BAD"));
  std::string quoted;
  for (int i = 0; i < 100; ++i) quoted += " /private/vendor/x/" + std::to_string(i) + " \"v\"";
  co_await expect(owner, "SETMETADATA INBOX (" + quoted.substr(1) + ")", {"t OK SETMETADATA completed"});
  std::string next;
  for (int i = 100; i < 200; ++i) next += " /private/vendor/x/" + std::to_string(i) + " \"v\"";
  CHECK((co_await owner.command("SETMETADATA INBOX (" + next.substr(1) + ")"))
            .back()
            .starts_with("t NO [METADATA TOOMANY] "));
  CHECK((co_await owner.command("GETMETADATA (DEPTH infinity) INBOX /private/vendor"))[0].ends_with("/99 \"v\")"));
  // RFC 5464 §5, value: literal8, with any bytes.
  co_await owner.send("t SETMETADATA INBOX (/private/vendor/x/0 ~{3+}\r\n" + std::string("a\0b", 3) + ")\r\n");
  CHECK(co_await owner.until("t ") == Lines{"t OK SETMETADATA completed"});
  co_await expect(
      owner, "GETMETADATA INBOX /private/vendor/x/0",
      {"* METADATA INBOX (/private/vendor/x/0 ~{3}", std::string("a\0b", 3) + ")", "t OK GETMETADATA completed"});
}
TEST_CASE("the size and the number of entries are bounded, and their bytes are any") { with_entries(bounds); }

// RFC 5466 §3.1: a private filter before a shared one of the same name; they may name each other; where they are used.
net::Task<void> filters(World& world, Client& owner, Client& guest) {
  for (int i = 1; i <= 3; ++i) co_await world.deliver(test::message(i));
  co_await world.deliver(test::message(4, std::string(2000, 'x') + "\r\n"), "INBOX", {.system = mailstore::kSeen});
  (void)co_await owner.command("SELECT INBOX");
  co_await expect(owner, "SEARCH FILTER big", {"* SEARCH 4", "t OK SEARCH completed"});
  co_await expect(owner, "SEARCH FILTER mine", {"* SEARCH 3", "t OK SEARCH completed"});
  co_await expect(owner,
                  "SETMETADATA \"\" (/private/filters/values/mine \"OR SUBJECT \\\"message 1\\\" FILTER big\" "
                  "/private/filters/values/unread \"UNSEEN 2:*\")",
                  {"t OK SETMETADATA completed"});
  co_await expect(owner, "SEARCH FILTER mine", {"* SEARCH 1 4", "t OK SEARCH completed"});
  co_await expect(owner, "SEARCH FILTER MINE", {"* SEARCH 1 4", "t OK SEARCH completed"});
  co_await expect(owner, "SEARCH NOT FILTER mine FILTER unread", {"* SEARCH 2 3", "t OK SEARCH completed"});
  co_await expect(owner, "UID SEARCH RETURN (COUNT) OR FILTER mine 2",
                  {"* ESEARCH (TAG \"t\") UID COUNT 3", "t OK UID SEARCH completed"});
  co_await expect(owner, "SORT (REVERSE SIZE) UTF-8 FILTER mine", {"* SORT 4 1", "t OK SORT completed"});
  co_await expect(owner, "THREAD ORDEREDSUBJECT UTF-8 FILTER big", {"* THREAD (4)", "t OK THREAD completed"});
  co_await expect(owner, "SEARCH FUZZY FILTER big", {"* SEARCH 4", "t OK SEARCH completed"});
  const Lines found = co_await owner.command("ESEARCH IN (mailboxes INBOX) FILTER big");
  CHECK(found[0].ends_with(" UID ALL 4"));
  // §3.1, a loop: as if it were not there. And SAVE keeps nothing.
  co_await expect(owner,
                  "SETMETADATA \"\" (/private/filters/values/a \"FILTER b\" /private/filters/values/b \"FILTER a\")",
                  {"t OK SETMETADATA completed"});
  (void)co_await owner.command("SEARCH RETURN (SAVE) ALL");
  co_await expect(owner, "SEARCH RETURN (SAVE) FILTER a", {"t NO [UNDEFINED-FILTER a] There is no such filter"});
  co_await expect(owner, "SEARCH $", {"* SEARCH", "t OK SEARCH completed"});
  // Three of them one in another must do; here it are nine.
  std::string chain;
  for (int i = 1; i < 9; ++i) {
    chain += "/private/filters/values/c" + std::to_string(i) + " \"FILTER c" + std::to_string(i + 1) + "\" ";
  }
  co_await expect(owner, "SETMETADATA \"\" (" + chain + "/private/filters/values/c9 \"SEEN\")",
                  {"t OK SETMETADATA completed"});
  co_await expect(owner, "SEARCH FILTER c1", {"* SEARCH 4", "t OK SEARCH completed"});
  // What grows beyond any search is refused.
  std::string wide = "SEEN";
  for (int i = 0; i < 40; ++i) wide += " FILTER w2";
  std::string wide2 = "SEEN";
  for (int i = 0; i < 40; ++i) wide2 += " SEEN";
  co_await expect(
      owner,
      "SETMETADATA \"\" (/private/filters/values/w1 \"" + wide + "\" /private/filters/values/w2 \"" + wide2 + "\")",
      {"t OK SETMETADATA completed"});
  CHECK((co_await owner.command("SEARCH FILTER w1")).back().starts_with("t NO [LIMIT] With its filters"));
  // Another person has the shared ones alone.
  (void)co_await guest.command("SELECT INBOX");
  co_await expect(guest, "SEARCH FILTER mine", {"* SEARCH", "t OK SEARCH completed"});
  co_await expect(guest, "SEARCH FILTER unread", {"t NO [UNDEFINED-FILTER unread] There is no such filter"});
  // A second session of the same person uses what the first has just stored.
  Client second(world);
  co_await second.login();
  co_await expect(second, "SEARCH FILTER unread", {"* SEARCH 2 3", "t OK SEARCH completed"});
  co_await expect(owner, "SETMETADATA \"\" (/private/filters/values/unread NIL)", {"t OK SETMETADATA completed"});
  co_await expect(second, "SEARCH FILTER unread", {"t NO [UNDEFINED-FILTER unread] There is no such filter"});
  co_await second.end();
}
TEST_CASE("searches under a name, one's own and the operator's") { with_entries(filters); }

// RFC 5464 §3.2.1.1.
net::Task<void> server_story(World& world, Client& owner, Client& guest) {
  for (Client* each : {&owner, &guest}) {
    co_await expect(*each, "GETMETADATA \"\" (/shared/comment /shared/admin)",
                    {"* METADATA \"\" (/shared/comment \"Welcome\" /shared/admin \"mailto:postmaster@example.test\")",
                     "t OK GETMETADATA completed"});
    co_await expect(*each, "SETMETADATA \"\" (/private/vendor/x/y \"1\" /shared/comment \"mine\")",
                    {"t NO [NOPERM] Shared entries of the server are the operator's"});
  }
  co_await expect(owner, "SETMETADATA \"\" (/private/vendor/x/y \"one\")", {"t OK SETMETADATA completed"});
  co_await expect(guest, "GETMETADATA \"\" /private/vendor/x/y",
                  {"* METADATA \"\" (/private/vendor/x/y NIL)", "t OK GETMETADATA completed"});
  Client second(world);
  co_await second.login("");
  co_await expect(second, "GETMETADATA \"\" /private/vendor/x/y",
                  {"* METADATA \"\" (/private/vendor/x/y \"one\")", "t OK GETMETADATA completed"});
  co_await second.end();
}
TEST_CASE("the server's entries are the operator's, and each user's own") { with_entries(server_story); }

TEST_CASE("entries that the operator may give") {
  CHECK(parse_server_entry("/shared/comment = a = b")->value == "a = b");
  CHECK(parse_server_entry("/shared/comment=")->value.empty());
  CHECK(parse_server_entry("/shared/admin = tel:+1-201-555-0123"));
  for (const char* bad :
       {"/shared/comment", "/private/comment = x", "/shared//x = y", "= x", "/shared/admin = postmaster",
        "/shared/admin = :x", "/shared/filters/values/x = OR SEEN", "/shared/filters/values/x ="}) {
    CHECK_FALSE_MESSAGE(parse_server_entry(bad).has_value(), bad);
  }
}

}  // namespace
}  // namespace imap
