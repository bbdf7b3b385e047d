// \Seen of those who read somebody else's mailbox.

#include "mailstore/tables.h"
#include "mailstore/test_kit.h"
#include "mailstore/views.h"

using namespace mailstore;
using namespace mailstore::test;

namespace {

constexpr AccountId kAnna{1};
constexpr AccountId kBob{2};
constexpr AccountId kCarl{3};

void share(Kit& kit, MailboxId mailbox, AccountId with, Rights rights = kAllRights) {
  AclChange change{.grantee = {.kind = Grantee::Kind::account, .account = with}, .rights = rights};
  value(net::run(kit->change_acl(kAnna, mailbox, change)));
}

/// UIDs with \Seen, as somebody has them.
std::vector<Uid> seen(Kit& kit, MailboxId mailbox, AccountId reader) {
  const auto view = value(net::run(kit->view(kAnna, mailbox, reader)));
  std::vector<Uid> out;
  for (std::size_t i = 0; i < view->size(); ++i) {
    if ((view->at(i).flags & kSeen) != 0) out.push_back(view->at(i).uid);
  }
  const auto name = view->mailbox();
  for (const Mailbox& each : value(net::run(kit->mailboxes(kAnna, reader))).mailboxes) {
    if (each.id == name) CHECK(each.unseen == view->size() - out.size());
  }
  return out;
}

void mark(Kit& kit, MailboxId mailbox, AccountId reader, std::vector<Uid> uids, FlagChange change = FlagChange::add) {
  CHECK(value(net::run(kit->store_flags(kAnna, mailbox, std::move(uids), change, {.system = kSeen}, std::nullopt, {},
                                        reader)))
            .empty());
}

using Uids = std::vector<Uid>;

struct House {
  explicit House(Engine engine = Engine::memory, int messages = 4) : kit(engine), box(kit.create(kAnna, "Team").id) {
    for (int i = 0; i < messages; ++i) value(kit.deliver(kAnna, message(std::to_string(i)), {}, box));
    share(kit, box, kBob);
    share(kit, box, kCarl);
  }
  Kit kit;
  MailboxId box;
};

}  // namespace

TEST_CASE("each reader of a shared mailbox has a \\Seen of its own, over restarts and for what comes") {
  for (const Engine engine : {Engine::memory, Engine::embedded}) {
    CAPTURE(name(engine));
    House house(engine);
    Kit& kit = house.kit;
    mark(kit, house.box, kAnna, {1});
    mark(kit, house.box, kBob, {2, 3});
    mark(kit, house.box, kCarl, {3});
    for (int restarts = 0; restarts < 2; ++restarts) {
      CHECK(seen(kit, house.box, kAnna) == Uids{1});
      CHECK(seen(kit, house.box, {}) == Uids{1});
      CHECK(seen(kit, house.box, kBob) == Uids{2, 3});
      CHECK(seen(kit, house.box, kCarl) == Uids{3});
      kit.reopen();
    }
    mark(kit, house.box, kBob, {2}, FlagChange::remove);
    value(kit.deliver(kAnna, message("new"), {}, house.box));
    value(kit.deliver(kAnna, message("read"), {.flags = {.system = kSeen}, .reader = kCarl}, house.box));
    CHECK(seen(kit, house.box, kBob) == Uids{3});
    CHECK(seen(kit, house.box, kCarl) == Uids{3, 6});
    CHECK(seen(kit, house.box, kAnna) == Uids{1});
    // Other flags are everybody's.
    CHECK(value(net::run(kit->store_flags(kAnna, house.box, {4}, FlagChange::set, {.system = kSeen | kFlagged},
                                          std::nullopt, {}, kBob)))
              .empty());
    CHECK(kit.view(kAnna, house.box)->at(3).flags == kFlagged);
    CHECK(seen(kit, house.box, kBob) == Uids{3, 4});
    CHECK(kit.problems() == std::vector<std::string>{});
  }
}

