#include "mailstore/views.h"

#include "mailstore/test_kit.h"

using namespace mailstore;
using namespace mailstore::test;

namespace {

constexpr AccountId kAnna{1};

/// Mailboxes of 50 messages, and a cache of its own that has room for about one of them.
struct Small {
  Kit kit;
  std::vector<MailboxId> boxes;
  Context context{.store = kit.store(), .clock = base::system_clock()};
  std::shared_ptr<Views> views = std::make_shared<Views>(context, [](AccountId, Synced) {}, 100);

  Small() {
    for (const char* name : {"a", "b", "c"}) {
      boxes.push_back(kit.create(kAnna, name).id);
      std::vector<Mailstore::AppendMessage> messages;
      for (int i = 0; i < 50; ++i) messages.push_back({kit.incoming(message(std::to_string(i))), {}});
      value(net::run(kit->append(kAnna, boxes.back(), std::move(messages))));
    }
  }
  std::shared_ptr<const View> get(std::size_t box) { return value(net::run(views->get(kAnna, boxes[box]))); }
};

net::Task<void> ask(Views& views, MailboxId box, std::vector<std::shared_ptr<const View>>& out, std::size_t& left,
                    net::Loop& loop) {
  const auto view = co_await views.get(kAnna, box);
  if (view) out.push_back(*view);
  if (--left == 0) loop.stop();
}

}  // namespace

TEST_CASE("beyond its limit the cache keeps only what sessions hold") {
  Small small;
  const auto held = small.get(0);
  std::weak_ptr<const View> dropped = small.get(1);
  CHECK(small.get(1) == dropped.lock());
  small.get(2);
  CHECK(dropped.expired());
  CHECK(small.get(0) == held);  // the same one, though it is not the cache's any more
  CHECK(small.get(1)->size() == 50);
}

TEST_CASE("sessions that ask at once share one view") {
  Small small;
  std::vector<std::shared_ptr<const View>> out;
  std::size_t left = 20;
  net::Loop loop;
  for (std::size_t i = 0; i < 20; ++i) loop.spawn(ask(*small.views, small.boxes[0], out, left, loop));
  loop.run();
  REQUIRE(out.size() == 20);
  for (const auto& view : out) CHECK(view == out.front());
}

TEST_CASE("a purge takes the cached views of its account along") {
  Small small;
  const auto held = small.get(0);
  small.views->drop(kAnna);
  const auto again = small.get(0);
  CHECK(again != held);
  CHECK(again->size() == 50);
  CHECK(code(net::run(small.views->get(kAnna, MailboxId{99}))) == "not_found");
  CHECK(code(net::run(small.views->get(AccountId{9}, small.boxes[0]))) == "not_found");
}

TEST_CASE("while a commit is on its way, or failed, views are right all the same") {
  Small small;
  const auto before = small.get(0);
  small.context.live.assign(kAnna, before->highest_modseq() + 1000);  // a closure that never became durable
  CHECK(small.get(0) == before);
  value(net::run(small.kit->store_flags(kAnna, small.boxes[0], {7}, FlagChange::add, {.system = kSeen}, {})));
  CHECK(compare(*before, *small.get(0)).changed == std::vector<Uid>{7});
}
