// Thousands of random operations against a mail store and against a model that fits on a page; after each the two must
// agree on what a session can see. And several sessions at once on one account, which must agree among themselves.

#include <map>
#include <random>
#include <set>

#include "base/text.h"
#include "mailstore/test_kit.h"

using namespace mailstore;
using namespace mailstore::test;

namespace {

constexpr AccountId kAnna{1};
constexpr AccountId kBob{2};  // reads her mailboxes, some with a \Seen of his own

struct ModelMessage {
  std::uint8_t flags = 0;  // as Anna has them
  bool bob_has_seen = false;
  std::set<std::string> keywords;
  EmailId email;
  std::uint64_t size = 0;
};

struct ModelMailbox {
  MailboxId id;
  std::uint32_t uid_validity = 0;
  Uid uid_next = 1;
  bool shared = false;
  bool own_seen = false;
  std::map<Uid, ModelMessage> messages;
  /// What a session of either saw at some time before.
  struct Look {
    std::shared_ptr<const View> view;
    std::map<Uid, ModelMessage> messages;  // with their own flags
  };
  std::map<AccountId, Look> looks;

  bool bobs(AccountId reader) const { return own_seen && reader == kBob; }
  std::uint8_t flags_of(const ModelMessage& message, AccountId reader) const {
    if (!bobs(reader)) return message.flags;
    return static_cast<std::uint8_t>((message.flags & ~kSeen) | (message.bob_has_seen ? kSeen : 0));
  }
  void set_flags(ModelMessage& message, AccountId reader, std::uint8_t flags) const {
    if (bobs(reader)) {
      message.bob_has_seen = (flags & kSeen) != 0;
      flags = static_cast<std::uint8_t>((flags & ~kSeen) | (message.flags & kSeen));
    }
    message.flags = flags;
  }
};

/// One account, driven at random.
class Game {
 public:
  Game(Engine engine, unsigned seed) : random_(seed), kit_(engine) {
    for (const char* shared : {"INBOX", "Sent", "Junk"}) {
      AclChange change{.grantee = {.kind = Grantee::Kind::account, .account = kBob}, .rights = kAllRights};
      value(net::run(kit_->change_acl(kAnna, kit_.mailbox(kAnna, shared).id, change)));
    }
    for (const Mailbox& mailbox : value(net::run(kit_->mailboxes(kAnna))).mailboxes) adopt(mailbox);
  }

  void step() {
    switch (pick(14)) {
      case 0:
      case 1:
      case 2:
        return append();
      case 3:
      case 4:
      case 5:
        return flags();
      case 6:
        return transfer(false);
      case 7:
        return transfer(true);
      case 8:
        return expunge();
      case 9:
        return create();
      case 10:
        return pick(3) == 0 ? remove() : rename();
      case 12:
        return pick(3) == 0 ? whose_seen() : look();
      case 11:
        return pick(10) == 0 ? kit_.reopen() : look();
      default:
        return look();
    }
  }

  void compare_all() {
    compare_all(kAnna);
    compare_all(kBob);
  }

  void compare_all(AccountId reader) {
    const MailboxList list = value(net::run(kit_->mailboxes(kAnna, reader)));
    REQUIRE(list.mailboxes.size() == boxes_.size());
    std::map<std::uint64_t, std::uint64_t> emails;
    for (const Mailbox& mailbox : list.mailboxes) {
      CAPTURE(mailbox.name);
      REQUIRE(boxes_.contains(mailbox.name));
      const ModelMailbox& model = boxes_.at(mailbox.name);
      REQUIRE(mailbox.id == model.id);
      REQUIRE(mailbox.uid_next == model.uid_next);
      REQUIRE(mailbox.uid_validity >= model.uid_validity);
      REQUIRE(mailbox.messages == model.messages.size());
      std::uint32_t unseen = 0;
      std::uint32_t deleted = 0;
      std::uint64_t size = 0;
      for (const auto& [uid, message] : model.messages) {
        unseen += (model.flags_of(message, reader) & kSeen) == 0 ? 1 : 0;
        deleted += (message.flags & kDeleted) != 0 ? 1 : 0;
        size += message.size;
        emails[message.email.value] = message.size;
      }
      REQUIRE(mailbox.unseen == unseen);
      REQUIRE(value(net::run(kit_->mailbox(kAnna, mailbox.name, reader))).unseen == unseen);
      REQUIRE(mailbox.deleted == deleted);
      REQUIRE(mailbox.size == size);
    }
    const Usage quota = value(net::run(kit_->usage(kAnna)));
    std::uint64_t bytes = 0;
    for (const auto& [email, size] : emails) bytes += size;
    REQUIRE(quota.messages == emails.size());
    REQUIRE(quota.bytes == bytes);
  }

