#include "mailstore/saved_view.h"

#include <random>
#include <thread>

#include "mailstore/test_kit.h"
#include "mailstore/views.h"

using namespace mailstore;
using namespace mailstore::test;

namespace {

constexpr AccountId kAnna{1};

bool same(const Row& a, const Row& b) {
  return a.uid == b.uid && a.size == b.size && a.email == b.email && a.modseq == b.modseq && a.keywords == b.keywords &&
         a.flags == b.flags;
}

/// What a mailbox holds, as text, with its keywords by name.
std::vector<std::string> lines(const View& view) {
  std::vector<std::string> out{std::to_string(view.highest_modseq()) + " " + std::to_string(view.uid_next())};
  for (std::size_t i = 0; i < view.size(); ++i) {
    const Row& row = view.at(i);
    out.push_back(std::to_string(row.uid) + " " + std::to_string(row.flags) + " " + std::to_string(row.modseq) + " " +
                  std::to_string(row.email.value) + " " + std::to_string(row.size));
    for (const auto& keyword : view.keyword_set(row.keywords)) out.back() += " " + keyword;
  }
  return out;
}

/// Views that save nothing by themselves and take what was saved whatever its size.
struct Reading {
  explicit Reading(Kit& kit) : context{.store = kit.store(), .clock = base::system_clock()} {}
  Context context;
  std::shared_ptr<Views> views = std::make_shared<Views>(context, [](AccountId, Synced) {}, 1'000'000, 1);
  std::shared_ptr<const Rows> get(MailboxId box) {
    return std::dynamic_pointer_cast<const Rows>(value(net::run(views->get(kAnna, box))));
  }
};

MailboxId filled(Kit& kit, int messages) {
  const MailboxId box = kit.create(kAnna, "Large").id;
  const Incoming incoming = kit.incoming(message("1"));
  for (int done = 0; done < messages;) {
    std::vector<Mailstore::AppendMessage> batch;
    for (; done < messages && batch.size() < 250; ++done) batch.push_back({incoming, {}});
    value(net::run(kit->append(kAnna, box, std::move(batch))));
  }
  return box;
}

std::optional<schema::SavedView> saved(Kit& kit, MailboxId box) {
  return value(value(kit.store().reader())->get(kSavedViews, {kAnna, box}));
}

/// Waits for what the mail store does in the background.
template <class F>
void wait_for(F happened) {
  for (int i = 0; i < 5000 && !happened(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  REQUIRE(happened());
}

std::size_t pieces(Kit& kit, MailboxId box) {
  std::size_t count = 0;
  const auto reader = value(kit.store().reader());
  for (auto cursor = reader->scan(kSavedRows, kAnna, box); cursor.valid(); cursor.next()) ++count;
  return count;
}

ModSeq modseq_of(Kit& kit) { return value(value(kit.store().reader())->get(kAccounts, {kAnna}))->modseq(); }

}  // namespace

TEST_CASE("rows come back as they were, and nothing else decodes") {
  std::mt19937_64 random(7);
  std::vector<Row> rows;
  Uid uid = 0;
  for (int i = 0; i < 300; ++i) {
    uid += 1 + static_cast<Uid>(random() % (i % 10 == 0 ? 1'000'000 : 3));
    rows.push_back({.uid = uid,
                    .size = static_cast<std::uint32_t>(random() >> (random() % 64)),
                    .email = EmailId{1 + (random() >> (1 + random() % 63))},
                    .modseq = random() >> (random() % 64),
                    .keywords = static_cast<std::uint16_t>(random() >> (random() % 64)),
                    .flags = static_cast<std::uint8_t>(random())});
  }
  rows.push_back(
      {.uid = 0xffff'ffff, .size = 0xffff'ffff, .email = EmailId{~0ull}, .modseq = ~0ull, .keywords = 0xffff});
  const std::string bytes = encode_rows(rows);
  std::vector<Row> back;
  REQUIRE(decode_rows(bytes, back));
  REQUIRE(back.size() == rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) CHECK(same(rows[i], back[i]));

  CHECK_FALSE(decode_rows(bytes, back));  // the same UIDs again
  std::size_t whole = 0;
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    std::vector<Row> part;
    if (decode_rows(std::string_view(bytes).substr(0, length), part)) whole += part.size() < rows.size() ? 1 : 0;
  }
  CHECK(whole == rows.size());  // only where a row ends, and before the first
  std::vector<Row> none;
  CHECK_FALSE(decode_rows(std::string(20, '\xff'), none));
  CHECK_FALSE(decode_rows(std::string(6, '\0'), none));
}

TEST_CASE("what was saved and moved forward is what the placements say, whatever happened between") {
  std::mt19937_64 random(11);
  Kit kit;
  const MailboxId box = filled(kit, 300);
  for (int round = 0; round < 60; ++round) {
    const auto uids_now = uids(*kit.view(kAnna, box));
    std::vector<Uid> some;
    for (const Uid uid : uids_now) {
      if (random() % 8 == 0) some.push_back(uid);
    }
    switch (random() % 4) {
      case 0:
        value(net::run(kit->store_flags(kAnna, box, some, FlagChange::add,
                                        {.system = kSeen, .keywords = {"k" + std::to_string(random() % 5)}}, {})));
        break;
      case 1:
        some.resize(std::min<std::size_t>(some.size(), 5));
        value(net::run(kit->store_flags(kAnna, box, some, FlagChange::set, {.system = kDeleted, .keywords = {}}, {})));
        value(net::run(kit->expunge(kAnna, box, some)));
        break;
      case 2:
        value(kit.deliver(kAnna, message("d" + std::to_string(round)), {}, box));
        break;
      default: {
        Reading fresh(kit);
        const auto rows = fresh.get(box);
        value(net::run(save_view(kit.store(), kAnna, {rows, modseq_of(kit)})));
      }
    }
    Reading from_saved(kit);
    const auto restored = lines(*from_saved.get(box));
    CHECK(restored == lines(*kit.view(kAnna, box)));  // kit's view was read from the placements once, before all saves
  }
  CHECK(saved(kit, box));
  CHECK(kit.problems().empty());
}

TEST_CASE("a large mailbox is saved when it is read, and opened from that after a start") {
  for (const Engine engine : {Engine::memory, Engine::embedded}) {
    CAPTURE(name(engine));
    Kit kit(engine);
    const MailboxId box = filled(kit, 5000);
    const auto before = lines(*kit.view(kAnna, box));
    wait_for([&] { return saved(kit, box).has_value(); });
    CHECK(saved(kit, box)->rows() == 5000);
    CHECK(saved(kit, box)->pieces() == 2);
    kit.reopen();
    CHECK(lines(*kit.view(kAnna, box)) == before);
    value(net::run(
        kit->store_flags(kAnna, box, {17, 4999}, FlagChange::add, {.system = kFlagged, .keywords = {"new"}}, {})));
    const auto changed = lines(*kit.view(kAnna, box));
    kit.reopen();
    CHECK(lines(*kit.view(kAnna, box)) == changed);
    CHECK(kit.problems().empty());

    // Removed with the mailbox, and with the account.
    value(net::run(kit->remove_mailbox(kAnna, box)));
    wait_for([&] { return pieces(kit, box) == 0 && !saved(kit, box); });
    CHECK(kit.problems().empty());
  }
}

TEST_CASE("it is saved anew when it has become old, and the older copy goes") {
  Kit kit;
  const MailboxId box = filled(kit, 2500);
  kit.view(kAnna, box);
  wait_for([&] { return saved(kit, box).has_value(); });
  const auto first = saved(kit, box)->generation();
  for (int i = 0; i < 1001; ++i) {
    value(net::run(
        kit->store_flags(kAnna, box, {7}, i % 2 == 0 ? FlagChange::add : FlagChange::remove, {.system = kSeen}, {})));
  }
  kit.view(kAnna, box);
  wait_for([&] { return saved(kit, box)->generation() != first && pieces(kit, box) == 1; });
  CHECK(kit.problems().empty());
}

TEST_CASE("what was saved and is broken is passed over") {
  Kit kit;
  const MailboxId box = filled(kit, 2500);
  const auto before = lines(*kit.view(kAnna, box));
  wait_for([&] { return saved(kit, box).has_value(); });
  const auto generation = saved(kit, box)->generation();
  value(kit.write(kAnna, [&](store::Txn& tx) -> base::Result<void> {
    schema::SavedRows record;
    record.set_rows("\x01\x02\x03");
    tx.put(kSavedRows, {kAnna, box, generation, 0}, record);
    return {};
  }));
  CHECK(kit.problems().size() == 1);
  kit.reopen();
  CHECK(lines(*kit.view(kAnna, box)) == before);
  wait_for([&] { return saved(kit, box)->generation() != generation && pieces(kit, box) == 1; });
  CHECK(kit.problems().empty());
}

TEST_CASE("a check names rows that were saved wrongly") {
  Kit kit;
  const MailboxId box = filled(kit, 2500);
  kit.view(kAnna, box);
  wait_for([&] { return saved(kit, box).has_value(); });
  const auto generation = saved(kit, box)->generation();
  value(kit.write(kAnna, [&](store::Txn& tx) -> base::Result<void> {
    TRY_ASSIGN(auto record, tx.get(kSavedRows, {kAnna, box, generation, 0}));
    std::vector<Row> rows;
    REQUIRE(decode_rows(record->rows(), rows));
    rows[100].flags = kDraft;
    rows.erase(rows.begin() + 200);
    record->set_rows(encode_rows(rows));
    tx.put(kSavedRows, {kAnna, box, generation, 0}, *record);
    TRY_ASSIGN(auto head, tx.get(kSavedViews, {kAnna, box}));
    head->set_rows(2499);
    tx.put(kSavedViews, {kAnna, box}, *head);
    return {};
  }));
  const auto problems = kit.problems();
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].find("uid 101") != std::string::npos);
  CHECK(problems[1].find("uid 201") != std::string::npos);
}
