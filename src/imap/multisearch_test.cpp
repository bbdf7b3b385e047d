// One search of several mailboxes (RFC 7377), with two clients: what the one files, the other finds wherever it is.
// Expectations are written by hand from the standard.

#include <doctest/doctest.h>

#include "imap/test_kit.h"
#include "imap/test_mirror.h"

namespace imap {
namespace {

using test::Client;
using test::tell;
using test::World;
using Lines = std::vector<std::string>;

/// What is told of UIDVALIDITY aside.
Lines without_validity(Lines lines) {
  for (std::string& line : lines) {
    const std::size_t at = line.find(" UIDVALIDITY ");
    if (at != std::string::npos) line.erase(at, line.find(')', at) - at);
  }
  return lines;
}
net::Task<Lines> search(Client& client, std::string text) {
  co_return without_validity(co_await client.command("ESEARCH " + text));
}

net::Task<void> fill(World& world, Client& two) {
  for (const std::string name : {"Work", "Work/Plans", "Work/Plans/Old", "Workshop", "Quiet"}) {
    (void)co_await two.command("CREATE " + name);
  }
  co_await world.deliver(test::message(1), "Work");
  co_await world.deliver(test::message(2), "Work/Plans");
  co_await world.deliver(test::message(1), "Work/Plans");
  co_await world.deliver(test::message(1), "Work/Plans/Old");
  co_await world.deliver(test::message(1), "Workshop");
}

// RFC 7377 §2.1, §2.2: each mailbox with its correlators, and only those in which something is found.
net::Task<void> sources(World& world, Client& one, Client& two) {
  co_await fill(world, two);
  const Lines plain = co_await one.command("ESEARCH SUBJECT 1");
  REQUIRE(plain.size() == 2);
  CHECK(plain[0].starts_with("* ESEARCH (TAG \"t\" MAILBOX INBOX UIDVALIDITY "));
  CHECK(plain[0].ends_with(") UID ALL 1"));
  const Lines subtree = co_await search(one, "IN (subtree work) SUBJECT 1");
  CHECK(subtree == Lines{"t OK ESEARCH completed"});  // names are in their case
  const Lines all = co_await search(one, "IN (subtree Work) RETURN (COUNT MIN) SUBJECT 1");
  CHECK(all == Lines{"* ESEARCH (TAG \"t\" MAILBOX Work) UID MIN 1 COUNT 1",
                     "* ESEARCH (TAG \"t\" MAILBOX Work/Plans) UID MIN 2 COUNT 1",
                     "* ESEARCH (TAG \"t\" MAILBOX Work/Plans/Old) UID MIN 1 COUNT 1", "t OK ESEARCH completed"});
  const Lines level = co_await search(one, "IN (subtree-one Work) SUBJECT 1");
  CHECK(level == Lines{"* ESEARCH (TAG \"t\" MAILBOX Work) UID ALL 1",
                       "* ESEARCH (TAG \"t\" MAILBOX Work/Plans) UID ALL 2", "t OK ESEARCH completed"});
  // Each once, and what is not there is nothing.
  const Lines named =
      co_await search(one, "IN (mailboxes (Workshop inbox Nowhere) selected subtree Workshop) SUBJECT 1");
  CHECK(named == Lines{"* ESEARCH (TAG \"t\" MAILBOX INBOX) UID ALL 1",
                       "* ESEARCH (TAG \"t\" MAILBOX Workshop) UID ALL 1", "t OK ESEARCH completed"});
  (void)co_await two.command("SUBSCRIBE Work/Plans");
  const Lines subscribed = co_await search(one, "IN (subscribed) RETURN (COUNT) ALL");
  CHECK(subscribed == Lines{"* ESEARCH (TAG \"t\" MAILBOX INBOX) UID COUNT 2",
                            "* ESEARCH (TAG \"t\" MAILBOX Work/Plans) UID COUNT 2", "t OK ESEARCH completed"});
  const Lines inboxes = co_await search(one, "IN (inboxes) ALL");
  CHECK(inboxes == Lines{"* ESEARCH (TAG \"t\" MAILBOX INBOX) UID ALL 1:2", "t OK ESEARCH completed"});
  const Lines personal = co_await search(one, "IN (personal) RETURN (PARTIAL 2:9) ALL");
  CHECK(personal.size() == 6);  // those with one message have no second, which is said
  // §2.2: neither the selection nor the flags are touched.
  (void)co_await two.command("SELECT Work");
  const Lines same = co_await two.command("FETCH 1 (FLAGS)");
  CHECK(same == Lines{"* 1 FETCH (FLAGS (\\Recent))", "t OK FETCH completed"});
}
TEST_CASE("one search finds in many mailboxes") { tell(sources, 2); }

// §2.2: the states in which it may be asked, and what is only for the selected mailbox.
net::Task<void> limits(World& world, Client& one, Client& two) {
  co_await fill(world, two);
  // Numbers are those of each mailbox, "$" is what was saved in the selected one.
  (void)co_await one.command("SEARCH RETURN (SAVE) 1");
  const Lines numbers = co_await search(one, "IN (selected mailboxes Work/Plans) 2:5");
  CHECK(numbers == Lines{"* ESEARCH (TAG \"t\" MAILBOX INBOX) UID ALL 2",
                         "* ESEARCH (TAG \"t\" MAILBOX Work/Plans) UID ALL 2", "t OK ESEARCH completed"});
  const Lines saved = co_await search(one, "IN (selected mailboxes Work) $");
  CHECK(saved == Lines{"* ESEARCH (TAG \"t\" MAILBOX INBOX) UID ALL 1", "t OK ESEARCH completed"});
  const Lines save = co_await search(one, "RETURN (SAVE) 2");
  CHECK(save == Lines{"t OK ESEARCH completed"});
  const Lines kept = co_await one.command("SEARCH $");
  CHECK(kept[0] == "* SEARCH 2");
  const Lines wrong = co_await one.command("ESEARCH IN (selected mailboxes Work) RETURN (SAVE) 2");
  CHECK(wrong == Lines{"t BAD SAVE is for the selected mailbox alone"});
  (void)co_await two.command("UNSELECT");
  const Lines nothing = co_await two.command("ESEARCH ALL");
  CHECK(nothing == Lines{"t BAD There is no selected mailbox to search"});
  const Lines update = co_await two.command("ESEARCH IN (mailboxes Work) RETURN (UPDATE) ALL");
  CHECK(update == Lines{"t BAD There is no selected mailbox to search"});
  const Lines other = co_await search(two, "IN (mailboxes Work) ALL");
  CHECK(other == Lines{"* ESEARCH (TAG \"t\" MAILBOX Work) UID ALL 1", "t OK ESEARCH completed"});
}
TEST_CASE("a search of many mailboxes keeps apart what belongs to the selected one") { tell(limits, 2); }

// §2.2 with RFC 5267: only the selected mailbox is followed, and its updates have the correlators, too.
net::Task<void> updated(World& world, Client& one, Client& two) {
  co_await fill(world, two);
  const Lines begin = co_await search(one, "IN (personal) RETURN (UPDATE COUNT) SUBJECT 1");
  CHECK(begin.size() == 6);
  co_await world.deliver(test::message(1), "Work");
  co_await world.deliver(test::message(1));
  const Lines told = without_validity(co_await one.command("NOOP"));
  CHECK(told == Lines{"* 3 EXISTS", "* 3 RECENT", "* ESEARCH (TAG \"t\" MAILBOX INBOX) UID ADDTO (0 3)",
                      "t OK NOOP completed"});
  (void)co_await one.command("CANCELUPDATE \"t\"");
  const Lines never = co_await search(one, "IN (mailboxes Work) RETURN (UPDATE) SUBJECT 1");
  CHECK(never == Lines{"* NO [NOUPDATE \"t\"] Only the selected mailbox is followed, which was not searched",
                       "t OK ESEARCH completed"});
}
TEST_CASE("of many mailboxes the selected one is followed") { tell(updated, 2); }

}  // namespace
}  // namespace imap
