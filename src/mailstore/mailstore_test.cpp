#include <atomic>

#include "mailstore/tables.h"
#include "mailstore/test_kit.h"
#include "mime/imap_form.h"

using namespace mailstore;
using namespace mailstore::test;

namespace {

constexpr AccountId kAnna{1};
constexpr AccountId kBob{2};

/// A mailbox of `count` small messages.
Mailbox filled(Kit& kit, const std::string& path, int count) {
  const Mailbox made = kit.create(kAnna, path);
  std::vector<Mailstore::AppendMessage> messages;
  for (int i = 0; i < count; ++i) messages.push_back({kit.incoming(message(path + std::to_string(i))), {}});
  value(net::run(kit->append(kAnna, made.id, std::move(messages))));
  return kit.mailbox(kAnna, path);
}

std::vector<std::string> keywords(const View& view, std::size_t index) {
  return view.keyword_set(view.at(index).keywords);
}

ThreadId thread_of(Kit& kit, EmailId email) {
  ThreadId thread;
  value(net::run(kit->read(kAnna, [&](EmailReader& reader) -> base::Result<void> {
    TRY_ASSIGN(const auto found, reader.email(email));
    thread = found.thread;
    return {};
  })));
  return thread;
}

}  // namespace

TEST_CASE("a delivered message is in INBOX with its bytes, size, envelope and structure") {
  for (const Engine engine : {Engine::memory, Engine::embedded}) {
    CAPTURE(name(engine));
    Kit kit(engine);
    const std::string text = message("one", "Content-Type: text/plain; charset=utf-8\r\n");
    const std::string prefix = "Return-Path: <anna@example.test>\r\nDelivered-To: bob\r\n";
    const Filed filed = value(
        kit.deliver(kAnna, text, {.prefix = prefix, .received = {.unix_seconds = 1'700'000'000, .zone_minutes = 60}}));
    CHECK(filed.uid == 1);
    const Mailbox inbox = kit.mailbox(kAnna, "inbox");
    CHECK(inbox.id == filed.mailbox);
    CHECK(inbox.name == "INBOX");
    CHECK(inbox.uid_validity == filed.uid_validity);
    CHECK((inbox.messages == 1 && inbox.unseen == 1 && inbox.deleted == 0 && inbox.uid_next == 2));
    CHECK(inbox.size == prefix.size() + text.size());
    kit.reopen();

    const auto view = kit.view(kAnna, inbox.id);
    REQUIRE(view->size() == 1);
    CHECK(view->at(0).size == prefix.size() + text.size());
    CHECK(view->at(0).email == filed.email);
    value(net::run(kit->read(kAnna, [&](EmailReader& reader) -> base::Result<void> {
      TRY_ASSIGN(const auto email, reader.email(filed.email));
      CHECK(email.received == mime::DateTime{.unix_seconds = 1'700'000'000, .zone_minutes = 60});
      CHECK(email.message_id == "<one@example.test>");
      CHECK(email.envelope.find("\"A letter\"") != std::string::npos);
      TRY_ASSIGN(const auto structure, reader.structure(filed.email));
      CHECK(structure == mime::parse(prefix + text));
      std::string bytes;
      TRY(reader.bytes(email, 0, 1'000'000, bytes));
      CHECK(bytes == prefix + text);
      bytes.clear();
      TRY(reader.bytes(email, prefix.size() - 3, 10, bytes));
      CHECK(bytes == (prefix + text).substr(prefix.size() - 3, 10));
      bytes.clear();
      TRY(reader.bytes(email, 1'000'000, 10, bytes));
      CHECK(bytes.empty());
      CHECK(code(reader.email(EmailId{5})) == "not_found");
      return {};
    })));
    CHECK(kit.problems() == std::vector<std::string>{});
  }
}

TEST_CASE("a field that only the prefix has counts for ENVELOPE and threads") {
  Kit kit;
  const Filed filed =
      value(kit.deliver(kAnna, "From: a@x\r\nSubject: s\r\n\r\nhi\r\n", {.prefix = "Message-ID: <added@here>\r\n"}));
  value(net::run(kit->read(kAnna, [&](EmailReader& reader) -> base::Result<void> {
    TRY_ASSIGN(const auto email, reader.email(filed.email));
    CHECK(email.message_id == "<added@here>");
    CHECK(email.envelope.find("<added@here>") != std::string::npos);
    return {};
  })));
}

TEST_CASE("a mail that is nearly all header goes to a thousand accounts in a commit of bounded size, and is readable") {
  Kit kit;
  std::string to = "To: first@example.test";
  for (int i = 0; i < 2000; ++i) to += ",\r\n Somebody <somebody-" + std::to_string(i) + "@example.test>";
  const std::string text = message("huge", to + "\r\nContent-Type: multipart/mixed; boundary=b\r\n",
                                   "--b\r\n\r\nHello.\r\n--b\r\nContent-Type: text/html\r\n\r\nHi.\r\n--b--\r\n");
  const Incoming mail = kit.incoming(text);
  const std::string prefix = "Return-Path: <anna@example.test>\r\n";
  value(kit.write(kAnna, [&](store::Txn& tx) -> base::Result<void> {
    for (std::uint64_t i = 1; i <= 1000; ++i) {
      TRY(kit->file(tx, AccountId{i}, std::nullopt, mail, {.prefix = prefix}));
    }
    return {};
  }));
  std::size_t bytes = 0;
  const auto reader = value(kit.store().reader());
  for (auto cursor = reader->scan(kEmails); cursor.valid(); cursor.next()) bytes += cursor.raw_value().size();
  CHECK(bytes < 1000 * 36 * 1024);

  const EmailId email = kit.view(kAnna, kit.mailbox(kAnna, "INBOX").id)->at(0).email;
  value(net::run(kit->read(kAnna, [&](EmailReader& reader) -> base::Result<void> {
    TRY_ASSIGN(const auto found, reader.email(email));
    CHECK(found.envelope == mime::imap_envelope(mail.parsed->envelopes.front()));
    CHECK(found.envelope.find("\"somebody-5\"") != std::string::npos);
    CHECK(found.message_id == "<huge@example.test>");
    TRY_ASSIGN(const auto structure, reader.structure(email));
    CHECK(structure == mime::parse(prefix + text, kParseLimits));
    CHECK(structure.parts.size() == 3);
    return {};
  })));
  CHECK(kit.problems() == std::vector<std::string>{});
}

TEST_CASE("a full account refuses a message, and the other recipients of the commit get theirs") {
  Kit kit;
  const Incoming mail = kit.incoming(message("big", "", std::string(1000, 'x') + "\r\n"));
  std::string anna;
  value(kit.write(kAnna, [&](store::Txn& tx) -> base::Result<void> {
    anna = code(kit->file(tx, kAnna, std::nullopt, mail, {.quota = {.bytes = 500}}));
    TRY(kit->file(tx, kBob, std::nullopt, mail, {.quota = {.bytes = 5000}}));
    return {};
  }));
  CHECK(anna == "over_quota");
  CHECK(kit.problems() == std::vector<std::string>{});
  CHECK(value(net::run(kit->usage(kAnna))).messages == 0);
  CHECK(value(net::run(kit->usage(kBob))).messages == 1);
  CHECK(kit.mailbox(kAnna, "INBOX").messages == 0);
  CHECK(kit.mailbox(kBob, "INBOX").messages == 1);
}

TEST_CASE("a limit of messages counts copies again, and what moves not") {
  Kit kit;
  const Mailbox from = filled(kit, "From", 4);
  const Mailbox to = kit.mailbox(kAnna, "Archive");
  const base::Quota six{.messages = 6};
  const auto copy = [&](std::vector<Uid> uids) {
    return net::run(kit->copy(kAnna, from.id, std::move(uids), {.mailbox = to.id, .quota = six}));
  };
  CHECK(code(copy({1, 2, 3})) == "over_quota");
  CHECK(kit.mailbox(kAnna, "Archive").messages == 0);
  value(copy({1, 2}));
  CHECK(value(net::run(kit->usage(kAnna))).messages == 4);
  CHECK(value(net::run(kit->usage(kAnna))).copies == 2);
  CHECK(code(copy({3})) == "over_quota");
  value(net::run(kit->move(kAnna, from.id, {1, 2, 3}, {.mailbox = to.id, .quota = six})));
  const Incoming mail = kit.incoming(message("more"));
  const auto file = [&](base::AccountId account) {
    std::string result;
    value(kit.write(account, [&](store::Txn& tx) -> base::Result<void> {
      result = code(kit->file(tx, account, std::nullopt, mail, {.quota = six}));
      return {};
    }));
    return result;
  };
  CHECK(file(kAnna) == "over_quota");
  // Of another account: it is the other's number that counts.
  for (int i = 0; i < 4; ++i) CHECK(file(kBob) == "ok");
  const Mailbox bobs = kit.mailbox(kBob, "Archive");
  const Target target{.mailbox = bobs.id, .account = kBob, .quota = six};
  CHECK(code(net::run(kit->copy(kAnna, to.id, {1, 2, 3}, target))) == "over_quota");
  CHECK(code(net::run(kit->move(kAnna, to.id, {1, 2, 3}, target))) == "over_quota");
  value(net::run(kit->move(kAnna, to.id, {1, 2}, target)));
  CHECK(value(net::run(kit->usage(kBob))).messages == 6);
  CHECK(kit.problems() == std::vector<std::string>{});
}

TEST_CASE("flags are set, added and removed; keywords keep the spelling they had first") {
  Kit kit;
  const Mailbox box = filled(kit, "Work", 3);
  const auto store_flags = [&](std::vector<Uid> uids, FlagChange change, Flags flags) {
    return net::run(kit->store_flags(kAnna, box.id, std::move(uids), change, std::move(flags), std::nullopt));
  };
  value(store_flags({1, 2}, FlagChange::add, {.system = kSeen | kFlagged, .keywords = {"$Forwarded"}}));
  value(store_flags({2, 3, 99}, FlagChange::add, {.keywords = {"$FORWARDED", "work"}}));
  auto view = kit.view(kAnna, box.id);
  CHECK(view->at(0).flags == (kSeen | kFlagged));
  CHECK(keywords(*view, 0) == std::vector<std::string>{"$Forwarded"});
  CHECK(keywords(*view, 1) == std::vector<std::string>{"$Forwarded", "work"});
  CHECK(keywords(*view, 2) == std::vector<std::string>{"$Forwarded", "work"});

  value(store_flags({1, 2}, FlagChange::remove, {.system = kFlagged, .keywords = {"$forwarded", "unknown"}}));
  value(store_flags({3}, FlagChange::set, {.system = kDeleted}));
  view = kit.view(kAnna, box.id);
  CHECK(view->at(0).flags == kSeen);
  CHECK(keywords(*view, 1) == std::vector<std::string>{"work"});
  CHECK(view->at(2).flags == kDeleted);
  CHECK(keywords(*view, 2).empty());
  CHECK(view->keywords() == std::vector<std::string>{"$Forwarded", "work"});
  const Mailbox now = kit.mailbox(kAnna, "Work");
  CHECK((now.messages == 3 && now.unseen == 1 && now.deleted == 1));
  CHECK(now.highest_modseq == view->highest_modseq());

  // What is so already changes nothing.
  value(store_flags({1}, FlagChange::add, {.system = kSeen}));
  CHECK(kit.mailbox(kAnna, "Work").highest_modseq == now.highest_modseq);
  CHECK(code(store_flags({1}, FlagChange::add, {.keywords = {"two words"}})) == "invalid");
  CHECK(kit.problems() == std::vector<std::string>{});
}

TEST_CASE("a mailbox knows 255 keywords and refuses the next") {
  Kit kit;
  const Mailbox box = filled(kit, "Work", 1);
  for (int i = 0; i < 255; ++i) {
    value(net::run(kit->store_flags(kAnna, box.id, {1}, FlagChange::set, {.keywords = {"k" + std::to_string(i)}}, {})));
  }
  CHECK(code(net::run(kit->store_flags(kAnna, box.id, {1}, FlagChange::set, {.keywords = {"more"}}, {}))) ==
        "too_large");
  CHECK(keywords(*kit.view(kAnna, box.id), 0) == std::vector<std::string>{"k254"});
  CHECK(kit.problems() == std::vector<std::string>{});
}

// RFC 7162 §3.1.3
TEST_CASE("a conditional STORE leaves alone what somebody else has changed meanwhile") {
  Kit kit;
  const Mailbox box = filled(kit, "Work", 600);
  const ModSeq seen = box.highest_modseq;
  value(net::run(kit->store_flags(kAnna, box.id, {3, 500}, FlagChange::add, {.system = kSeen}, std::nullopt)));
  std::vector<Uid> all;
  for (Uid uid = 1; uid <= 600; ++uid) all.push_back(uid);
  const auto refused =
      value(net::run(kit->store_flags(kAnna, box.id, all, FlagChange::add, {.system = kFlagged}, seen)));
  CHECK(refused == std::vector<Uid>{3, 500});
  const auto view = kit.view(kAnna, box.id);
  CHECK(view->at(0).flags == kFlagged);
  CHECK(view->at(2).flags == kSeen);
  CHECK(view->at(599).flags == kFlagged);
}

// RFC 9051 §6.4.7, RFC 8474 §5.1
TEST_CASE("a copy keeps flags, keywords and email; both count once against the quota") {
  Kit kit;
  const Mailbox from = filled(kit, "From", 3);
  const Mailbox to = filled(kit, "To", 1);
  value(net::run(kit->store_flags(kAnna, to.id, {1}, FlagChange::set, {.keywords = {"other"}}, {})));
  value(net::run(kit->store_flags(kAnna, from.id, {2}, FlagChange::set, {.system = kSeen, .keywords = {"work"}}, {})));
  const Usage before = value(net::run(kit->usage(kAnna)));
  const Copied copied = value(net::run(kit->copy(kAnna, from.id, {3, 2, 77}, {.mailbox = to.id})));
  CHECK(copied.uids == std::vector<Uid>{2, 3});
  CHECK(copied.new_uids == std::vector<Uid>{2, 3});
  CHECK(copied.uid_validity == to.uid_validity);
  const auto source = kit.view(kAnna, from.id);
  const auto target = kit.view(kAnna, to.id);
  CHECK(target->at(1).email == source->at(1).email);
  CHECK(target->at(1).flags == kSeen);
  CHECK(keywords(*target, 1) == std::vector<std::string>{"work"});
  CHECK(value(net::run(kit->usage(kAnna))).bytes == before.bytes);
  // A message may stand twice in one mailbox.
  value(net::run(kit->copy(kAnna, to.id, {2}, {.mailbox = to.id})));
  CHECK(uids(*kit.view(kAnna, to.id)) == std::vector<Uid>{1, 2, 3, 4});
  CHECK(code(net::run(kit->copy(kAnna, from.id, {1}, {.mailbox = MailboxId{99}}))) == "not_found");
  CHECK(kit.problems() == std::vector<std::string>{});
}

// RFC 9051 §6.4.8
TEST_CASE("moved messages are in one mailbox only, and have new UIDs when that is the same one") {
  Kit kit;
  const Mailbox from = filled(kit, "From", 700);
  const Mailbox to = kit.create(kAnna, "To");
  std::vector<Uid> all;
  for (Uid uid = 1; uid <= 650; ++uid) all.push_back(uid);
  const Copied moved = value(net::run(kit->move(kAnna, from.id, all, {.mailbox = to.id})));
  CHECK(moved.uids == all);
  CHECK(moved.new_uids == all);
  CHECK(kit.view(kAnna, from.id)->size() == 50);
  CHECK(kit.view(kAnna, to.id)->size() == 650);
  const Copied again = value(net::run(kit->move(kAnna, to.id, {1, 2}, {.mailbox = to.id})));
  CHECK(again.new_uids == std::vector<Uid>{651, 652});
  const auto view = kit.view(kAnna, to.id);
  CHECK(view->size() == 650);
  CHECK(view->at(0).uid == 3);
  CHECK(code(net::run(kit->move(kAnna, to.id, {}, {.mailbox = MailboxId{99}}))) == "not_found");
  CHECK(kit.problems() == std::vector<std::string>{});
}

TEST_CASE("expunge removes what is marked, and the body when it was the last copy") {
  Kit kit(Engine::embedded);
  const Mailbox box = filled(kit, "Work", 5);
  const Mailbox other = kit.create(kAnna, "Other");
  value(net::run(kit->copy(kAnna, box.id, {2}, {.mailbox = other.id})));
  const auto before = kit.view(kAnna, box.id);
  const EmailId shared = before->at(1).email;
  value(net::run(kit->store_flags(kAnna, box.id, {2, 3, 5}, FlagChange::add, {.system = kDeleted}, {})));
  CHECK(value(net::run(kit->expunge(kAnna, box.id, std::vector<Uid>{1, 2, 3}))) == std::vector<Uid>{2, 3});
  CHECK(value(net::run(kit->usage(kAnna))).messages == 4);
  CHECK(value(net::run(kit->expunge(kAnna, box.id, std::nullopt))) == std::vector<Uid>{5});
  CHECK(value(net::run(kit->expunge(kAnna, box.id, std::nullopt))).empty());
  const auto after = kit.view(kAnna, box.id);
  CHECK(uids(*after) == std::vector<Uid>{1, 4});
  CHECK(compare(*before, *after).expunged == std::vector<std::uint32_t>{1, 2, 4});
  CHECK(thread_of(kit, shared));
  CHECK(value(net::run(kit->usage(kAnna))).messages == 3);
  CHECK(kit.mailbox(kAnna, "Work").uid_next == 6);
  CHECK(kit.problems() == std::vector<std::string>{});
}

// RFC 8621 §3
TEST_CASE("replies join the thread of what they answer, also when they come first") {
  Kit kit;
  const auto deliver = [&](const std::string& id, const std::string& more) {
    return thread_of(kit, value(kit.deliver(kAnna, message(id, more))).email);
  };
  const ThreadId reply = deliver("reply", "In-Reply-To: <first@example.test>\r\nReferences: <zero@example.test>\r\n");
  const ThreadId first = deliver("first", "");
  const ThreadId zero = deliver("zero", "");
  const ThreadId later = deliver("later", "References: <unknown@x> <reply@example.test>\r\n");
  const ThreadId other = deliver("other", "");
  CHECK(first == reply);
  CHECK(zero == reply);
  CHECK(later == reply);
  CHECK(other != reply);
}

TEST_CASE("mails with made-up References leave little behind, and their replies find the thread") {
  Kit kit;
  std::string references = "References:";
  for (int i = 0; i < 45; ++i) references += "\r\n <made-up-" + std::to_string(i) + "@x>";
  const Filed game = value(kit.deliver(kAnna, message("game", references + "\r\n")));
  std::size_t records = 0;
  const auto reader = value(kit.store().reader());
  for (auto cursor = reader->scan(kThreads, kAnna); cursor.valid(); cursor.next()) ++records;
  CHECK(records == 3);
  const ThreadId thread = thread_of(kit, game.email);
  for (const char* const id : {"game@example.test", "made-up-44@x", "made-up-0@x"}) {
    const std::string answers = "In-Reply-To: <" + std::string(id) + ">\r\n";
    CHECK(thread_of(kit, value(kit.deliver(kAnna, message("to-" + std::string(id), answers))).email) == thread);
  }
}

TEST_CASE("watchers hear of every change until they leave") {
  Kit kit;
  std::atomic<int> heard = 0;
  auto watch = kit->watch(kAnna, [&] { ++heard; });
  const auto second = kit->watch(kAnna, [&] { heard += 100; });
  value(kit.deliver(kAnna, message("1")));
  CHECK(heard == 101);
  value(kit.deliver(kBob, message("2")));
  CHECK(heard == 101);
  watch.reset();
  const MailboxId inbox = kit.mailbox(kAnna, "INBOX").id;
  value(net::run(kit->store_flags(kAnna, inbox, {1}, FlagChange::add, {.system = kSeen}, {})));
  CHECK(heard == 201);
}

// RFC 3501 §2.3.2
TEST_CASE("a message is recent for the first session that selects its mailbox to write") {
  Kit kit;
  const Mailbox box = filled(kit, "Work", 3);
  CHECK(kit->first_recent(kAnna, box.id, 4, false) == 1);
  CHECK(kit->first_recent(kAnna, box.id, 4, true) == 1);
  CHECK(kit->first_recent(kAnna, box.id, 4, true) == 4);
  CHECK(kit->first_recent(kAnna, box.id, 6, false) == 4);
  CHECK(kit->first_recent(kAnna, box.id, 6, true) == 4);
  CHECK(kit->first_recent(kAnna, box.id, 6, true) == 6);
}

TEST_CASE("a view sees a commit whose changed() was not called yet") {
  Kit kit(Engine::embedded);
  const Mailbox box = filled(kit, "Work", 1);
  CHECK(kit.view(kAnna, box.id)->size() == 1);
  const Incoming mail = kit.incoming(message("x"));
  for (std::size_t i = 2; i < 20; ++i) {
    value(kit.write(kAnna, [&](store::Txn& tx) -> base::Result<void> {
      TRY(kit->file(tx, kAnna, box.id, mail, {}));
      return {};
    }));
    const auto view = kit.view(kAnna, box.id);
    REQUIRE(view->size() == i);
    CHECK(kit.view(kAnna, box.id) == view);  // and when nothing changed it is the same
  }
}

TEST_CASE("a view that fell behind the kept change records is read anew") {
  Kit kit;
  const Mailbox box = filled(kit, "Work", 2);
  const auto old_view = kit.view(kAnna, box.id);
  const Mailbox other = filled(kit, "Other", 1);
  for (int i = 0; i < 10'050; ++i) {
    const auto change = i % 2 == 0 ? FlagChange::add : FlagChange::remove;
    value(net::run(kit->store_flags(kAnna, other.id, {1}, change, {.system = kSeen}, {})));
  }
  value(net::run(kit->store_flags(kAnna, box.id, {2}, FlagChange::add, {.system = kSeen}, {})));
  const auto view = kit.view(kAnna, box.id);
  CHECK(compare(*old_view, *view).changed == std::vector<Uid>{2});
  CHECK(kit.problems() == std::vector<std::string>{});
}

TEST_CASE("what has vanished since a modseq is known as far as the change records go") {
  Kit kit;
  const Mailbox box = filled(kit, "Work", 6);
  const ModSeq before = kit.view(kAnna, box.id)->highest_modseq();
  const auto vanished = [&](ModSeq since) { return value(net::run(kit->vanished(kAnna, box.id, since))); };
  CHECK(vanished(before) == std::vector<Uid>{});
  CHECK(vanished(before + 1000) == std::vector<Uid>{});
  value(net::run(kit->store_flags(kAnna, box.id, {2, 5}, FlagChange::add, {.system = kDeleted}, {})));
  value(net::run(kit->expunge(kAnna, box.id, std::nullopt)));
  const ModSeq between = kit.view(kAnna, box.id)->highest_modseq();
  value(net::run(kit->move(kAnna, box.id, {3}, {.mailbox = kit.mailbox(kAnna, "Archive").id})));
  CHECK(vanished(before) == std::vector<Uid>{2, 3, 5});
  CHECK(vanished(between) == std::vector<Uid>{3});
  CHECK(vanished(0) == std::vector<Uid>{2, 3, 5});
  const Mailbox other = filled(kit, "Other", 1);
  for (int i = 0; i < 10'050; ++i) {
    const auto change = i % 2 == 0 ? FlagChange::add : FlagChange::remove;
    value(net::run(kit->store_flags(kAnna, other.id, {1}, change, {.system = kSeen}, {})));
  }
  CHECK(vanished(before) == std::nullopt);
}

TEST_CASE("a message is replaced in one commit, or stays when the new one is refused") {
  Kit kit;
  const Mailbox drafts = kit.mailbox(kAnna, "Drafts");
  const std::string text = message("draft");
  const Filed first = value(kit.deliver(kAnna, text, {}, drafts.id));
  const std::string longer = message("draft", "", "Hello again.\r\n");
  const auto replace = [&](std::uint64_t quota) {
    return net::run(kit->replace(kAnna, drafts.id, first.uid, {.mailbox = drafts.id},
                                 {kit.incoming(longer), {.flags = {.system = kDraft}, .quota = {.bytes = quota}}}));
  };
  CHECK(code(replace(longer.size() - 1)) == "over_quota");
  CHECK(uids(*kit.view(kAnna, drafts.id)) == std::vector<Uid>{1});
  const Filed second = value(replace(longer.size()));  // the old one's bytes count no more
  CHECK(second.uid == 2);
  CHECK(uids(*kit.view(kAnna, drafts.id)) == std::vector<Uid>{2});
  CHECK(value(net::run(kit->usage(kAnna))).bytes == longer.size());
  CHECK(code(replace(0)) == "not_found");
  CHECK(kit.problems() == std::vector<std::string>{});
}
