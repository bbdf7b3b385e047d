// URLs that authorise others (RFC 4467), with clients of two accounts: what the one gives away, the other reads, and no
// more than that. Expectations are written by hand from the standard.

#include <doctest/doctest.h>

#include <atomic>

#include "imap/test_kit.h"
#include "imap/test_mirror.h"

namespace imap {
namespace {

using test::behind;
using test::Client;
using test::World;
using Lines = std::vector<std::string>;

constexpr const char* kOwner = "imap://u1%40example.test@mail.example.test/";

std::string rump(std::string_view message, std::string_view access) {
  return kOwner + std::string(message) + ";URLAUTH=" + std::string(access);
}

/// The URL as the server gives it back.
net::Task<std::string> authorised(Client& owner, std::string url) {
  const Lines lines = co_await owner.command("GENURLAUTH \"" + url + "\" INTERNAL");
  CHECK(lines.back() == "t OK GENURLAUTH completed");
  const auto full = behind(lines[0], "* GENURLAUTH \"", '"');
  REQUIRE(full.has_value());
  // §5: the URL as it was given, the mechanism, and at least 128 bits in hexadecimal.
  REQUIRE(full->starts_with(url + ":internal:"));
  const std::string token = full->substr(url.size() + 10);
  CHECK(token.size() >= 32);
  CHECK(token.find_first_not_of("0123456789abcdef") == std::string::npos);
  co_return *full;
}

/// What URLFETCH gives for the one URL; "NIL" for that.
net::Task<std::string> fetched(Client& client, std::string url) {
  co_await client.send("t URLFETCH \"" + url + "\"\r\n");
  const Lines lines = co_await client.until("t ");
  CHECK(lines.back() == "t OK URLFETCH completed");
  const std::string head = "* URLFETCH \"" + url + "\" ";
  REQUIRE(lines[0].starts_with(head));
  const auto size = behind(lines[0].substr(head.size() - 1), " {", '}');
  if (!size) co_return lines[0].substr(head.size());
  std::string text;
  for (std::size_t i = 1; i < lines.size(); ++i) text += lines[i] + "\r\n";
  co_return text.substr(0, std::stoull(*size));
}

using Story = net::Task<void> (*)(World&, Client& owner, Client& other);

net::Task<void> with_both(World& world, Story story) {
  co_await world.deliver(test::message(1));
  co_await world.deliver(test::message(2, "Si vis pacem, para bellum.\r\n"));
  Client owner(world);
  Client other(world);
  co_await owner.login();
  (void)co_await other.line();
  (void)co_await other.command("LOGIN u2@example.test test");
  co_await story(world, owner, other);
  co_await owner.end();
  co_await other.end();
}

void tell(Story story, std::vector<std::string> submitters = {}, bool encrypted = false) {
  World world;
  world.config.submission_accounts = std::move(submitters);
  world.mode.implicit_tls = encrypted;
  if (encrypted) {
    world.tls = [] { return std::make_shared<tests::PlainAcceptor>(); };
  }
  net::run(with_both(world, story));
}

net::Task<void> given_away(World&, Client& owner, Client& other) {
  const std::string url = co_await authorised(owner, rump("INBOX/;UID=2/;SECTION=TEXT", "user+u2%40example.test"));
  CHECK(co_await fetched(other, url) == "Si vis pacem, para bellum.\r\n");
  // §6: nothing is decoded or folded, so no other spelling of the same is good, nor another message or section.
  for (const auto& [from, to] :
       {std::pair("UID=2", "UID=1"), std::pair("UID=2", "uid=2"), std::pair("TEXT", "HEADER"),
        std::pair("/;SECTION=TEXT", ""), std::pair("mail.example.test", "MAIL.example.test"),
        std::pair("INBOX", "Sent"), std::pair("INBOX", "No-such-box"),
        std::pair("u1%40example.test@", "u2%40example.test@"),
        std::pair("u1%40example.test@", "nobody%40example.test@"), std::pair("user+u2%40example.test", "anonymous")}) {
    CAPTURE(to);
    std::string changed = url;
    changed.replace(changed.find(from), std::string_view(from).size(), to);
    CHECK(co_await fetched(other, changed) == "NIL");
  }
  // The mechanism and the digits are no part of what is signed, and have no case.
  std::string shouted = url;
  shouted.replace(shouted.find("internal"), 8, "INTERNAL");
  CHECK(co_await fetched(other, shouted) == "Si vis pacem, para bellum.\r\n");
  std::string forged = url;
  forged.back() = forged.back() == '0' ? '1' : '0';
  CHECK(co_await fetched(other, forged) == "NIL");
  CHECK(co_await fetched(other, url.substr(0, url.size() - 2)) == "NIL");
  // §3: only for whom it is; the owner is somebody else.
  CHECK(co_await fetched(owner, url) == "NIL");
  // §7: it does not interfere with any mailbox: the message is unseen still, and none is selected.
  const Lines seen = co_await owner.command("SEARCH SEEN");
  CHECK(seen[0] == "* SEARCH");
  const Lines none = co_await other.command("FETCH 1 FLAGS");
  CHECK(none[0].starts_with("t BAD "));
}
TEST_CASE("one user reads what the other has authorised, and nothing else") { tell(given_away); }

net::Task<void> for_many(World&, Client& owner, Client& other) {
  const std::string anyone = co_await authorised(owner, rump("INBOX/;UID=1/;SECTION=TEXT", "anonymous"));
  const std::string users = co_await authorised(owner, rump("INBOX/;UID=1/;SECTION=TEXT/;PARTIAL=1.3", "authuser"));
  const std::string submitted = co_await authorised(owner, rump("INBOX/;UID=1", "submit+u1%40example.test"));
  const std::string nobody = co_await authorised(owner, rump("INBOX/;UID=1", "user+nobody%40example.test"));
  // §9: several in one response, each with its data.
  const Lines lines = co_await other.command("URLFETCH \"" + anyone + "\" \"" + submitted + "\" \"" + users + "\"");
  CHECK(lines == Lines{"* URLFETCH \"" + anyone + "\" {8}", "Hello.",
                       " \"" + submitted + "\" NIL \"" + users + "\" {3}", "ell", "t OK URLFETCH completed"});
  CHECK(co_await fetched(other, nobody) == "NIL");
  CHECK(co_await fetched(owner, submitted) == "NIL");
  const std::string beyond = co_await authorised(owner, rump("INBOX/;UID=1/;SECTION=TEXT/;PARTIAL=100.3", "anonymous"));
  CHECK(co_await fetched(other, beyond) == "\"\"");
  const std::string missing = co_await authorised(owner, rump("INBOX/;UID=77", "anonymous"));
  CHECK(co_await fetched(other, missing) == "NIL");
}
TEST_CASE("a URL for all users is good for each, one for submission or for nobody for none of them") { tell(for_many); }

net::Task<void> for_submission(World&, Client& owner, Client& other) {
  const std::string url = co_await authorised(owner, rump("INBOX/;UID=2/;SECTION=TEXT", "submit+u1%40example.test"));
  CHECK(co_await fetched(other, url) == "Si vis pacem, para bellum.\r\n");
  CHECK(co_await fetched(owner, url) == "NIL");
}
TEST_CASE("a submission server fetches what is for submission") { tell(for_submission, {"u2@example.test"}); }

net::Task<void> in_time(World&, Client& owner, Client& other) {
  const std::string message = "INBOX/;UID=2/;SECTION=TEXT;EXPIRE=";
  const std::string past = co_await authorised(owner, rump(message + "2001-01-01T00:00:00Z", "anonymous"));
  const std::string future = co_await authorised(owner, rump(message + "2101-01-01T00:00:00+01:00", "anonymous"));
  CHECK(co_await fetched(other, past) == "NIL");
  CHECK(co_await fetched(other, future) == "Si vis pacem, para bellum.\r\n");
}
TEST_CASE("a URL that has expired is refused") { tell(in_time); }

net::Task<void> revoked(World&, Client& owner, Client& other) {
  const std::string first = co_await authorised(owner, rump("INBOX/;UID=2/;SECTION=TEXT", "anonymous"));
  const Lines reset = co_await owner.command("RESETKEY INBOX INTERNAL");
  CHECK(reset == Lines{"t OK RESETKEY completed"});  // §10: no URLMECH in the clear
  CHECK(co_await fetched(other, first) == "NIL");
  const std::string second = co_await authorised(owner, rump("INBOX/;UID=2/;SECTION=TEXT", "anonymous"));
  CHECK(second != first);
  CHECK(co_await fetched(other, second) == "Si vis pacem, para bellum.\r\n");
  // Keys are per mailbox: another one's changes nothing here.
  (void)co_await owner.command("RESETKEY Sent");
  CHECK(co_await fetched(other, second) == "Si vis pacem, para bellum.\r\n");
  // And per user: the other's keys are not these.
  (void)co_await other.command("RESETKEY");
  CHECK(co_await fetched(other, second) == "Si vis pacem, para bellum.\r\n");
  const Lines all = co_await owner.command("RESETKEY");
  CHECK(all == Lines{"t OK RESETKEY completed"});
  CHECK(co_await fetched(other, second) == "NIL");
}
TEST_CASE("a new key takes back what was given away") { tell(revoked); }

net::Task<void> gone(World& world, Client& owner, Client& other) {
  (void)co_await owner.command("CREATE box");
  co_await world.deliver(test::message(3), "box");
  const std::string url = co_await authorised(owner, rump("box/;UID=1/;SECTION=TEXT", "anonymous"));
  CHECK(co_await fetched(other, url) == "Hello.\r\n");
  (void)co_await owner.command("DELETE box");
  CHECK(co_await fetched(other, url) == "NIL");
  (void)co_await owner.command("CREATE box");
  co_await world.deliver(test::message(3), "box");
  CHECK(co_await fetched(other, url) == "NIL");
}
TEST_CASE("a mailbox of the same name is another one, for which the URL is no good") { tell(gone); }

// §7, RESETKEY: each session that has the mailbox selected is told, over TLS.
net::Task<void> told(World& world, Client& owner, Client& other) {
  Client second(world);
  (void)co_await second.line();
  (void)co_await second.command("LOGIN u1@example.test test");
  const Lines selected = co_await second.command("EXAMINE INBOX");
  const std::string line = "* OK [URLMECH INTERNAL] URLs of its messages can be authorised";
  CHECK(std::ranges::find(selected, line) != selected.end());
  const Lines reset = co_await owner.command("RESETKEY INBOX");
  CHECK(reset == Lines{line, "t OK [URLMECH INTERNAL] RESETKEY completed"});
  const Lines news = co_await second.command("NOOP");
  CHECK(news == Lines{line, "t OK NOOP completed"});
  const Lines quiet = co_await second.command("NOOP");
  CHECK(quiet == Lines{"t OK NOOP completed"});
  (void)co_await owner.command("RESETKEY Sent");
  const Lines elsewhere = co_await second.command("NOOP");
  CHECK(elsewhere == Lines{"t OK NOOP completed"});
  // There is no key to go yet, or there is one.
  (void)co_await authorised(owner, rump("INBOX/;UID=1", "anonymous"));
  (void)co_await owner.command("RESETKEY");
  const Lines all = co_await second.command("NOOP");
  CHECK(all == Lines{line, "t OK NOOP completed"});
  const Lines stranger = co_await other.command("NOOP");
  CHECK(stranger == Lines{"t OK NOOP completed"});
  co_await second.end();
}
TEST_CASE("sessions that have the mailbox selected are told of its new key") { tell(told, {}, true); }

// A body of several chunks passes through, every byte in its place.
net::Task<void> large(World& world, Client& owner, Client& other) {
  std::string body;
  for (int i = 0; body.size() < 700'000; ++i) body += "line " + std::to_string(i) + " of a large body\r\n";
  co_await world.deliver(test::message(3, body));
  const std::string url = co_await authorised(owner, rump("INBOX/;UID=3/;SECTION=TEXT", "authuser"));
  CHECK(co_await fetched(other, url) == body);
}
TEST_CASE("a large part passes through whole") { tell(large); }

struct FullDisk : store::Faults {
  std::atomic<bool> full{false};
  base::Result<void> sync() override {
    if (full) return base::fail(base::Code::no_space, "the disk is full");
    return {};
  }
};

net::Task<void> until_writable(const World& world) {
  for (int i = 0; i < 500 && !world.store->accepts_writes(); ++i)
    co_await net::sleep_for(std::chrono::milliseconds(10));
}

// A key that is not kept signs nothing; one that is kept needs no room, and is not lost for want of it.
net::Task<void> no_room(World& world, FullDisk& disk) {
  co_await world.deliver(test::message(1));
  Client owner(world);
  Client other(world);
  co_await owner.login();
  (void)co_await other.line();
  (void)co_await other.command("LOGIN u2@example.test test");
  const std::string url = rump("INBOX/;UID=1/;SECTION=TEXT", "authuser");
  disk.full = true;
  const Lines refused = co_await owner.command("GENURLAUTH \"" + url + "\" INTERNAL");
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].starts_with("t NO ["));
  disk.full = false;
  co_await until_writable(world);
  const std::string full = co_await authorised(owner, url);
  CHECK(co_await fetched(other, full) == "Hello.\r\n");
  disk.full = true;
  CHECK(co_await authorised(owner, url) == full);
  for (const std::string reset : {"RESETKEY INBOX", "RESETKEY"}) {
    CAPTURE(reset);
    const Lines kept = co_await owner.command(reset);
    CHECK(kept.back().starts_with("t NO ["));
    CHECK(co_await fetched(other, full) == "Hello.\r\n");
  }
  disk.full = false;
  co_await until_writable(world);
  (void)co_await owner.command("RESETKEY");
  CHECK(co_await fetched(other, full) == "NIL");
  co_await owner.end();
  co_await other.end();
}
TEST_CASE("with a full disk nothing is authorised by a key that would be forgotten") {
  FullDisk disk;
  World world(&disk);
  net::run(no_room(world, disk));
}

}  // namespace
}  // namespace imap