  std::vector<std::string> problems() { return kit_.problems(); }
  void look_everywhere() {
    for (auto& [name, box] : boxes_) look(box);
  }

 private:
  unsigned pick(std::size_t below) { return static_cast<unsigned>(random_() % below); }
  AccountId anybody() { return pick(2) == 0 ? kAnna : kBob; }
  ModelMailbox& any() { return std::next(boxes_.begin(), pick(boxes_.size()))->second; }
  std::vector<Uid> some_uids(const ModelMailbox& box) {
    std::vector<Uid> out;
    for (unsigned i = pick(6); i > 0; --i) out.push_back(1 + pick(box.uid_next + 1));
    return out;
  }
  Flags some_flags() {
    static const char* const kWords[] = {"work", "Home", "$Junk", "WORK", "later"};
    Flags flags{.system = static_cast<std::uint8_t>(pick(32))};
    for (unsigned i = pick(3); i > 0; --i) flags.keywords.emplace_back(kWords[pick(5)]);
    return flags;
  }
  static std::set<std::string> lowered(const std::vector<std::string>& words) {
    std::set<std::string> out;
    for (const std::string& word : words) out.insert(base::lower(word));
    return out;
  }

  void adopt(const Mailbox& mailbox) {
    ModelMailbox& box = boxes_[mailbox.name];
    box.id = mailbox.id;
    box.uid_validity = mailbox.uid_validity;
    box.uid_next = 1;
    box.shared = !mailbox.acl.empty();
    box.own_seen = mailbox.own_seen;
  }

  void whose_seen() {
    ModelMailbox& box = any();
    const bool own = pick(2) == 0;
    value(net::run(kit_->set_own_seen(kAnna, box.id, own)));
    if (box.shared) box.own_seen = own;
  }

  void append() {
    ModelMailbox& box = any();
    const AccountId who = anybody();
    std::vector<Mailstore::AppendMessage> messages;
    std::vector<ModelMessage> expected;
    for (unsigned i = 1 + pick(3); i > 0; --i) {
      const std::string text = message(std::to_string(pick(1000)), "", std::string(pick(2000), 'x') + "\r\n");
      const Flags flags = some_flags();
      messages.push_back({kit_.incoming(text), {.prefix = "X-P: 1\r\n", .flags = flags, .reader = who}});
      ModelMessage& made = expected.emplace_back(
          ModelMessage{.keywords = lowered(flags.keywords), .email = {}, .size = text.size() + 8});
      box.set_flags(made, who, flags.system);
    }
    const auto filed = value(net::run(kit_->append(kAnna, box.id, std::move(messages))));
    REQUIRE(filed.size() == expected.size());
    for (std::size_t i = 0; i < filed.size(); ++i) {
      REQUIRE(filed[i].uid == box.uid_next);
      expected[i].email = filed[i].email;
      box.messages[box.uid_next++] = expected[i];
    }
  }

