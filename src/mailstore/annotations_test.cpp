// Annotations of mailboxes and accounts (RFC 5464), and what a session is told that has changed (RFC 5465).
#include "mailstore/tables.h"
#include "mailstore/test_kit.h"

using namespace mailstore;
using namespace mailstore::test;

namespace {

constexpr AccountId kAnna{1};
constexpr AccountId kBob{2};

std::string listed(Kit& kit, AccountId account, MailboxId mailbox, AccountId reader) {
  std::string all;
  for (const Annotation& each : value(net::run(kit->annotations(account, mailbox, reader)))) {
    all += each.name + "=" + each.value + ";";
  }
  return all;
}

base::Result<void> annotate(Kit& kit, AccountId account, MailboxId mailbox, AccountId writer,
                            std::vector<AnnotationChange> changes) {
  return net::run(kit->annotate(account, mailbox, writer, std::move(changes)));
}

ModSeq now(Kit& kit, AccountId account) { return value(net::run(kit->changes(account, ~ModSeq{0}))).until; }

}  // namespace

TEST_CASE("private entries are seen by who wrote them, shared ones by all, on either engine") {
  for (const Engine engine : {Engine::memory, Engine::embedded}) {
    Kit kit(engine);
    const MailboxId box = kit.create(kAnna, "Work").id;
    value(annotate(kit, kAnna, box, kAnna, {{"/private/Comment", "mine"}, {"/shared/comment", "ours"}}));
    value(annotate(kit, kAnna, box, kBob, {{"/private/comment", "bob's"}, {"/shared/vendor/x/y", "2"}}));
    value(annotate(kit, kAnna, MailboxId{}, kAnna, {{"/private/vendor/x/y", std::string("a\0b", 3)}}));
    kit.reopen();
    CHECK(listed(kit, kAnna, box, kAnna) == "/private/Comment=mine;/shared/comment=ours;/shared/vendor/x/y=2;");
    CHECK(listed(kit, kAnna, box, kBob) == "/private/comment=bob's;/shared/comment=ours;/shared/vendor/x/y=2;");
    CHECK(listed(kit, kAnna, MailboxId{}, kAnna).size() == std::string("/private/vendor/x/y=a0b;").size());
    // Another spelling is the same entry, which keeps its own.
    value(annotate(kit, kAnna, box, kAnna, {{"/PRIVATE/comment", "changed"}, {"/shared/COMMENT", std::nullopt}}));
    CHECK(listed(kit, kAnna, box, kAnna) == "/private/Comment=changed;/shared/vendor/x/y=2;");
    CHECK(kit.problems().empty());
  }
}

TEST_CASE("annotations are bounded, and one that cannot be set leaves all as they were") {
  Kit kit;
  const MailboxId box = kit.create(kAnna, "Work").id;
  value(annotate(kit, kAnna, box, kAnna, {{"/private/comment", "before"}}));
  const auto too_long = annotate(kit, kAnna, box, kAnna,
                                 {{"/private/comment", "after"}, {"/shared/comment", std::string(16 * 1024 + 1, 'x')}});
  CHECK(code(too_long) == "too_large");
  std::vector<AnnotationChange> many;
  for (std::size_t i = 0; i < kMaxAnnotations; ++i) many.push_back({"/private/vendor/x/" + std::to_string(i), "v"});
  CHECK(code(annotate(kit, kAnna, box, kAnna, many)) == "too_large");
  CHECK(listed(kit, kAnna, box, kAnna) == "/private/comment=before;");
  many.pop_back();
  value(annotate(kit, kAnna, box, kAnna, many));
  CHECK(code(annotate(kit, kAnna, box, kAnna, {{"/shared/comment", "one more"}})) == "too_large");
  // A guest's private ones are the guest's, and count there.
  value(annotate(kit, kAnna, box, kBob, {{"/private/comment", "bob"}}));
  CHECK(code(annotate(kit, kAnna, box, kBob, {{"/private/comment", "x"}, {"/shared/comment", "x"}})) == "too_large");
  CHECK(listed(kit, kAnna, box, kBob).starts_with("/private/comment=bob;"));
  for (const char* name : {"/comment", "/private", "/private/", "/private//x", "/private/x/", "/shared/a*", "/shared/%",
                           "/shared/\xc3\xa4", "/shared/a\tb", "/shared/vendor", "/shared/vendor/x", "private/x", ""}) {
    CHECK_MESSAGE(code(annotate(kit, kAnna, box, kAnna, {{name, "v"}})) == "invalid", name);
  }
  CHECK(code(annotate(kit, kAnna, MailboxId{99}, kAnna, {{"/shared/comment", "v"}})) == "not_found");
  CHECK(kit.problems().empty());
}

TEST_CASE("the space of all annotations of an account is bounded") {
  Kit kit;
  const std::string value_bytes(kMaxAnnotationBytes, 'x');
  std::size_t taken = 0;
  bool full = false;
  for (int box = 0; box < 10 && !full; ++box) {
    const MailboxId id = kit.create(kAnna, "Box " + std::to_string(box)).id;
    for (int i = 0; i < 150 && !full; ++i) {
      const auto done = annotate(kit, kAnna, id, kAnna, {{"/private/vendor/x/" + std::to_string(i), value_bytes}});
      full = !done;
      if (done) ++taken;
    }
  }
  CHECK(full);
  CHECK(taken < kMaxAnnotatedBytes / kMaxAnnotationBytes);
  CHECK(taken > kMaxAnnotatedBytes / kMaxAnnotationBytes - 10);
  // What goes with its mailbox makes room.
  value(net::run(kit->remove_mailbox(kAnna, kit.mailbox(kAnna, "Box 0").id)));
  value(annotate(kit, kAnna, kit.mailbox(kAnna, "Box 1").id, kAnna, {{"/private/comment", value_bytes}}));
  CHECK(kit.problems().empty());
}