TEST_CASE("a reader's modseqs tell what has changed for it, and nobody else is told") {
  House house;
  Kit& kit = house.kit;
  const auto before = value(net::run(kit->view(kAnna, house.box, kBob)));
  const auto annas = kit.view(kAnna, house.box);
  mark(kit, house.box, kBob, {2});
  const auto after = value(net::run(kit->view(kAnna, house.box, kBob)));
  CHECK(compare(*before, *after).changed == Uids{2});
  CHECK(after->at(1).modseq > before->highest_modseq());
  CHECK(compare(*annas, *kit.view(kAnna, house.box)).changed.empty());
  // RFC 7162 §3.1.3: what he has changed since is refused to him, and not to others.
  const auto store = [&](AccountId reader, ModSeq since) {
    return value(
        net::run(kit->store_flags(kAnna, house.box, {2}, FlagChange::add, {.system = kFlagged}, since, {}, reader)));
  };
  CHECK(store(kBob, before->highest_modseq()) == Uids{2});
  CHECK(store(kAnna, before->highest_modseq()).empty());
  // What is so already changes nothing.
  const auto synced = value(net::run(kit->view(kAnna, house.box, kBob)))->highest_modseq();
  mark(kit, house.box, kBob, {2});
  CHECK(value(net::run(kit->view(kAnna, house.box, kBob)))->highest_modseq() == synced);
}

TEST_CASE("all may share one \\Seen, and to each reader every message has changed when that is decided") {
  House house;
  Kit& kit = house.kit;
  mark(kit, house.box, kAnna, {1});
  mark(kit, house.box, kBob, {2});
  const auto before = value(net::run(kit->view(kAnna, house.box, kBob)));
  const auto annas = kit.view(kAnna, house.box);
  value(net::run(kit->set_own_seen(kAnna, house.box, false)));
  CHECK_FALSE(kit.mailbox(kAnna, "Team").own_seen);
  CHECK(seen(kit, house.box, kBob) == Uids{1});
  const auto after = value(net::run(kit->view(kAnna, house.box, kBob)));
  CHECK(compare(*before, *after).changed == Uids{1, 2, 3, 4});
  CHECK(after->at(0).modseq > before->highest_modseq());
  CHECK(compare(*annas, *kit.view(kAnna, house.box)).changed.empty());
  mark(kit, house.box, kBob, {4});
  CHECK(seen(kit, house.box, kAnna) == Uids{1, 4});
  // What he had seen by himself is known again.
  value(net::run(kit->set_own_seen(kAnna, house.box, true)));
  CHECK(seen(kit, house.box, kBob) == Uids{2});
  CHECK(seen(kit, house.box, kAnna) == Uids{1, 4});
  // What is below is as what is above it; where nobody else reads there is nothing to decide.
  CHECK(kit.create(kAnna, "Team/2026").own_seen);
  value(net::run(kit->set_own_seen(kAnna, kit.create(kAnna, "Diary").id, true)));
  CHECK_FALSE(kit.mailbox(kAnna, "Diary").own_seen);
  CHECK(kit.problems() == std::vector<std::string>{});
}

TEST_CASE("within an account everybody's \\Seen goes along; to another comes that of who brings it") {
  House house;
  Kit& kit = house.kit;
  const MailboxId done = kit.create(kAnna, "Team/Done").id;
  mark(kit, house.box, kAnna, {1});
  mark(kit, house.box, kBob, {1, 2});
  mark(kit, house.box, kCarl, {3});
  // What one may not say of oneself (RFC 4314, s) is still so for the others.
  const Target silent{.mailbox = done, .keeps = {.system = kFlagged}, .reader = kBob};
  value(net::run(kit->copy(kAnna, house.box, {1, 3}, silent)));
  CHECK(seen(kit, done, kAnna) == Uids{1});
  CHECK(seen(kit, done, kBob).empty());
  CHECK(seen(kit, done, kCarl) == Uids{2});
  value(net::run(kit->store_flags(kAnna, done, {1, 2}, FlagChange::add, {.system = kDeleted}, std::nullopt)));
  value(net::run(kit->expunge(kAnna, done, std::nullopt)));
  value(net::run(kit->move(kAnna, house.box, {1, 2, 3}, {.mailbox = done, .reader = kBob})));
  CHECK(seen(kit, done, kAnna) == Uids{3});
  CHECK(seen(kit, done, kBob) == Uids{3, 4});
  CHECK(seen(kit, done, kCarl) == Uids{5});
  CHECK(seen(kit, house.box, kBob).empty());
  const MailboxId bobs = kit.mailbox(kBob, "Archive").id;
  value(net::run(kit->copy(kAnna, done, {3, 4, 5}, {.mailbox = bobs, .account = kBob, .reader = kBob})));
  const auto archived = kit.view(kBob, bobs);
  CHECK(archived->at(0).flags == kSeen);
  CHECK(archived->at(1).flags == kSeen);
  CHECK(archived->at(2).flags == 0);
  // And back: to the others it is new.
  value(net::run(kit->copy(kBob, bobs, {1, 3}, {.mailbox = house.box, .account = kAnna, .reader = kBob})));
  CHECK(seen(kit, house.box, kBob) == Uids{5});
  CHECK(seen(kit, house.box, kAnna).empty());
  CHECK(kit.problems() == std::vector<std::string>{});
}