  void flags() {
    ModelMailbox& box = any();
    const auto uids = some_uids(box);
    const Flags flags = some_flags();
    const auto change = static_cast<FlagChange>(pick(3));
    const AccountId who = anybody();
    REQUIRE(value(net::run(kit_->store_flags(kAnna, box.id, uids, change, flags, std::nullopt, {}, who))).empty());
    const auto words = lowered(flags.keywords);
    for (const Uid uid : uids) {
      const auto found = box.messages.find(uid);
      if (found == box.messages.end()) continue;
      ModelMessage& message = found->second;
      if (change == FlagChange::set) {
        box.set_flags(message, who, flags.system);
        message.keywords = words;
      } else if (change == FlagChange::add) {
        box.set_flags(message, who, static_cast<std::uint8_t>(box.flags_of(message, who) | flags.system));
        message.keywords.insert(words.begin(), words.end());
      } else {
        box.set_flags(message, who, static_cast<std::uint8_t>(box.flags_of(message, who) & ~flags.system));
        for (const auto& word : words) message.keywords.erase(word);
      }
    }
  }

  void transfer(bool move) {
    ModelMailbox& from = any();
    ModelMailbox& to = any();
    const auto uids = some_uids(from);
    const std::set<Uid> wanted(uids.begin(), uids.end());
    const AccountId who = anybody();
    const Target target{.mailbox = to.id, .reader = who};
    const Copied copied =
        value(net::run(move ? kit_->move(kAnna, from.id, uids, target) : kit_->copy(kAnna, from.id, uids, target)));
    Copied expected;
    for (const Uid uid : wanted) {
      const auto found = from.messages.find(uid);
      if (found == from.messages.end()) continue;
      expected.uids.push_back(uid);
      expected.new_uids.push_back(to.uid_next);
      const ModelMessage message = transferred(from, found->second, to, who);
      if (move) from.messages.erase(found);
      to.messages[to.uid_next++] = message;
    }
    REQUIRE(copied.uids == expected.uids);
    REQUIRE(copied.new_uids == expected.new_uids);
  }

  /// Where each has a \Seen of its own on both sides, each keeps it; elsewhere who does it brings its own along.
  static ModelMessage transferred(const ModelMailbox& from, ModelMessage message, const ModelMailbox& to,
                                  AccountId who) {
    if (from.own_seen && to.own_seen) return message;
    const std::uint8_t flags = from.flags_of(message, who);
    message.bob_has_seen = false;
    to.set_flags(message, who, flags);
    return message;
  }

  void expunge() {
    ModelMailbox& box = any();
    std::optional<std::vector<Uid>> only;
    if (pick(2) == 0) only = some_uids(box);
    const auto removed = value(net::run(kit_->expunge(kAnna, box.id, only)));
    std::vector<Uid> expected;
    std::erase_if(box.messages, [&](const auto& item) {
      const bool gone =
          (item.second.flags & kDeleted) != 0 && (!only || std::ranges::find(*only, item.first) != only->end());
      if (gone) expected.push_back(item.first);
      return gone;
    });
    REQUIRE(removed == expected);
  }

  std::string some_name() {
    static const char* const kParts[] = {"a", "b", "c", "INBOX"};
    std::string name = kParts[pick(4)];
    for (unsigned i = pick(3); i > 0; --i) name += std::string("/") + kParts[pick(3)];
    return name;
  }

  void create() {
    const std::string name = some_name();
    const auto made = net::run(kit_->create_mailbox(kAnna, name, Role::none));
    if (const auto found = boxes_.find(name); found != boxes_.end() && found->second.uid_validity != 0) {
      REQUIRE(code(made) == "exists");
      return;
    }
    REQUIRE(code(made) == "ok");
    for (const Mailbox& mailbox : value(net::run(kit_->mailboxes(kAnna))).mailboxes) {
      if (!boxes_.contains(mailbox.name)) adopt(mailbox);
    }
    CHECK(boxes_.contains(name));
  }