TEST_CASE("annotations follow a renamed mailbox, and go with a removed one and with their account") {
  Kit kit;
  const MailboxId box = kit.create(kAnna, "Work").id;
  const MailboxId inbox = kit.mailbox(kAnna, "INBOX").id;
  value(annotate(kit, kAnna, box, kAnna, {{"/shared/comment", "work"}}));
  value(annotate(kit, kAnna, box, kBob, {{"/private/comment", "bob"}}));
  value(annotate(kit, kAnna, inbox, kAnna, {{"/shared/comment", "in"}, {"/private/comment", "own"}}));
  value(net::run(kit->rename_mailbox(kAnna, box, "Job")));
  CHECK(listed(kit, kAnna, kit.mailbox(kAnna, "Job").id, kAnna) == "/shared/comment=work;");
  // RFC 5464 §4.1: INBOX keeps its own.
  value(net::run(kit->rename_mailbox(kAnna, inbox, "Old")));
  CHECK(listed(kit, kAnna, inbox, kAnna) == "/private/comment=own;/shared/comment=in;");
  CHECK(listed(kit, kAnna, kit.mailbox(kAnna, "Old").id, kAnna) == "/private/comment=own;/shared/comment=in;");
  value(net::run(kit->remove_mailbox(kAnna, box)));
  CHECK(listed(kit, kAnna, box, kAnna).empty());
  CHECK(kit.problems().empty());
  value(net::run(kit->purge(kBob)));
  CHECK(listed(kit, kAnna, box, kBob).empty());
  value(net::run(kit->purge(kAnna)));
  CHECK(listed(kit, kAnna, inbox, kAnna).empty());
  CHECK(kit.problems().empty());
}

TEST_CASE("changes name mailboxes, annotations and subscriptions once, and say when they do not go back so far") {
  Kit kit;
  const MailboxId box = kit.create(kAnna, "Work").id;
  const ModSeq before = now(kit, kAnna);
  value(kit.deliver(kAnna, message("1"), {}, box));
  value(kit.deliver(kAnna, message("2"), {}, box));
  value(annotate(kit, kAnna, box, kBob, {{"/private/comment", "bob"}, {"/shared/comment", "x"}}));
  value(annotate(kit, kAnna, box, kAnna, {{"/shared/comment", "y"}, {"/private/none", std::nullopt}}));
  value(net::run(kit->subscribe(kAnna, "Work")));
  value(net::run(kit->subscribe(kAnna, "Work")));
  Changes all = value(net::run(kit->changes(kAnna, before)));
  CHECK(all.known);
  CHECK(all.until == now(kit, kAnna));
  REQUIRE(all.mailboxes.size() == 1);
  CHECK(all.mailboxes[0].mailbox == box);
  CHECK(all.mailboxes[0].created);
  CHECK_FALSE(all.mailboxes[0].updated);
  CHECK_FALSE(all.mailboxes[0].destroyed);
  CHECK(all.annotations == std::vector<Changes::OfAnnotation>{{kAnna, box, "/shared/comment"}});
  CHECK(all.subscriptions == std::vector<std::string>{"Work"});
  CHECK(value(net::run(kit->changes(kBob, 0))).annotations ==
        std::vector<Changes::OfAnnotation>{{kAnna, box, "/private/comment"}});
  // Nothing since.
  CHECK(value(net::run(kit->changes(kAnna, all.until))).mailboxes.empty());
  value(net::run(kit->store_flags(kAnna, box, {1}, FlagChange::set, {.system = kDeleted}, std::nullopt)));
  value(net::run(kit->expunge(kAnna, box, std::nullopt)));
  value(net::run(kit->set_role(kAnna, box, Role::none)));
  value(net::run(kit->unsubscribe(kAnna, "Work")));
  all = value(net::run(kit->changes(kAnna, all.until)));
  REQUIRE(all.mailboxes.size() == 1);
  CHECK(all.mailboxes[0].updated);
  CHECK(all.mailboxes[0].destroyed);
  CHECK_FALSE(all.mailboxes[0].created);
  CHECK_FALSE(all.mailboxes[0].properties);
  CHECK(all.subscriptions == std::vector<std::string>{"Work"});
  value(net::run(kit->rename_mailbox(kAnna, box, "Job")));
  all = value(net::run(kit->changes(kAnna, all.until)));
  REQUIRE(all.mailboxes.size() == 1);
  CHECK(all.mailboxes[0].properties);
  value(net::run(kit->purge(kAnna)));
  CHECK(code(net::run(kit->changes(kAnna, 0))) == "not_found");
}

TEST_CASE("a special use can be given to a mailbox and taken away") {
  Kit kit;
  const MailboxId box = kit.create(kAnna, "Outgoing").id;
  CHECK(code(net::run(kit->set_role(kAnna, box, Role::sent))) == "exists");
  value(net::run(kit->set_role(kAnna, kit.mailbox(kAnna, "Sent").id, Role::none)));
  value(net::run(kit->set_role(kAnna, box, Role::sent)));
  CHECK(kit.mailbox(kAnna, "Outgoing").role == Role::sent);
  CHECK(kit.mailbox(kAnna, "Sent").role == Role::none);
  CHECK(code(net::run(kit->set_role(kAnna, kit.mailbox(kAnna, "INBOX").id, Role::none))) == "denied");
  CHECK(kit.problems().empty());
}
