// MESSAGELIMIT (RFC 9738): a client works its way through a mailbox from the newest messages down, while another one
// changes it.

#include "imap/message_limit.h"

#include <doctest/doctest.h>

#include "imap/test_kit.h"

namespace imap {
namespace {

using test::Client;
using test::World;
using Lines = std::vector<std::string>;

void limited_to(std::uint32_t limit, test::Story story, int messages) {
  World world;
  world.config.max_messages = limit;
  net::run(test::with_two(world, story, messages));
}

net::Task<void> downwards(World& world, Client& one, Client& two) {
  CHECK(co_await one.command("UID FETCH 1:* (UID)") ==
        Lines{"* 4 FETCH (UID 4)", "* 5 FETCH (UID 5)", "t OK [MESSAGELIMIT 2 4] UID FETCH completed"});
  // What goes meanwhile does not take the place of others.
  (void)co_await two.command("STORE 3 +FLAGS.SILENT (\\Deleted)");
  (void)co_await two.command("EXPUNGE");
  Lines said = co_await one.command("UID FETCH 1:3 (UID)");
  REQUIRE(said.size() == 4);
  CHECK(said[0] == "* 3 EXPUNGE");
  CHECK(said[1] == "* 1 FETCH (UID 1)");
  CHECK(said[2] == "* 2 FETCH (UID 2)");
  CHECK(said[3] == "t OK UID FETCH completed");
  // Moved in parts, and each is told of once, with the code that the reply has already.
  (void)co_await one.command("ENABLE QRESYNC");
  said = co_await one.command("UID MOVE 1:* Archive");
  REQUIRE(said.size() == 4);
  CHECK(said[0].find("COPYUID") != std::string::npos);
  CHECK(said[0].find(" 4:5 1:2]") != std::string::npos);
  CHECK(said[1] == "* VANISHED 4:5");
  CHECK(said[2] == "* NO [MESSAGELIMIT 2 4] There are more messages, with lower UIDs");
  CHECK(said[3].starts_with("t OK [HIGHESTMODSEQ "));
  said = co_await one.command("UID MOVE 1:* Archive");
  CHECK(said[1] == "* VANISHED 1:2");
  CHECK(said[2].starts_with("t OK [HIGHESTMODSEQ "));
  CHECK(co_await two.command("NOOP") ==
        Lines{"* 4 EXPUNGE", "* 3 EXPUNGE", "* 2 EXPUNGE", "* 1 EXPUNGE", "t OK NOOP completed"});
  co_await world.deliver(test::message(9));
  // What was saved is what was looked at.
  (void)co_await two.command("SELECT Archive");
  CHECK(co_await two.command("SEARCH RETURN (SAVE COUNT) ALL") ==
        Lines{"* ESEARCH (TAG \"t\") COUNT 2", "t OK [MESSAGELIMIT 2 3] SEARCH completed"});
  CHECK(co_await two.command("FETCH $ (UID)") ==
        Lines{"* 3 FETCH (UID 3)", "* 4 FETCH (UID 4)", "t OK FETCH completed"});
}
TEST_CASE("a limit of messages a command: from the newest down, while others change the mailbox") {
  limited_to(2, downwards, 5);
}

net::Task<void> keys(World&, Client& one, Client&) {
  const auto found = [&](const std::string& key) -> net::Task<std::string> {
    co_return (co_await one.command("UID SEARCH " + key)).back();
  };
  CHECK(co_await found("UID 1:3") == "t OK UID SEARCH completed");
  CHECK(co_await found("UNSEEN UID 1:5 UID 2:4") == "t OK UID SEARCH completed");
  CHECK(co_await found("NOT UID 4:9") == "t OK [MESSAGELIMIT 3 6] UID SEARCH completed");
  CHECK(co_await found("(UID 1:2) UNSEEN") == "t OK UID SEARCH completed");
  CHECK(co_await found("(UID 1:2 SEEN) UNSEEN") == "t OK [MESSAGELIMIT 3 6] UID SEARCH completed");
  CHECK(co_await found("UID 1:2,4,8:20") == "t OK [MESSAGELIMIT 3 2] UID SEARCH completed");
  CHECK(co_await found("UID 1:5,100:200") == "t OK [MESSAGELIMIT 3 3] UID SEARCH completed");
  CHECK(co_await found("*") == "t OK UID SEARCH completed");
  CHECK(co_await found("5:99") == "t OK [MESSAGELIMIT 3 6] UID SEARCH completed");
}
TEST_CASE("a search looks at what the sets among its topmost keys leave") { limited_to(3, keys, 8); }

net::Task<void> several(World& world, Client& one, Client& two) {
  for (int i = 1; i <= 4; ++i) co_await world.deliver(test::message(i), "Archive");
  const auto validity = [&](std::string name) -> net::Task<std::string> {
    const auto box = co_await world.mail->mailbox(base::AccountId{1}, name);
    REQUIRE(box.has_value());
    co_return name + " UIDVALIDITY " + std::to_string(box->uid_validity);
  };
  const std::string inbox = "* ESEARCH (TAG \"t\" MAILBOX " + co_await validity("INBOX") + ") UID ALL ";
  const std::string archive = "* ESEARCH (TAG \"t\" MAILBOX " + co_await validity("Archive") + ") UID ALL ";
  const std::string done = "t OK ESEARCH completed";
  const Lines refused{"t NO [MESSAGELIMIT 3] These are more messages than one command may work on"};
  const auto search = [&](const std::string& what) { return one.command("ESEARCH IN " + what); };
  // What the keys leave of both mailboxes counts, whatever is found in it.
  CHECK(co_await search("(personal) ALL") == refused);
  CHECK(co_await search("(personal) UID 1") == Lines{inbox + "1", archive + "1", done});
  CHECK(co_await search("(personal) UID 1:2") == refused);
  CHECK(co_await search("(personal) UID 1:2 SEEN") == refused);
  CHECK(co_await search("(personal) UNSEEN UID 1:3 UID 3:9") == Lines{inbox + "3", archive + "3", done});
  CHECK(co_await search("(personal) UID 4:9") == Lines{inbox + "4:5", archive + "4", done});
  CHECK(co_await search("(personal) UID 3:9") == refused);
  CHECK(co_await search("(personal) *") == Lines{inbox + "5", archive + "4", done});
  CHECK(co_await search("(personal) UIDAFTER 3") == Lines{inbox + "4:5", archive + "4", done});
  CHECK(co_await search("(personal) OR UID 1 UID 2") == refused);
  CHECK(co_await search("(personal) NOT UID 2:9") == refused);
  CHECK(co_await search("(mailboxes Archive) UID 2:4") == Lines{archive + "2:4", done});
  CHECK(co_await search("(mailboxes Archive) UID 1:4") == refused);
  // $ is of the selected mailbox, and empty when a search that was to be saved is refused (RFC 9051 §6.4.4.1).
  (void)co_await one.command("UID SEARCH RETURN (SAVE) UID 2:4");
  CHECK(co_await search("(personal) $") == Lines{inbox + "2:4", done});
  CHECK(co_await search("(selected) RETURN (SAVE) ALL") == refused);
  CHECK(co_await one.command("UID SEARCH $") == Lines{"* SEARCH", "t OK UID SEARCH completed"});
  // Each mailbox counts as it is at the time.
  (void)co_await two.command("STORE 4 +FLAGS.SILENT (\\Deleted)");
  (void)co_await two.command("EXPUNGE");
  co_await world.deliver(test::message(5), "Archive");
  CHECK((co_await search("(personal) UID 4:9")).back() == done);
  co_await world.deliver(test::message(6), "Archive");
  CHECK((co_await search("(personal) UID 4:9")).back() == refused[0]);
}
TEST_CASE("a search of several mailboxes counts what the sets among its topmost keys leave of each") {
  limited_to(3, several, 5);
}

}  // namespace
}  // namespace imap