  void remove() {
    const std::string name = std::next(boxes_.begin(), pick(boxes_.size()))->first;
    const auto removed = net::run(kit_->remove_mailbox(kAnna, boxes_.at(name).id));
    const bool parent = std::ranges::any_of(boxes_, [&](const auto& b) { return b.first.starts_with(name + "/"); });
    if (name == "INBOX") {
      REQUIRE(code(removed) == "denied");
    } else if (parent) {
      // What stays is a place; this game goes on with mailboxes only, so it is made one again.
      REQUIRE(code(removed) == "ok");
      const Mailbox again = kit_.create(kAnna, name);
      REQUIRE(again.uid_validity > boxes_.at(name).uid_validity);
      boxes_.erase(name);
      adopt(again);
    } else {
      REQUIRE(code(removed) == "ok");
      boxes_.erase(name);
    }
  }

  void rename() {
    const std::string from = std::next(boxes_.begin(), pick(boxes_.size()))->first;
    const std::string to = some_name();
    const auto renamed = net::run(kit_->rename_mailbox(kAnna, boxes_.at(from).id, to));
    if (from != "INBOX" && to.starts_with(from + "/")) {
      REQUIRE(code(renamed) == "conflict");
      return;
    }
    if (boxes_.contains(to)) {
      REQUIRE(code(renamed) == "exists");
      return;
    }
    REQUIRE(code(renamed) == "ok");
    std::map<std::string, ModelMailbox> moved;
    for (auto it = boxes_.begin(); it != boxes_.end();) {
      if (from != "INBOX" && (it->first == from || it->first.starts_with(from + "/"))) {
        moved[to + it->first.substr(from.size())] = std::move(it->second);
        it = boxes_.erase(it);
      } else {
        ++it;
      }
    }
    boxes_.merge(moved);
    for (const Mailbox& mailbox : value(net::run(kit_->mailboxes(kAnna))).mailboxes) {
      if (!boxes_.contains(mailbox.name)) adopt(mailbox);
      boxes_.at(mailbox.name).uid_validity = mailbox.uid_validity;
    }
    if (from != "INBOX") return;
    ModelMailbox& target = boxes_.at(to);
    for (const auto& [uid, message] : boxes_.at("INBOX").messages) {
      target.messages[target.uid_next++] = transferred(boxes_.at("INBOX"), message, target, kAnna);
    }
    boxes_.at("INBOX").messages.clear();
  }

  void look() { look(any()); }

  void look(ModelMailbox& box) {
    look(box, kAnna);
    look(box, kBob);
  }

  void look(ModelMailbox& box, AccountId reader) {
    const std::shared_ptr<const View> view = value(net::run(kit_->view(kAnna, box.id, reader)));
    REQUIRE(view->size() == box.messages.size());
    REQUIRE(view->uid_next() == box.uid_next);
    ModelMailbox::Look now{.view = view, .messages = box.messages};
    std::size_t i = 0;
    for (auto& [uid, message] : now.messages) {
      message.flags = box.flags_of(message, reader);
      const Row& row = view->at(i++);
      REQUIRE(row.uid == uid);
      REQUIRE(row.flags == message.flags);
      REQUIRE(row.email == message.email);
      REQUIRE(row.size == message.size);
      REQUIRE(row.modseq <= view->highest_modseq());
      REQUIRE(lowered(view->keyword_set(row.keywords)) == message.keywords);
    }
    ModelMailbox::Look& before = box.looks[reader];
    if (before.view && before.view->uid_validity() == view->uid_validity()) compare_looks(before, now);
    before = std::move(now);
  }

  static void compare_looks(const ModelMailbox::Look& before, const ModelMailbox::Look& now) {
    const Difference difference = compare(*before.view, *now.view);
    std::vector<std::uint32_t> expunged;
    std::uint32_t position = 0;
    for (const auto& [uid, was] : before.messages) {
      const auto is = now.messages.find(uid);
      if (is == now.messages.end()) {
        expunged.push_back(position);
      } else if (is->second.flags != was.flags || is->second.keywords != was.keywords) {
        REQUIRE(std::ranges::binary_search(difference.changed, uid));
        // RFC 7162: whoever asks for what changed since is told of it.
        REQUIRE(now.view->at(*now.view->find(uid)).modseq > before.view->highest_modseq());
      }
      ++position;
    }
    REQUIRE(difference.expunged == expunged);
    REQUIRE(difference.appended == now.messages.size() - (before.messages.size() - expunged.size()));
  }

