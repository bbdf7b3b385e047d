// What every engine must do alike: records, transactions and groups. Bodies have their own file.

#include <doctest/doctest.h>

#include <latch>
#include <random>

#include "store/test_kit.h"

namespace store::test {
namespace {

using base::Code;
using Pair = std::tuple<std::uint64_t, std::string>;
constexpr Table<Pair, Nothing> kPairs{200, "test.pairs"};
constexpr Table<std::tuple<std::uint32_t>, postrider::schema::Blob> kNumbers{201, "test.numbers"};

std::vector<std::string> keys(const Reader& reader, const std::string& from, const std::string& to) {
  std::vector<std::string> found;
  auto cursor = reader.scan_raw(from, to);
  for (; cursor->valid(); cursor->next()) found.emplace_back(cursor->key());
  CHECK(!cursor->error());
  return found;
}

/// Writes, erases and reads at random, and compares what a scan and last_raw() see with a model; now and then it
/// takes everything back by an error.
base::Result<void> random_step(Txn& tx, std::map<std::string, std::string>& model, unsigned seed) {
  std::mt19937 dice(seed);
  auto mine = model;
  for (int i = 0; i < 12; ++i) {
    const std::string key = k(std::to_string(dice() % 40));
    if (dice() % 3 == 0) {
      tx.erase_raw(key);
      mine.erase(key);
    } else {
      mine[key] = std::to_string(dice());
      tx.put_raw(key, mine[key]);
    }
  }
  std::map<std::string, std::string> seen;
  const std::string from = k(std::to_string(dice() % 40));
  for (auto cursor = tx.scan_raw(from, "\xC9"); cursor->valid(); cursor->next()) {
    seen.emplace(cursor->key(), cursor->value());
  }
  CHECK(seen == std::map<std::string, std::string>(mine.lower_bound(from), mine.end()));
  TRY_ASSIGN(const auto last, tx.last_raw(from, "\xC9"));
  CHECK(last.has_value() == !seen.empty());
  if (last && !seen.empty()) CHECK(*last == std::pair<std::string, std::string>(*seen.rbegin()));
  if (dice() % 4 == 0) return base::fail(Code::conflict, "changed its mind");
  model = mine;
  return {};
}

}  // namespace

TEST_CASE_TEMPLATE("records come back in order, by prefix and by range", Kit, MemoryKit, RocksKit) {
  Kit kit;
  REQUIRE(write(*kit, [](Txn& tx) -> base::Result<void> {
    tx.put(kPairs, {2, "b"}, {});
    tx.put(kPairs, {1, "aa"}, {});
    tx.put(kPairs, {1, std::string("a\0", 2)}, {});
    tx.put(kPairs, {1, "a"}, {});
    tx.put(kPairs, {256, ""}, {});
    return {};
  }));
  const auto reader = *(*kit).reader();
  std::vector<Pair> seen;
  for (auto cursor = reader->scan(kPairs); cursor.valid(); cursor.next()) seen.push_back(cursor.key());
  CHECK(seen == std::vector<Pair>{{1, "a"}, {1, std::string("a\0", 2)}, {1, "aa"}, {2, "b"}, {256, ""}});

  seen.clear();
  for (auto cursor = reader->scan(kPairs, std::uint64_t{1}); cursor.valid(); cursor.next())
    seen.push_back(cursor.key());
  CHECK(seen.size() == 3);

  auto range = reader->scan_range(kPairs, {1, "aa"}, {256, ""});
  CHECK(range.valid());
  CHECK(range.key() == Pair{1, "aa"});
  range.seek({2, "a"});
  CHECK(range.key() == Pair{2, "b"});
  range.seek({1, "a"});  // never backwards
  CHECK(range.key() == Pair{2, "b"});
  range.next();
  CHECK(!range.valid());
  CHECK(!range.error());

  const std::string from = encode_key(kPairs.id, std::uint64_t{1});
  const auto last = *reader->last_raw(from, prefix_end(from));
  REQUIRE(last);
  CHECK(last->first == encode_key(kPairs.id, std::uint64_t{1}, std::string("aa")));
  CHECK(!*reader->last_raw(encode_key(kPairs.id, std::uint64_t{3}), encode_key(kPairs.id, std::uint64_t{4})));
}

TEST_CASE_TEMPLATE("a value that does not decode is named, and the walk goes on", Kit, MemoryKit, RocksKit) {
  Kit kit;
  REQUIRE(write(*kit, [](Txn& tx) -> base::Result<void> {
    postrider::schema::Blob value;
    value.set_size(7);
    tx.put(kNumbers, {1}, value);
    tx.put_raw(encode_key(kNumbers.id, std::uint32_t{2}), "\xFF\xFF");
    tx.put(kNumbers, {3}, value);
    return {};
  }));
  const auto reader = *(*kit).reader();
  auto cursor = reader->scan(kNumbers);
  CHECK(cursor.value()->size() == 7);
  cursor.next();
  CHECK(cursor.value().error().code == Code::corrupt);
  CHECK(cursor.value().error().text.find("test.numbers") != std::string::npos);
  cursor.next();
  CHECK(cursor.value()->size() == 7);
  CHECK(reader->get(kNumbers, {2}).error().code == Code::corrupt);

  REQUIRE(write(*kit, [](Txn& tx) -> base::Result<void> {
    tx.put_raw(encode_key(kNumbers.id, std::uint64_t{4}), "");
    return {};
  }));
  const auto later = *(*kit).reader();
  auto walk = later->scan(kNumbers);
  while (walk.valid()) walk.next();
  REQUIRE(walk.error());
  CHECK(walk.error()->code == Code::corrupt);
}

TEST_CASE_TEMPLATE("a snapshot does not change", Kit, MemoryKit, RocksKit) {
  Kit kit;
  REQUIRE(write(*kit, [](Txn& tx) -> base::Result<void> {
    tx.put_raw(k("k"), "old");
    tx.put_raw(k("z"), "gone soon");
    return {};
  }));
  const auto before = *(*kit).reader();
  auto cursor = before->scan_raw("\xC8", "\xC9");
  REQUIRE(write(*kit, [](Txn& tx) -> base::Result<void> {
    tx.put_raw(k("k"), "new");
    tx.put_raw(k("m"), "added");
    tx.erase_raw(k("z"));
    return {};
  }));
  std::string value;
  CHECK(*before->get_raw(k("k"), value));
  CHECK(value == "old");
  CHECK(keys(*before, "\xC8", "\xC9") == std::vector<std::string>{k("k"), k("z")});
  cursor->next();
  CHECK(cursor->key() == k("z"));
  CHECK(before->last_raw("\xC8", "\xC9")->value().first == k("z"));
  CHECK(get(*kit, k("k")) == "new");
  CHECK(get(*kit, k("z")) == "(none)");
}

TEST_CASE_TEMPLATE("a closure reads its own writes in every way", Kit, MemoryKit, RocksKit) {
  Kit kit;
  REQUIRE(write(*kit, [](Txn& tx) -> base::Result<void> {
    for (const std::string& key : {k("a"), k("c"), k("e"), k("g")}) tx.put_raw(key, "stored");
    return {};
  }));
  bool ran = false;
  REQUIRE(write(*kit, [&](Txn& tx) -> base::Result<void> {
    tx.put_raw(k("b"), "own");
    tx.put_raw(k("c"), "changed");
    tx.erase_raw(k("a"));
    tx.erase_raw(k("g"));
    std::string value;
    CHECK(*tx.get_raw(k("c"), value));
    CHECK(value == "changed");
    CHECK(!*tx.get_raw(k("a"), value));
    CHECK(keys(tx, "\xC8", "\xC9") == std::vector<std::string>{k("b"), k("c"), k("e")});
    CHECK(tx.last_raw("\xC8", "\xC9")->value().first == k("e"));
    CHECK(tx.last_raw("\xC8", k("e"))->value().second == "changed");
    CHECK(!*tx.last_raw(k("f"), "\xC9"));
    // Written ahead of a cursor: seen. Erased under it: passed over.
    auto cursor = tx.scan_raw("\xC8", "\xC9");
    tx.put_raw(k("bb"), "ahead");
    tx.erase_raw(k("e"));
    cursor->next();
    CHECK(cursor->key() == k("bb"));
    cursor->seek(k("c"));
    CHECK(cursor->value() == "changed");
    cursor->next();
    CHECK(!cursor->valid());
    ran = true;
    return {};
  }));
  CHECK(ran);
  const auto reader = *(*kit).reader();
  CHECK(keys(*reader, "\xC8", "\xC9") == std::vector<std::string>{k("b"), k("bb"), k("c")});
}

TEST_CASE_TEMPLATE("every row of a scan can be erased as it passes", Kit, MemoryKit, RocksKit) {
  Kit kit;
  REQUIRE(write(*kit, [](Txn& tx) -> base::Result<void> {
    for (std::uint32_t i = 0; i < 300; ++i) tx.put_raw(encode_key(200, i), "x");
    return {};
  }));
  REQUIRE(write(*kit, [](Txn& tx) -> base::Result<void> {
    int erased = 0;
    for (auto cursor = tx.scan_raw("\xC8", "\xC9"); cursor->valid(); cursor->next(), ++erased) {
      tx.erase_raw(std::string(cursor->key()));
    }
    CHECK(erased == 300);
    CHECK(!*tx.last_raw("\xC8", "\xC9"));
    return {};
  }));
  CHECK(count_records(*kit, 200) == 0);
}

TEST_CASE_TEMPLATE("an error or an exception drops the writes of its closure only", Kit, MemoryKit, RocksKit) {
  Kit kit;
  Outcomes outcomes;
  std::vector<net::Task<void>> tasks;
  for (int i = 0; i < 100; ++i) {
    const auto closure = [i](Txn& tx) -> base::Result<void> {
      std::string value;
      TRY_ASSIGN(const bool any, tx.get_raw(k("count"), value));
      tx.put_raw(k("count"), std::to_string(any ? std::stoi(value) + 1 : 1));
      tx.put_raw(k("of " + std::to_string(i)), "x");
      if (i % 4 == 1) return base::fail(Code::over_quota, "full");
      if (i % 4 == 3) throw std::runtime_error("a bug");
      return {};
    };
    tasks.push_back(attempt(*kit, closure, outcomes));
  }
  run_all(std::move(tasks));
  CHECK(outcomes.ok == 50);
  CHECK(outcomes.errors[Code::over_quota] == 25);
  CHECK(outcomes.thrown == 25);
  CHECK(get(*kit, k("count")) == "50");
  CHECK(get(*kit, k("of 1")) == "(none)");
  CHECK(get(*kit, k("of 3")) == "(none)");
  CHECK(get(*kit, k("of 4")) == "x");
}

TEST_CASE_TEMPLATE("writers of one hot counter never lose an update", Kit, MemoryKit, RocksKit) {
  Kit kit;
  const auto count_up = [](Txn& tx) -> base::Result<void> {
    postrider::schema::Blob counter;
    TRY_ASSIGN(const auto record, tx.get(kNumbers, {1}));
    if (record) counter = *record;
    counter.set_size(counter.size() + 1);
    tx.put(kNumbers, {1}, counter);
    return {};
  };
  Outcomes outcomes;
  for (int round = 0; round < 20; ++round) {
    std::vector<net::Task<void>> tasks;
    for (int i = 0; i < 32; ++i) tasks.push_back(attempt(*kit, count_up, outcomes));
    run_all(std::move(tasks));
  }
  CHECK(outcomes.ok == 32 * 20);
  CHECK((*(*kit).reader())->get(kNumbers, {1}).value()->size() == 32 * 20);
}

TEST_CASE_TEMPLATE("the layers of a group agree with a plain map", Kit, MemoryKit, RocksKit) {
  Kit kit;
  std::map<std::string, std::string> model;
  std::mt19937 random(7);
  Outcomes outcomes;
  // All in one loop turn, so that most of them share groups: own writes over the group's over the stored ones.
  for (int round = 0; round < 10; ++round) {
    std::vector<net::Task<void>> tasks;
    for (int i = 0; i < 30; ++i) {
      const auto seed = static_cast<unsigned>(random());
      tasks.push_back(attempt(*kit, [&model, seed](Txn& tx) { return random_step(tx, model, seed); }, outcomes));
    }
    run_all(std::move(tasks));
  }
  CHECK(outcomes.ok > 0);
  CHECK(outcomes.ok + outcomes.errors[Code::conflict] == 300);
  std::map<std::string, std::string> stored;
  const auto reader = *(*kit).reader();
  for (auto cursor = reader->scan_raw("\xC8", "\xC9"); cursor->valid(); cursor->next()) {
    stored.emplace(cursor->key(), cursor->value());
  }
  CHECK(stored == model);
}

TEST_CASE_TEMPLATE("reads run on the pool, writes from many loops", Kit, MemoryKit, RocksKit) {
  Kit kit;
  const auto session = [](Store& store, std::uint32_t id) -> net::Task<void> {
    for (int i = 0; i < 10; ++i) {
      const auto written = co_await store.write({Owner::directory()}, [id, i](Txn& tx) -> base::Result<void> {
        tx.put_raw(encode_key(200, id), std::to_string(i));
        return {};
      });
      CHECK(written.has_value());
      const auto read = co_await store.read([id](const Reader& reader) -> base::Result<std::string> {
        std::string value;
        TRY(reader.get_raw(encode_key(200, id), value));
        return value;
      });
      // What was acknowledged is seen at once.
      CHECK(*read == std::to_string(i));
    }
  };
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      std::vector<net::Task<void>> tasks;
      for (std::uint32_t i = 0; i < 5; ++i) tasks.push_back(session(*kit, t * 100 + i));
      run_all(std::move(tasks));
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(count_records(*kit, 200) == 15);
}

TEST_CASE("a stalled sync resumes nobody, and readers do not see what it holds") {
  MemoryKit kit;
  const auto put = [](const char* value) {
    return [value](Txn& tx) -> base::Result<void> {
      tx.put_raw(k("key"), value);
      return {};
    };
  };
  REQUIRE(write(*kit, put("durable")));
  kit.faults.hold(true);
  std::atomic<bool> resumed{false};
  Outcomes outcomes;
  std::thread waiting([&] {
    std::vector<net::Task<void>> tasks;
    for (int i = 0; i < 8; ++i) tasks.push_back(attempt(*kit, put("not yet"), outcomes));
    run_all(std::move(tasks));
    resumed = true;
  });
  kit.faults.await_sync(2);
  CHECK(!resumed);
  CHECK(get(*kit, k("key")) == "durable");
  kit.faults.hold(false);
  waiting.join();
  CHECK(outcomes.ok == 8);
  CHECK(get(*kit, k("key")) == "not yet");
}

net::Task<void> arrive(std::latch& latch) {
  latch.count_down();
  co_return;
}

TEST_CASE("who comes while a group's closures run shares its sync, and sees what they wrote") {
  MemoryKit kit;
  REQUIRE(write(*kit, [](Txn& tx) -> base::Result<void> {
    tx.put_raw(k("key"), "a");
    return {};
  }));
  const int before = kit.faults.syncs();
  const auto append = [](Txn& tx, char letter) -> base::Result<void> {
    std::string value;
    TRY(tx.get_raw(k("key"), value));
    tx.put_raw(k("key"), value + letter);
    return {};
  };
  std::latch submitted(1);
  Outcomes outcomes;
  std::vector<net::Task<void>> tasks;
  tasks.push_back(attempt(
      *kit,
      [&](Txn& tx) {
        submitted.wait();
        return append(tx, 'b');
      },
      outcomes));
  tasks.push_back(attempt(*kit, [&](Txn& tx) { return append(tx, 'c'); }, outcomes));
  tasks.push_back(arrive(submitted));
  run_all(std::move(tasks));
  CHECK(outcomes.ok == 2);
  CHECK(get(*kit, k("key")) == "abc");
  CHECK(kit.faults.syncs() == before + 1);
}

/// Two writers in a group whose sync is held, and a third one that comes then: each appends a letter to one record.
struct OnTheWay {
  MemoryKit kit;
  Outcomes outcomes;
  std::atomic<bool> third_ran{false};
  std::string third_saw;  // once third_ran