TEST_CASE("what a reader has seen goes with the messages, the mailbox and the account") {
  House house(Engine::memory, 150);
  Kit& kit = house.kit;
  Uids all;
  for (Uid uid = 1; uid <= 150; ++uid) all.push_back(uid);
  for (const AccountId reader : {kBob, kCarl}) mark(kit, house.box, reader, all);
  const auto left = [&] {
    std::size_t records = 0;
    const auto reader = value(kit.store().reader());
    for (auto cursor = reader->scan(kOwnSeen, kAnna); cursor.valid(); cursor.next()) ++records;
    for (auto cursor = reader->scan(kReaders, kAnna); cursor.valid(); cursor.next()) ++records;
    return records;
  };
  CHECK(left() == 302);
  value(net::run(kit->store_flags(kAnna, house.box, {1, 2}, FlagChange::add, {.system = kDeleted}, std::nullopt)));
  value(net::run(kit->expunge(kAnna, house.box, std::nullopt)));
  CHECK(seen(kit, house.box, kBob).size() == 148);
  CHECK(left() == 298);
  CHECK(kit.problems() == std::vector<std::string>{});
  value(net::run(kit->remove_mailbox(kAnna, house.box)));
  kit.reopen();  // waits for what is left to be done
  for (int i = 0; i < 500 && left() > 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(left() == 0);
  const MailboxId again = kit.create(kAnna, "Team").id;
  share(kit, again, kBob);
  value(kit.deliver(kAnna, message("x"), {}, again));
  mark(kit, again, kBob, {1});
  CHECK(left() == 2);
  value(net::run(kit->purge(kAnna)));
  CHECK(left() == 0);
  CHECK(kit.problems() == std::vector<std::string>{});
}

TEST_CASE("a large mailbox is opened for a reader from what was saved of it") {
  House house(Engine::memory, 0);
  Kit& kit = house.kit;
  const Incoming text = kit.incoming(message("many"));
  for (int i = 0; i < 5; ++i) {
    std::vector<Mailstore::AppendMessage> many(500, {text, {}});
    value(net::run(kit->append(kAnna, house.box, std::move(many))));
  }
  mark(kit, house.box, kAnna, {7});
  mark(kit, house.box, kBob, {1, 2500});
  kit.view(kAnna, house.box);
  const auto saved = [&] {
    const auto reader = value(kit.store().reader());
    return value(reader->get(kSavedViews, {kAnna, house.box})).has_value();
  };
  for (int i = 0; i < 500 && !saved(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  REQUIRE(saved());
  mark(kit, house.box, kBob, {2000});
  mark(kit, house.box, kAnna, {8});
  kit.reopen();
  CHECK(seen(kit, house.box, kBob) == Uids{1, 2000, 2500});
  CHECK(seen(kit, house.box, kAnna) == Uids{7, 8});
  CHECK(kit.problems() == std::vector<std::string>{});
}

TEST_CASE("the check finds readers that are counted wrong, and what they have seen where nothing is") {
  House house;
  Kit& kit = house.kit;
  mark(kit, house.box, kBob, {1, 2});
  value(kit.write(kAnna, [&](store::Txn& tx) -> base::Result<void> {
    schema::ReaderRecord wrong;
    wrong.set_seen(7);
    tx.put(kReaders, {kAnna, house.box, kBob}, wrong);
    schema::OwnSeen lost;
    lost.set_seen(true);
    tx.put(kOwnSeen, {kAnna, house.box, kCarl, Uid{99}}, lost);
    return {};
  }));
  const std::string where = "account 1, mailbox " + std::to_string(house.box.value);
  CHECK(kit.problems() ==
        std::vector<std::string>{where + ", uid 99, \\Seen of account 3: there is no such message",
                                 where + ", reader 2: the number of messages that it has seen is said to be 7 and is 2",
                                 where + ", reader 3: it has no record"});
}