  std::mt19937 random_;
  Kit kit_;
  std::map<std::string, ModelMailbox> boxes_;
};

void play(Engine engine, unsigned seed, int steps) {
  MESSAGE("engine ", name(engine), ", seed ", seed);
  Game game(engine, seed);
  for (int i = 0; i < steps; ++i) {
    CAPTURE(i);
    game.step();
    if (i % 10 == 0) game.compare_all();
  }
  game.compare_all();
  game.look_everywhere();
  CHECK(game.problems() == std::vector<std::string>{});
}

/// A session: it changes a shared mailbox and follows it, and whatever it sees never goes back.
net::Task<void> session(Mailstore& mail, MailboxId shared, MailboxId other, unsigned seed, Incoming mail_text,
                        std::atomic<int>& failures) {
  std::mt19937 random(seed);
  std::shared_ptr<const View> seen;
  for (int i = 0; i < 40; ++i) {
    bool fine = true;
    const Uid uid = 1 + static_cast<Uid>(random() % 60);
    switch (random() % 5) {
      case 0: {
        std::vector<Mailstore::AppendMessage> messages;
        messages.push_back({mail_text, {}});
        fine = (co_await mail.append(kAnna, shared, std::move(messages))).has_value();
        break;
      }
      case 1:
        fine = (co_await mail.store_flags(kAnna, shared, {uid, uid + 1}, FlagChange::add, {.system = kSeen | kDeleted},
                                          std::nullopt))
                   .has_value();
        break;
      case 2:
        fine = (co_await mail.move(kAnna, shared, {uid}, {.mailbox = other})).has_value();
        break;
      case 3:
        fine = (co_await mail.copy(kAnna, other, {uid}, {.mailbox = shared})).has_value();
        break;
      default:
        fine = (co_await mail.expunge(kAnna, shared, std::vector<Uid>{uid})).has_value();
    }
    const auto view = co_await mail.view(kAnna, shared);
    if (!fine || !view) {
      ++failures;
      continue;
    }
    if (seen) {
      if ((*view)->highest_modseq() < seen->highest_modseq() || (*view)->uid_next() < seen->uid_next()) ++failures;
      const Difference difference = compare(*seen, **view);
      if (seen->size() - difference.expunged.size() + difference.appended != (*view)->size()) ++failures;
    }
    seen = *view;
  }
}

net::Task<void> counted(net::Task<void> task, std::atomic<int>& left) {
  co_await std::move(task);
  --left;
}

}  // namespace

TEST_CASE("random operations give what the model gives, in memory") {
  play(Engine::memory, 1, 2000);
  play(Engine::memory, std::random_device()(), 1000);
}

TEST_CASE("random operations give what the model gives, on disk and over restarts") {
  play(Engine::embedded, 2, 600);
  play(Engine::embedded, std::random_device()(), 400);
}

TEST_CASE("sessions of one account on several loops agree with each other and with the check") {
  for (const Engine engine : {Engine::memory, Engine::embedded}) {
    CAPTURE(name(engine));
    Kit kit(engine);
    const MailboxId shared = kit.create(kAnna, "shared").id;
    const MailboxId other = kit.create(kAnna, "other").id;
    const Incoming text = kit.incoming(message("shared"));
    std::atomic<int> failures = 0;
    std::atomic<int> heard = 0;
    std::atomic<int> left = 12;
    {
      net::Loops loops(3);
      const auto watch = kit->watch(kAnna, [&] { ++heard; });
      for (unsigned i = 0; i < 12; ++i) {
        loops.at(i % 3).spawn(counted(session(kit.mail(), shared, other, i, text, failures), left));
      }
      while (left > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    CHECK(failures == 0);
    CHECK(heard > 100);
    CHECK(kit.view(kAnna, shared)->size() == kit.mailbox(kAnna, "shared").messages);
    CHECK(kit.problems() == std::vector<std::string>{});
  }
}
