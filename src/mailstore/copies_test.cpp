// Copies of more messages than one commit takes.

#include <atomic>
#include <thread>
#include <utility>

#include "mailstore/tables.h"
#include "mailstore/test_kit.h"
#include "net/stream.h"

using namespace mailstore;
using namespace mailstore::test;

namespace {

constexpr AccountId kAnna{1};
constexpr AccountId kBob{2};

std::vector<Uid> first(std::size_t count) {
  std::vector<Uid> out;
  for (Uid uid = 1; uid <= count; ++uid) out.push_back(uid);
  return out;
}

template <class Copier>
base::Result<Copied> copy(Copier& mail, MailboxId from, std::size_t count, MailboxId to) {
  return net::run(mail.copy(kAnna, from, first(count), {.mailbox = to}));
}

std::vector<Mailstore::AppendMessage> messages(Kit& kit, int count) {
  std::vector<Mailstore::AppendMessage> out;
  for (int i = 0; i < count; ++i) out.push_back({kit.incoming(message(std::to_string(i))), {}});
  return out;
}

/// A mailbox of `count` small messages.
Mailbox filled(Kit& kit, const std::string& path, int count) {
  const Mailbox made = kit.create(kAnna, path);
  value(net::run(kit->append(kAnna, made.id, messages(kit, count))));
  return kit.mailbox(kAnna, path);
}

std::size_t unfinished(store::Store& store) {
  const auto reader = value(store.reader());
  std::size_t count = 0;
  for (auto cursor = reader->scan(kCopies); cursor.valid(); cursor.next()) ++count;
  return count;
}

void wait_until_finished(store::Store& store) {
  for (int i = 0; i < 500 && unfinished(store) > 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(unfinished(store) == 0);
}

}  // namespace

TEST_CASE("a change of many messages tells between its commits how far it is") {
  Kit kit;
  const Mailbox from = filled(kit, "From", 600);
  const Mailbox to = kit.create(kAnna, "To");
  std::vector<std::size_t> told;
  const auto tells = [&told](std::size_t done) {
    told.push_back(done);
    return net::sleep_for({});
  };
  const std::vector<std::size_t> between{250, 500};
  const auto flag = [&](Mailbox box, std::size_t count) {
    return value(net::run(
        kit->store_flags(kAnna, box.id, first(count), FlagChange::add, {.system = kFlagged}, {}, {}, {}, tells)));
  };
  flag(from, 600);
  CHECK(std::exchange(told, {}) == between);
  flag(from, 250);
  CHECK(told.empty());
  value(net::run(kit->copy(kAnna, from.id, first(600), {.mailbox = to.id}, tells)));
  CHECK(std::exchange(told, {}) == between);
  value(net::run(kit->move(kAnna, from.id, first(600), {.mailbox = to.id}, tells)));
  CHECK(told == between);
  // What is thrown there ends it: a copy is taken back (RFC 9051 §6.4.7), of a move stays what is done.
  const auto leaves = [](std::size_t) -> net::Task<void> { throw net::Closed(net::Closed::Why::peer); };
  CHECK_THROWS_AS(net::run(kit->copy(kAnna, to.id, first(1200), {.mailbox = from.id}, leaves)), net::Closed);
  CHECK(kit.mailbox(kAnna, "From").messages == 0);
  CHECK(unfinished(kit.store()) == 0);
  CHECK_THROWS_AS(net::run(kit->move(kAnna, to.id, first(1200), {.mailbox = from.id}, leaves)), net::Closed);
  CHECK(kit.mailbox(kAnna, "From").messages == 250);
  CHECK(kit.mailbox(kAnna, "To").messages == 950);
}

// RFC 9051 §6.4.7
TEST_CASE("a mailbox of 16,000 messages is copied, and mail for others does not wait for it") {
  Kit kit(Engine::embedded);
  const Mailbox from = filled(kit, "From", 250);
  const Mailbox to = kit.create(kAnna, "To");
  for (std::size_t count = 250; count < 16'000; count *= 2) value(copy(kit.mail(), from.id, count, from.id));
  std::atomic<bool> done = false;
  Copied copied;
  std::thread client([&] {
    copied = value(copy(kit.mail(), from.id, 16'000, to.id));
    done = true;
  });
  for (int i = 0; i < 3; ++i) value(kit.deliver(kBob, message("urgent" + std::to_string(i))));
  CHECK_FALSE(done);
  client.join();
  CHECK(copied.uids == first(16'000));
  CHECK(copied.new_uids == first(16'000));
  CHECK(uids(*kit.view(kAnna, to.id)) == first(16'000));
  CHECK(unfinished(kit.store()) == 0);
  CHECK(kit.problems() == std::vector<std::string>{});
}

// RFC 9051 §6.4.7
TEST_CASE("a copy that is refused half-way leaves the destination as it was, and what came meanwhile") {
  Kit kit;
  const Mailbox from = filled(kit, "From", 700);
  const Mailbox to = filled(kit, "To", 1);
  for (int i = 0; i < 255; ++i) {
    value(net::run(kit->store_flags(kAnna, to.id, {1}, FlagChange::set, {.keywords = {"k" + std::to_string(i)}}, {})));
  }
  value(net::run(kit->store_flags(kAnna, from.id, {650}, FlagChange::set, {.keywords = {"one-too-many"}}, {})));
  const Mailbox before = kit.mailbox(kAnna, "To");
  const Usage quota = value(net::run(kit->usage(kAnna)));
  CHECK(code(copy(kit.mail(), from.id, 700, to.id)) == "too_large");
  const Mailbox after = kit.mailbox(kAnna, "To");
  CHECK((after.messages == before.messages && after.size == before.size && after.unseen == before.unseen));
  CHECK(after.uid_next == 502);  // no UID is used twice
  CHECK(uids(*kit.view(kAnna, to.id)) == std::vector<Uid>{1});
  CHECK(value(net::run(kit->usage(kAnna))).messages == quota.messages);
  CHECK(unfinished(kit.store()) == 0);
  CHECK(kit.problems() == std::vector<std::string>{});
  CHECK(value(copy(kit.mail(), from.id, 600, to.id)).new_uids.front() == 502);
}

TEST_CASE("a copy that a crash interrupted is taken back by the next start") {
  Kit kit(Engine::embedded);
  const Mailbox from = filled(kit, "From", 500);
  const Mailbox to = kit.create(kAnna, "To");
  value(copy(kit.mail(), from.id, 250, to.id));
  value(kit.deliver(kAnna, message("between"), {}, to.id));
  value(copy(kit.mail(), from.id, 250, to.id));
  value(net::run(kit->store_flags(kAnna, to.id, {7, 300}, FlagChange::add, {.system = kDeleted}, {})));
  value(net::run(kit->expunge(kAnna, to.id, std::nullopt)));  // by another session
  // As two commits of one copy, with a delivery between them, leave it.
  value(kit.write(kAnna, [&](store::Txn& tx) -> base::Result<void> {
    schema::CopyRecord record;
    record.set_mailbox(to.id.value);
    for (const Uid begin : {1u, 252u}) {
      schema::UidRange& range = *record.add_made();
      range.set_first(begin);
      range.set_count(250);
    }
    tx.put(kCopies, {kAnna, 1}, record);
    record.set_mailbox(99);  // a mailbox that was removed meanwhile
    tx.put(kCopies, {kAnna, 2}, record);
    return {};
  }));
  CHECK(kit.problems() == std::vector<std::string>{});  // half-finished is not broken
  kit.reopen();
  wait_until_finished(kit.store());
  CHECK(uids(*kit.view(kAnna, to.id)) == std::vector<Uid>{251});
  CHECK(kit.view(kAnna, from.id)->size() == 500);
  CHECK(kit.problems() == std::vector<std::string>{});
}

TEST_CASE("a copy whose disk fails is taken back as soon as the disk works again") {
  struct Failing : store::Faults {
    base::Result<void> sync() override {
      if (++syncs == fails_at || syncs == fails_at + 1) return base::fail(base::Code::unavailable, "the disk failed");
      return {};
    }
    int syncs = 0;
    int fails_at = -10;
  };
  for (const int failing : {1, 2, 3}) {  // the commit of the copy that fails; the next is the attempt to take it back
    CAPTURE(failing);
    Failing faults;
    net::Pool pool{2};
    const auto store = store::open_memory(pool, base::system_clock(), {}, &faults);
    const auto mail = mailstore::open(*store, base::system_clock(), {});
    const MailboxId inbox = value(net::run(mail->mailbox(kAnna, "INBOX"))).id;
    const MailboxId to = value(net::run(mail->create_mailbox(kAnna, "To", Role::none))).id;
    std::vector<Mailstore::AppendMessage> filled;
    for (int i = 0; i < 600; ++i) {
      auto writer = store->new_body();
      const std::string text = message(std::to_string(i));
      value(net::run(writer->append(text)));
      filled.push_back({make_incoming(writer->finish(), std::make_shared<const mime::Message>(mime::parse(text))), {}});
    }
    value(net::run(mail->append(kAnna, inbox, std::move(filled))));
    faults.fails_at = faults.syncs + failing;
    CHECK(code(copy(*mail, inbox, 600, to)) == "unavailable");
    wait_until_finished(*store);
    CHECK(value(net::run(mail->view(kAnna, to)))->size() == 0);
    CHECK(value(net::run(mail->view(kAnna, inbox)))->size() == 600);
  }
}

TEST_CASE("an account has a million copies at most, which no delivery is refused for") {
  Kit kit;
  const Mailbox from = filled(kit, "From", 300);
  const Mailbox to = kit.create(kAnna, "To");
  // As if there were so many: making them takes long.
  value(kit.write(kAnna, [&](store::Txn& tx) -> base::Result<void> {
    TRY_ASSIGN(auto account, tx.get(kAccounts, {kAnna}));
    account->set_placements(account->placements() + kMaxCopies - 299);
    tx.put(kAccounts, {kAnna}, *account);
    return {};
  }));
  CHECK(code(copy(kit.mail(), from.id, 300, to.id)) == "too_large");
  CHECK(kit.mailbox(kAnna, "To").uid_next == 1);
  value(copy(kit.mail(), from.id, 299, to.id));
  CHECK(code(copy(kit.mail(), from.id, 1, to.id)) == "too_large");
  value(kit.deliver(kAnna, message("more")));
  value(net::run(kit->move(kAnna, from.id, first(300), {.mailbox = to.id})));
  value(net::run(kit->store_flags(kAnna, to.id, {1}, FlagChange::add, {.system = kDeleted}, {})));
  value(net::run(kit->expunge(kAnna, to.id, std::nullopt)));
  value(net::run(kit->copy(kAnna, to.id, {2}, {.mailbox = to.id})));
}
