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

}  // namespace
}  // namespace imap
