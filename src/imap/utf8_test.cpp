// UTF8=ACCEPT (RFC 6855), with two clients: one that has enabled it, one that has not. Expectations are written by hand
// from the standard.

#include <doctest/doctest.h>

#include "imap/test_kit.h"

namespace imap {
namespace {

using test::Client;
using test::tell;
using test::World;
using Lines = std::vector<std::string>;

// §3: each hears names in its own way, whoever gave them.
net::Task<void> named(World& world, Client& one, Client& two) {
  const Lines enabled = co_await one.command("ENABLE UTF8=ACCEPT");
  CHECK(enabled == Lines{"* ENABLED UTF8=ACCEPT", "t OK ENABLE completed"});
  (void)co_await one.command("CREATE \"Entwürfe & mehr\"");
  (void)co_await two.command("CREATE \"Caf&AOk-\"");
  const Lines own = co_await one.command("LIST \"\" (\"Café\" Entw*) RETURN (SUBSCRIBED MYRIGHTS STATUS (MESSAGES))");
  CHECK(own == Lines{"* LIST (\\HasNoChildren) \"/\" \"Café\"", "* MYRIGHTS \"Café\" lrswipkxteacd",
                     "* STATUS \"Café\" (MESSAGES 0)", "* LIST (\\HasNoChildren) \"/\" \"Entwürfe & mehr\"",
                     "* MYRIGHTS \"Entwürfe & mehr\" lrswipkxteacd", "* STATUS \"Entwürfe & mehr\" (MESSAGES 0)",
                     "t OK LIST completed"});
  const Lines other = co_await two.command("LIST \"\" (\"Caf*\" Entw*) RETURN (STATUS (MESSAGES))");
  CHECK(other == Lines{"* LIST (\\HasNoChildren) \"/\" Caf&AOk-", "* STATUS Caf&AOk- (MESSAGES 0)",
                       "* LIST (\\HasNoChildren) \"/\" \"Entw&APw-rfe &- mehr\"",
                       "* STATUS \"Entw&APw-rfe &- mehr\" (MESSAGES 0)", "t OK LIST completed"});
  // §3, MUST: UTF-8 in a quoted string is understood from every client.
  (void)co_await two.command("SUBSCRIBE \"Café\"");
  const Lines subscribed = co_await one.command("LSUB \"\" \"Caf%\"");
  CHECK(subscribed == Lines{"* LSUB () \"/\" \"Café\"", "t OK LSUB completed"});
  const Lines theirs = co_await two.command("LSUB \"\" \"Caf%\"");
  CHECK(theirs == Lines{"* LSUB () \"/\" Caf&AOk-", "t OK LSUB completed"});
  (void)co_await one.command(
      "RENAME \"Café\" \"Tee\xc2\xa0"
      "Ü\"");
  const Lines quota = co_await one.command(
      "GETQUOTAROOT \"Tee\xc2\xa0"
      "Ü\"");
  CHECK(quota[0] ==
        "* QUOTAROOT \"Tee\xc2\xa0"
        "Ü\" \"\"");
  const Lines moved = co_await two.command("STATUS Tee&AKAA3A- (MESSAGES)");
  CHECK(moved[0] == "* STATUS Tee&AKAA3A- (MESSAGES 0)");
  co_await world.deliver(test::message(1),
                         "Tee\xc2\xa0"
                         "Ü");
  const Lines found = co_await one.command(
      "ESEARCH IN (subtree \"Tee\xc2\xa0"
      "Ü\") ALL");
  CHECK(
      found[0].starts_with("* ESEARCH (TAG \"t\" MAILBOX \"Tee\xc2\xa0"
                           "Ü\" UIDVALIDITY "));
  const Lines unlike = co_await two.command("ESEARCH IN (subtree Tee&AKAA3A-) CHARSET UTF-8 ALL");
  CHECK(unlike[0].starts_with("* ESEARCH (TAG \"t\" MAILBOX Tee&AKAA3A- UIDVALIDITY "));
}
TEST_CASE("names are told in UTF-8 to who has enabled it, and to nobody else") { tell(named, 0); }

// §3, and RFC 4314: identifiers are addresses, which may be in UTF-8, too. Others get them as literals.
net::Task<void> granted(World& world, Client& one, Client& two) {
  world.directory.people.push_back({.id = base::AccountId{5}, .address = "jürgen@example.test"});
  (void)co_await one.command("ENABLE UTF8=ACCEPT");
  (void)co_await one.command("CREATE \"Büro\"");
  (void)co_await one.command("SETACL \"Büro\" \"jürgen@example.test\" lr");
  const Lines own = co_await one.command("GETACL \"Büro\"");
  CHECK(own[0] == "* ACL \"Büro\" u1@example.test lrswipkxteacd \"jürgen@example.test\" lr");
  const Lines other = co_await two.command("GETACL B&APw-ro");
  CHECK(other ==
        Lines{"* ACL B&APw-ro u1@example.test lrswipkxteacd {20}", "jürgen@example.test lr", "t OK GETACL completed"});
}
TEST_CASE("identifiers in UTF-8 are quoted for who has enabled it, and literals for others") { tell(granted, 0); }

// §3: nothing but UTF-8 in quoted strings; a search names no charset.
net::Task<void> strict(World&, Client& one, Client& two) {
  (void)co_await one.command("ENABLE UTF8=ACCEPT");
  for (Client* client : {&one, &two}) {
    for (const std::string text : {"\xfc", "\xc3", "\xe2\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80"}) {
      const Lines said = co_await client->command("SEARCH SUBJECT \"" + text + "\"");
      CHECK(said[0].starts_with("t BAD "));
    }
  }
  for (const std::string search : {"SEARCH", "UID SEARCH", "SEARCH RETURN (COUNT)", "ESEARCH IN (inboxes)"}) {
    const Lines said = co_await one.command(search + " CHARSET UTF-8 ALL");
    CHECK(said == Lines{"t BAD After ENABLE UTF8=ACCEPT the charset is UTF-8 and is not named"});
    const Lines other = co_await two.command(search + " CHARSET UTF-8 ALL");
    CHECK(other.back().starts_with("t OK "));
  }
  // A BAD leaves what was saved (RFC 5182 §2.1).
  (void)co_await one.command("SEARCH RETURN (SAVE) 1");
  (void)co_await one.command("SEARCH RETURN (SAVE) CHARSET UTF-8 2");
  const Lines kept = co_await one.command("FETCH $ (UID)");
  CHECK(kept == Lines{"* 1 FETCH (UID 1)", "t OK FETCH completed"});
  const Lines sorted = co_await one.command("SORT (ARRIVAL) UTF-8 ALL");
  CHECK(sorted[0] == "* SORT 1 2");
}
TEST_CASE("what is not UTF-8 is no string, and a search in UTF-8 names no charset") { tell(strict, 2); }

// §4: a message comes with its header in UTF-8 and is the same for everybody.
net::Task<void> appended(World& world, Client& one, Client& two) {
  (void)co_await one.command("ENABLE UTF8=ACCEPT");
  const std::string message = "From: Jürgen <jürgen@example.test>\r\nSubject: Grüße\r\n\r\nHej!\r\n";
  const std::string size = std::to_string(message.size());
  const Lines taken = co_await one.command("APPEND INBOX UTF8 (~{" + size + "+}\r\n" + message + ")");
  CHECK(taken.back().ends_with(" 1] APPEND completed"));
  const Lines read = co_await two.command("FETCH 1 (BODY.PEEK[HEADER.FIELDS (SUBJECT)])");
  CHECK(read == Lines{"* 1 EXISTS", "* 0 RECENT", "* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {20}", "Subject: Grüße", "",
                      ")", "t OK FETCH completed"});
  const std::string header = "Subject: " + std::string("\xfc\r\n\r\n");
  const std::string plain =
      "Subject: x\r\n\r\nGr\xfc\xdf"
      "e\r\n";
  const auto literal = [](const std::string& text) { return "{" + std::to_string(text.size()) + "+}\r\n" + text; };
  // What old mail is like is taken from every client, until the operator wants the standard's MUST.
  const Lines old = co_await two.command("APPEND INBOX " + literal(header));
  CHECK(old.back().ends_with(" 2] APPEND completed"));
  world.config.append_8bit_headers = false;
  world.live.set(world.config);
  const Lines refused = co_await two.command("APPEND INBOX " + literal(header));
  CHECK(refused == Lines{"t NO [CANNOT] Header fields that are not ASCII need ENABLE UTF8=ACCEPT first"});
  const Lines all{"APPEND INBOX " + literal(plain) + " UTF8 (~" + literal(header) + ")",
                  "APPEND INBOX CATENATE (URL \"/INBOX/;UID=1\")",
                  "APPEND INBOX CATENATE (UTF8 (~" + literal(header) + "))", "REPLACE 1 INBOX " + literal(header)};
  for (const std::string& what : all) {
    const Lines said = co_await two.command(what);
    CHECK(said.back().starts_with("t NO [CANNOT] "));
  }
  const Lines body = co_await two.command("APPEND INBOX " + literal(plain));
  CHECK(body.back().ends_with(" 3] APPEND completed"));
  const Lines still = co_await one.command("APPEND INBOX UTF8 (~" + literal(header) + ")");
  CHECK(still.back().ends_with(" 4] APPEND completed"));
  // RFC 8437 §3.
  (void)co_await one.command("UNAUTHENTICATE");
  (void)co_await one.command("LOGIN u1@example.test test");
  const Lines forgotten = co_await one.command("APPEND INBOX UTF8 (~" + literal(header) + ")");
  CHECK(forgotten.back().starts_with("t NO [CANNOT] "));
}
TEST_CASE("headers in UTF-8 are appended, and refused from others where the operator wants it") { tell(appended, 0); }

}  // namespace
}  // namespace imap