  static base::Result<void> append(Txn& tx, char letter, std::string& value) {
    TRY(tx.get_raw(k("key"), value));
    tx.put_raw(k("key"), value + letter);
    return {};
  }
  std::thread start() {
    return std::thread([this] {
      std::latch submitted(1);
      std::vector<net::Task<void>> tasks;
      const auto first = [&](Txn& tx) {
        submitted.wait();
        std::string value;
        return append(tx, 'b', value);
      };
      const auto second = [&](Txn& tx) {
        std::string value;
        return append(tx, 'c', value);
      };
      tasks.push_back(attempt(*kit, first, outcomes));
      tasks.push_back(attempt(*kit, second, outcomes));
      tasks.push_back(arrive(submitted));
      run_all(std::move(tasks));
    });
  }
  std::thread come_third(Outcomes& outcomes_of_third) {
    return std::thread([this, &outcomes_of_third] {
      const auto third = [this](Txn& tx) {
        const auto done = append(tx, 'd', third_saw);
        third_ran = true;
        return done;
      };
      std::vector<net::Task<void>> tasks;
      tasks.push_back(attempt(*kit, third, outcomes_of_third));
      run_all(std::move(tasks));
    });
  }
  bool await_third() const {
    for (int i = 0; i < 2000 && !third_ran; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return third_ran;
  }
};

TEST_CASE("while a group is on its way to the disk the next closures run, and see what it wrote") {
  OnTheWay way;
  REQUIRE(write(*way.kit, [](Txn& tx) -> base::Result<void> {
    tx.put_raw(k("key"), "a");
    return {};
  }));
  way.kit.faults.hold(true);
  std::thread two = way.start();
  way.kit.faults.await_sync(2);
  Outcomes third;
  std::thread later = way.come_third(third);
  CHECK(way.await_third());
  CHECK(way.third_saw == "abc");
  CHECK(get(*way.kit, k("key")) == "a");  // for readers nothing of it is there yet
  way.kit.faults.hold(false);
  two.join();
  later.join();
  CHECK(way.outcomes.ok == 2);
  CHECK(third.ok == 1);
  CHECK(get(*way.kit, k("key")) == "abcd");
}

TEST_CASE("when a group fails on its way to the disk, those who saw what it wrote fail with it") {
  OnTheWay way;
  way.kit.faults.hold(true);
  way.kit.faults.fail_next(1);
  std::thread two = way.start();
  way.kit.faults.await_sync(1);
  Outcomes third;
  std::thread later = way.come_third(third);
  CHECK(way.await_third());
  CHECK(way.third_saw == "bc");
  way.kit.faults.hold(false);
  two.join();
  later.join();
  CHECK(way.outcomes.errors[Code::unavailable] == 2);
  CHECK(third.errors[Code::unavailable] == 1);
  CHECK(get(*way.kit, k("key")) == "(none)");
}

TEST_CASE("a failing sync fails its whole group, leaves none of it, and the store goes on") {
  MemoryKit kit;
  kit.faults.hold(true);
  kit.faults.fail_next(2);
  Outcomes outcomes;
  std::vector<net::Task<void>> tasks;
  for (int i = 0; i < 6; ++i) {
    // A refusal that rests on what the group wrote is as uncertain as the group.
    const auto take = [i](Txn& tx) -> base::Result<void> {
      std::string value;
      TRY_ASSIGN(const bool there, tx.get_raw(k("key"), value));
      if (there) return base::fail(Code::exists, "taken");
      tx.put_raw(k("key"), std::to_string(i));
      return {};
    };
    tasks.push_back(attempt(*kit, take, outcomes));
  }
  std::thread release([&] {
    kit.faults.await_sync(1);
    std::this_thread::sleep_for(std::chrono::milliseconds(30));  // the others queue up behind the first
    kit.faults.hold(false);
  });
  run_all(std::move(tasks));
  release.join();
  CHECK(outcomes.errors[Code::unavailable] == 6);
  CHECK(get(*kit, k("key")) == "(none)");
  for (int i = 0; i < 200 && !(*kit).accepts_writes(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  kit.faults.fail_next(0);
  REQUIRE(write(*kit, [](Txn& tx) -> base::Result<void> {
    tx.put_raw(k("key"), "after");
    return {};
  }));
  CHECK(get(*kit, k("key")) == "after");
}

TEST_CASE_TEMPLATE("ids only grow, and near the clock", Kit, MemoryKit, RocksKit) {
  Kit kit;
  kit.clock.set(2'000'000'000'000'000);
  std::uint64_t last = (*kit).next_id();
  CHECK(last >= 2'000'000'000'000'000);
  kit.clock.set(1'000'000'000'000'000);  // the clock goes back
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t id = (*kit).next_id();
    CHECK(id > last);
    last = id;
  }
}

}  // namespace store::test
