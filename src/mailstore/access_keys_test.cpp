// RFC 4467 §2.2: a key for each mailbox, which nobody can guess, and which goes with it.
#include <set>

#include "mailstore/tables.h"
#include "mailstore/test_kit.h"

using namespace mailstore;
using namespace mailstore::test;

namespace {

constexpr AccountId kAnna{1};
constexpr AccountId kBert{2};

std::string key_of(Kit& kit, AccountId account, MailboxId mailbox, bool make = false) {
  const auto key = net::run(kit->access_key(account, mailbox, make));
  return key ? *key : std::string(base::name(key.error().code));
}

}  // namespace

TEST_CASE("an access key is made once, stays, and is another for each mailbox and account") {
  for (const Engine engine : {Engine::memory, Engine::embedded}) {
    Kit kit(engine);
    CAPTURE(name(engine));
    const MailboxId inbox = kit.mailbox(kAnna, "INBOX").id;
    const MailboxId sent = kit.mailbox(kAnna, "Sent").id;
    const MailboxId other = kit.mailbox(kBert, "INBOX").id;
    CHECK(key_of(kit, kAnna, inbox) == "not_found");
    const std::string key = key_of(kit, kAnna, inbox, true);
    CHECK(key.size() == 32);
    CHECK(std::set{key, key_of(kit, kAnna, sent, true), key_of(kit, kBert, other, true)}.size() == 3);
    kit.reopen();
    CHECK(key_of(kit, kAnna, inbox, true) == key);
    CHECK(key_of(kit, kAnna, inbox) == key);
    CHECK(key_of(kit, kAnna, MailboxId{99}, true) == "not_found");
    CHECK(kit.problems() == std::vector<std::string>{});
  }
}

TEST_CASE("a replaced key is told by the view, and changes nothing of what the mailbox holds") {
  Kit kit;
  const MailboxId inbox = value(kit.deliver(kAnna, message("1"))).mailbox;
  const std::string key = key_of(kit, kAnna, inbox, true);
  const auto before = kit.view(kAnna, inbox);
  CHECK(before->access_key_modseq() == 0);
  value(net::run(kit->replace_access_key(kAnna, inbox)));
  const auto after = kit.view(kAnna, inbox);
  CHECK(after->access_key_modseq() > before->highest_modseq());
  CHECK(after->highest_modseq() == before->highest_modseq());
  CHECK(uids(*after) == uids(*before));
  const std::string next = key_of(kit, kAnna, inbox);
  CHECK(next.size() == 32);
  CHECK(next != key);
  CHECK(code(net::run(kit->replace_access_key(kAnna, MailboxId{99}))) == "not_found");
  CHECK(kit.problems() == std::vector<std::string>{});
}

TEST_CASE("all keys of an account go at once, in as many commits as it takes, and those of others stay") {
  Kit kit;
  const MailboxId inbox = kit.mailbox(kAnna, "INBOX").id;
  const MailboxId other = kit.mailbox(kBert, "INBOX").id;
  std::vector<MailboxId> made{inbox};
  for (std::size_t i = 0; i < kBatch + 2; ++i) made.push_back(kit.create(kAnna, "m" + std::to_string(i)).id);
  for (const MailboxId id : made) CHECK(key_of(kit, kAnna, id, true).size() == 32);
  const std::string kept = key_of(kit, kBert, other, true);
  const MailboxId without = kit.mailbox(kAnna, "Sent").id;
  value(net::run(kit->remove_access_keys(kAnna)));
  for (const MailboxId id : made) CHECK(key_of(kit, kAnna, id) == "not_found");
  CHECK(key_of(kit, kBert, other) == kept);
  CHECK(kit.view(kAnna, inbox)->access_key_modseq() != 0);
  CHECK(kit.view(kAnna, without)->access_key_modseq() == 0);
  CHECK(kit.problems() == std::vector<std::string>{});
}

TEST_CASE("a key goes with its mailbox or account, and the check names one that is left over or broken") {
  Kit kit;
  const MailboxId box = kit.create(kAnna, "box").id;
  const std::string key = key_of(kit, kAnna, box, true);
  value(net::run(kit->remove_mailbox(kAnna, box)));
  CHECK(key_of(kit, kAnna, box) == "not_found");
  const MailboxId again = kit.create(kAnna, "box").id;
  CHECK(key_of(kit, kAnna, again, true) != key);
  CHECK(kit.problems() == std::vector<std::string>{});
  value(kit.write(kAnna, [&](store::Txn& tx) -> base::Result<void> {
    tx.put_raw(store::encode_key(kAccessKeys.id, kAnna, again), "\x0a\x01x");
    tx.put_raw(store::encode_key(kAccessKeys.id, kAnna, MailboxId{99}), "");
    return {};
  }));
  const auto problems = kit.problems();
  CHECK(problems.size() == 3);
  value(net::run(kit->purge(kAnna)));
  CHECK(kit.problems() == std::vector<std::string>{});
}
