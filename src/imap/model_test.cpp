// Thousands of random commands from many sessions on two mailboxes, against a model that fits on a few pages. Sessions
// differ in what they have enabled: CONDSTORE, QRESYNC, UIDONLY (RFC 9586), or nothing. Some of them are a guest's, who
// has all rights to the mailboxes and a \Seen of its own.
//
// In turns: one command at a time, each answer compared with what the standard wants, by what this client has been told
// before and by what is true now. At once: all sessions together, some of which break off; each believes what it is
// told, and when it is quiet what they all believe must be what is there. The seed is printed; POSTRIDER_SEED repeats
// it.

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <random>

#include "imap/selected.h"
#include "imap/test_kit.h"
#include "imap/test_mirror.h"

namespace imap {
namespace {

using test::Client;
using test::FlagSet;
using test::Mirror;
using test::World;
using Uid = std::uint32_t;
using Lines = std::vector<std::string>;

constexpr base::AccountId kOwner{1};
constexpr base::AccountId kGuest{2};
constexpr std::chrono::seconds kTurnsFor{6};
constexpr int kTurns = 4000;
constexpr int kAtOnce = 250;  // commands of each session
const std::string kBoxes[] = {"INBOX", "Archive"};
const std::string kFlags[] = {"\\Seen", "\\Flagged", "\\Answered", "\\Deleted", "$Label", "Work"};

unsigned the_seed() {
  const char* given = std::getenv("POSTRIDER_SEED");
  return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
}

struct Message {
  FlagSet flags;
  std::uint64_t modseq = 0;
};
using Messages = std::map<Uid, Message>;

/// What is true of a mailbox, for the owner or for the guest.
struct Truth {
  mailstore::MailboxId id;
  std::string uid_validity;
  Uid uid_next = 1;
  Messages messages;
};

enum class Kind { plain, condstore, qresync };

/// A client, and what it has been told.
struct Player {
  Kind kind = Kind::plain;
  bool guest = false;
  bool uid_only = false;  // it has enabled UIDONLY (RFC 9586), and names messages by their UIDs alone
  std::unique_ptr<Client> client;
  std::size_t box = 0;
  Mirror mirror;
  Messages told;  // with those that are gone and not announced yet

  bool knows_modseq() const { return kind != Kind::plain; }
  std::string name(std::size_t number) const {
    return guest ? "\"Other Users/u1@example.test/" + kBoxes[number] + "\"" : kBoxes[number];
  }
};

FlagSet without_seen(FlagSet flags) {
  flags.erase("\\Seen");
  return flags;
}
/// Where somebody else has set them, who has a \Seen of its own.
FlagSet with_seen_of(const FlagSet& flags, const FlagSet& other) {
  FlagSet out = without_seen(flags);
  if (other.contains("\\Seen")) out.insert("\\Seen");
  return out;
}

std::string join(const FlagSet& flags) {
  std::string out;
  for (const auto& flag : flags) out += (out.empty() ? "" : " ") + flag;
  return "(" + out + ")";
}

FlagSet changed(const FlagSet& was, char sign, const FlagSet& given) {
  if (sign == ' ') return given;
  FlagSet now = was;
  for (const auto& flag : given) {
    if (sign == '+') now.insert(flag);
    if (sign == '-') now.erase(flag);
  }
  return now;
}

class Game {
 public:
  Game(World& world, unsigned seed) : world_(world), random_(seed) {}

  net::Task<void> begin(std::size_t players) {
    for (std::size_t i = 0; i < std::size(kBoxes); ++i) {
      const auto box = co_await world_.mail->mailbox(kOwner, kBoxes[i]);
      REQUIRE(box.has_value());
      REQUIRE(co_await world_.mail->change_acl(kOwner, box->id,
                                               {.grantee = {.account = kGuest}, .rights = mailstore::kAllRights}));
      for (Truth* truth : {&owners_[i], &guests_[i]}) {
        truth->id = box->id;
        truth->uid_validity = std::to_string(box->uid_validity);
      }
    }
    co_await learn_all();
    for (const Truth& truth : owners_) {
      const auto view = co_await world_.mail->view(kOwner, truth.id);
      REQUIRE(view.has_value());
      highest_ = std::max<std::uint64_t>(highest_, (*view)->highest_modseq());
    }
    players_.resize(players);
    for (std::size_t i = 0; i < players; ++i) {
      players_[i].kind = static_cast<Kind>(i % 3);
      players_[i].guest = i % 2 == 1;
      players_[i].uid_only = i / 3 % 2 == 1;
      players_[i].mirror.uid_only = players_[i].uid_only;
      co_await enter(players_[i]);
      co_await select(players_[i], i / 2 % 2);
    }
  }

  net::Task<void> end() {
    for (Player& player : players_) co_await player.client->end();
  }

  /// One command of one player, and what must be true after it.
  net::Task<void> turn() {
    Player& player = players_[pick(players_.size())];
    switch (pick(14)) {
      case 0:
      case 1:
        co_await append(player);
        break;
      case 2:
      case 3:
      case 4:
        co_await store(player);
        break;
      case 5:
        co_await fetch(player);
        break;
      case 6:
        co_await search(player);
        break;
      case 7:
        co_await expunge(player);
        break;
      case 8:
      case 9:
        co_await transfer(player, pick(2) == 0);
        break;
      case 10:
        co_await select(player, pick(std::size(kBoxes)));
        break;
      case 11:
        co_await come_back(player);
        break;
      default:
        co_await noop(player);
    }
    co_await look_at_store();
  }

  /// Everybody at once; what each is told may not contradict itself.
  net::Task<void> rush(Player& player, int commands) {
    try {
      for (int i = 0; i < commands; ++i) co_await rushed_command(player);
    } catch (...) {
      broken_ = true;  // said where it happened; the others come to their end
    }
    ++done_;
  }
  net::Task<void> all_at_once(int commands) {
    for (Player& player : players_) net::Loop::current()->spawn(rush(player, commands));
    while (done_ < players_.size()) co_await net::sleep_for(std::chrono::milliseconds(1));
    done_ = 0;
    REQUIRE(!broken_);
    co_await learn_all();
    for (Player& player : players_) {
      player.mirror.take(co_await player.client->command("NOOP"));
      player.told = truth(player).messages;
      compare(player);
      if (!player.uid_only) continue;
      player.mirror.take(co_await player.client->command("UID FETCH 1:* (FLAGS)"));
      for (const Mirror::Entry& entry : player.mirror.entries) REQUIRE(entry.uid != 0);
      compare(player);
    }
  }

 private:
  unsigned pick(std::size_t below) { return static_cast<unsigned>(random_() % below); }
  /// Whether a command takes UIDs.
  bool by_uid(const Player& player) { return player.uid_only || pick(2) == 0; }
  Truth& truth(const Player& player, std::size_t box) { return (player.guest ? guests_ : owners_)[box]; }
  Truth& truth(const Player& player) { return truth(player, player.box); }
  Truth& of_others(const Player& player, std::size_t box) { return (player.guest ? owners_ : guests_)[box]; }
  Truth& of_others(const Player& player) { return of_others(player, player.box); }

  // --- What is told when
  void news(Player& player, bool expunge) {
    Truth& now = truth(player);
    if (expunge) std::erase_if(player.told, [&](const auto& entry) { return !now.messages.contains(entry.first); });
    for (const auto& [uid, message] : now.messages) player.told[uid] = message;
  }

  // The client believes what it must: the same messages in the same order, and of those that are there the flags.
  // Without numbers it does not know where those are whose UIDs it has not been told.
  void compare(const Player& player) {
    REQUIRE(player.mirror.entries.size() == player.told.size());
    auto told = player.told.begin();
    for (const Mirror::Entry& entry : player.mirror.entries) {
      if (player.uid_only) told = entry.uid != 0 ? player.told.find(entry.uid) : player.told.begin();
      REQUIRE(told != player.told.end());
      if (entry.uid != 0) REQUIRE(entry.uid == told->first);
      if (entry.flags) {
        CAPTURE(told->first);
        CHECK_MESSAGE(*entry.flags == told->second.flags, join(*entry.flags), " is ", join(told->second.flags));
      }
      ++told;
    }
  }

  net::Task<void> learn_all() {
    for (Truth& truth : owners_) co_await learn(truth, kOwner);
    for (Truth& truth : guests_) co_await learn(truth, kGuest);
  }
  net::Task<void> learn(Truth& truth, base::AccountId reader) {
    const auto view = co_await world_.mail->view(kOwner, truth.id, reader);
    REQUIRE(view.has_value());
    truth.messages.clear();
    truth.uid_next = (*view)->uid_next();
    for (std::size_t i = 0; i < (*view)->size(); ++i) {
      const mailstore::Row& row = (*view)->at(i);
      std::string flags;
      append_system_flags(flags, row.flags);
      FlagSet set = test::flag_set(flags);
      for (const auto& keyword : (*view)->keyword_set(row.keywords)) set.insert(keyword);
      truth.messages[row.uid] = {std::move(set), row.modseq};
    }
  }

  // What the store holds is what the model says. RFC 7162 §3.1: a message that was changed has a mod-sequence above all
  // that were there, another keeps its own.
  net::Task<void> look_at_store() {
    const std::uint64_t above = highest_;
    for (Truth& truth : owners_) co_await look_at_store(truth, kOwner, above);
    for (Truth& truth : guests_) co_await look_at_store(truth, kGuest, above);
    for (Player& player : players_) {
      for (auto& [uid, message] : player.told) {
        const auto now = truth(player).messages.find(uid);
        if (message.modseq == 0 && now != truth(player).messages.end()) message.modseq = now->second.modseq;
      }
    }
  }

  net::Task<void> look_at_store(Truth& truth, base::AccountId reader, std::uint64_t above) {
    const Messages model = truth.messages;
    const Uid uid_next = truth.uid_next;
    co_await learn(truth, reader);
    REQUIRE(truth.uid_next == uid_next);
    REQUIRE(truth.messages.size() == model.size());
    for (const auto& [uid, message] : model) {
      REQUIRE(truth.messages.contains(uid));
      const Message& is = truth.messages[uid];
      CHECK(is.flags == message.flags);
      if (message.modseq == 0) {
        CHECK(is.modseq > above);
      } else {
        CHECK(is.modseq == message.modseq);
      }
      highest_ = std::max(highest_, is.modseq);
    }
  }

  // --- Entering
  net::Task<void> enter(Player& player) {
    player.client = std::make_unique<Client>(world_);
    co_await player.client->login("", player.guest ? "u2@example.test" : "u1@example.test");
    if (player.kind == Kind::condstore) (void)co_await player.client->command("ENABLE CONDSTORE");
    if (player.kind == Kind::qresync) (void)co_await player.client->command("ENABLE QRESYNC");
    if (player.uid_only) (void)co_await player.client->command("ENABLE UIDONLY");
  }

  net::Task<void> select(Player& player, std::size_t box) {
    player.box = box;
    player.mirror.forget();
    player.mirror.take(co_await player.client->command("SELECT " + player.name(box)));
    player.mirror.take(co_await player.client->command("UID FETCH 1:* (FLAGS)"));
    player.told = truth(player).messages;
    if (!rushing_) compare(player);
  }

  // RFC 7162 §3.2.5: the connection breaks, and a client of that kind goes on from what it knows.
  net::Task<void> come_back(Player& player) {
    co_await player.client->end();
    co_await enter(player);
    if (player.kind != Kind::qresync) co_return co_await select(player, player.box);
    Mirror& mirror = player.mirror;
    // Where a UID is not known, no number behind it is either: that the message is there is not told again.
    mirror.entries.erase(std::ranges::find(mirror.entries, 0u, &Mirror::Entry::uid), mirror.entries.end());
    std::string parameter = " (QRESYNC (" + truth(player).uid_validity + " " + std::to_string(mirror.highest);
    if (pick(3) == 0 && !mirror.entries.empty() && !player.uid_only) {
      const std::size_t half = mirror.entries.size() / 2;
      parameter += " (" + std::to_string(half + 1) + " " + std::to_string(mirror.entries[half].uid) + ")";
    }
    mirror.take(co_await player.client->command("SELECT " + player.name(player.box) + parameter + "))"), true);
    player.told = truth(player).messages;
    if (!rushing_) compare(player);
  }

  net::Task<void> noop(Player& player) {
    player.mirror.take(co_await player.client->command("NOOP"));
    news(player, true);
    compare(player);
  }

  // --- Commands whose answers are compared
  FlagSet some_flags() {
    FlagSet out;
    for (unsigned n = 1 + pick(2); n > 0; --n) out.insert(kFlags[pick(std::size(kFlags))]);
    return out;
  }

  net::Task<void> append(Player& player) {
    const std::size_t box = pick(std::size(kBoxes));
    const FlagSet flags = some_flags();
    const std::string text = test::message(static_cast<int>(pick(1000)));
    Truth& to = truth(player, box);
    const Lines lines = co_await player.client->command("APPEND " + player.name(box) + " " + join(flags) + " {" +
                                                        std::to_string(text.size()) + "+}\r\n" + text);
    CHECK(lines.back() ==
          "t OK [APPENDUID " + to.uid_validity + " " + std::to_string(to.uid_next) + "] APPEND completed");
    of_others(player, box).messages[to.uid_next] = {without_seen(flags), 0};
    to.messages[to.uid_next++] = {flags, 0};
    of_others(player, box).uid_next = to.uid_next;
    player.mirror.take(lines);
    news(player, true);
    compare(player);
  }

  struct Chosen {
    std::string set;
    std::vector<Uid> uids;             // that are there
    std::vector<std::uint32_t> order;  // and their numbers
    bool missing = false;              // some are gone
  };
  // A range of what the client has been told of.
  Chosen choose(const Player& player, bool uids) {
    Chosen out;
    const auto size = static_cast<std::uint32_t>(player.told.size());
    if (size == 0) return out;
    const std::uint32_t first = 1 + pick(size);
    const std::uint32_t last = std::min(size, first + pick(4));
    std::uint32_t number = 0;
    Uid begin = 0;
    Uid end = 0;
    for (const auto& [uid, message] : player.told) {
      if (++number < first || number > last) continue;
      if (begin == 0) begin = uid;
      end = uid;
      if (!truth(player).messages.contains(uid)) {
        out.missing = true;
      } else {
        out.uids.push_back(uid);
        out.order.push_back(number);
      }
    }
    out.set =
        uids ? std::to_string(begin) + ":" + std::to_string(end) : std::to_string(first) + ":" + std::to_string(last);
    return out;
  }
  std::uint32_t number_of(const Player& player, Uid uid) {
    return static_cast<std::uint32_t>(std::distance(player.told.begin(), player.told.find(uid)) + 1);
  }

  net::Task<void> fetch(Player& player) {
    const bool uids = by_uid(player);
    const Chosen chosen = choose(player, uids);
    if (chosen.set.empty()) co_return;
    const Lines lines = co_await player.client->command((uids ? "UID FETCH " : "FETCH ") + chosen.set + " (UID FLAGS)");
    player.mirror.take(lines);
    news(player, uids);
    std::set<std::uint32_t> want;
    for (const Uid uid : chosen.uids) want.insert(player.uid_only ? uid : number_of(player, uid));
    for (const std::uint32_t number : want) {
      CHECK(std::ranges::find(player.mirror.fetched, number) != player.mirror.fetched.end());
      const Mirror::Entry* entry = player.mirror.find(number);
      REQUIRE(entry != nullptr);
      CHECK(entry->flags.has_value());
    }
    CHECK(lines.back().starts_with(chosen.missing && !uids ? "t NO [EXPUNGEISSUED]" : "t OK"));
    compare(player);
  }

  net::Task<void> search(Player& player) {
    const bool uids = by_uid(player);
    const std::string flag = kFlags[pick(std::size(kFlags))];
    const bool unset = pick(2) == 0;
    const std::string key =
        (flag[0] == '\\' ? (unset ? "UN" : "") + flag.substr(1) : (unset ? "UNKEYWORD " : "KEYWORD ") + flag);
    const Lines lines = co_await player.client->command((uids ? "UID SEARCH " : "SEARCH ") + key);
    news(player, false);
    std::vector<std::uint32_t> want;
    for (const auto& [uid, message] : truth(player).messages) {
      if (message.flags.contains(flag) != unset) want.push_back(uids ? uid : number_of(player, uid));
    }
    player.mirror.take(lines);
    CHECK(player.mirror.searched == want);
    news(player, uids);
    compare(player);
  }

  // RFC 7162 §3.1.3, §3.1.12: whether a conditional STORE may change a message.
  bool may_store(const Player& player, Uid uid, std::uint64_t since, char sign, const FlagSet& flags) {
    const Message& is = truth(player).messages[uid];
    if (is.modseq <= since) return true;
    const Message& was = player.told.at(uid);
    if (sign == ' ' || was.modseq > since) return false;
    return std::ranges::all_of(flags, [&](const auto& f) { return is.flags.contains(f) == was.flags.contains(f); });
  }

  net::Task<void> store(Player& player) {
    const bool uids = by_uid(player);
    const char sign = "+- "[pick(3)];
    const bool silent = pick(2) == 0;
    const FlagSet flags = some_flags();
    const bool conditional = player.knows_modseq() && pick(2) == 0;
    const std::uint64_t since = pick(3) == 0 ? player.mirror.highest / 2 : player.mirror.highest;
    const Chosen chosen = choose(player, uids);
    if (chosen.set.empty()) co_return;
    std::string command = (uids ? "UID STORE " : "STORE ") + chosen.set + " ";
    if (conditional) command += "(UNCHANGEDSINCE " + std::to_string(since) + ") ";
    if (sign != ' ') command += sign;
    command += (silent ? "FLAGS.SILENT " : "FLAGS ") + join(flags);
    CAPTURE(command);

    std::vector<std::uint32_t> modified;
    if (!conditional) news(player, uids);
    for (const Uid uid : chosen.uids) {
      if (conditional && !may_store(player, uid, since, sign, flags)) {
        modified.push_back(uid);
        continue;
      }
      Message& message = truth(player).messages[uid];
      const FlagSet now = changed(message.flags, sign, flags);
      if (now == message.flags) continue;
      // The guest's \Seen is no matter of the owner's; a message that the owner changes has changed for both.
      Message& theirs = of_others(player).messages[uid];
      if (!player.guest || without_seen(now) != without_seen(message.flags)) {
        theirs = {with_seen_of(now, theirs.flags), 0};
      }
      message = {now, 0};
    }
    const Lines lines = co_await player.client->command(command);
    player.mirror.take(lines);
    // RFC 9051 §6.4.6: who stores silently knows what it did.
    if (silent) believe_silent(player, chosen, modified, sign, flags);
    news(player, uids);
    std::vector<std::uint32_t> told;
    if (const auto set = test::behind(lines.back(), "[MODIFIED ", ']')) told = test::numbers(*set);
    std::vector<std::uint32_t> want = modified;
    // Of a UID STORE the numbers are UIDs; of the other those that the client knows, which do not shift meanwhile.
    if (!uids) {
      for (auto& uid : want) uid = number_of(player, uid);
    }
    CHECK(told == want);
    CHECK(lines.back().starts_with(chosen.missing && !uids && !silent ? "t NO" : "t OK"));
    compare(player);
  }

  static void believe_silent(Player& player, const Chosen& chosen, const std::vector<std::uint32_t>& modified,
                             char sign, const FlagSet& flags) {
    for (Mirror::Entry& entry : player.mirror.entries) {
      const bool done = std::ranges::find(chosen.uids, entry.uid) != chosen.uids.end() &&
                        std::ranges::find(modified, entry.uid) == modified.end();
      if (done && entry.flags) entry.flags = changed(*entry.flags, sign, flags);
    }
  }

  net::Task<void> expunge(Player& player) {
    const bool uids = pick(2) == 0;
    const Chosen chosen = choose(player, true);
    if (uids && chosen.set.empty()) co_return;
    for (Truth* truth : {&truth(player), &of_others(player)}) {
      std::erase_if(truth->messages, [&](const auto& entry) {
        if (!entry.second.flags.contains("\\Deleted")) return false;
        return !uids || std::ranges::find(chosen.uids, entry.first) != chosen.uids.end();
      });
    }
    player.mirror.take(co_await player.client->command(uids ? "UID EXPUNGE " + chosen.set : "EXPUNGE"));
    news(player, true);
    compare(player);
  }

  net::Task<void> transfer(Player& player, bool remove) {
    const bool uids = by_uid(player);
    const std::size_t box = pick(std::size(kBoxes));
    const Chosen chosen = choose(player, uids);
    if (chosen.set.empty()) co_return;
    const std::string verb = std::string(uids ? "UID " : "") + (remove ? "MOVE " : "COPY ");
    Truth& to = truth(player, box);
    std::string code;
    // RFC 2180 §4.4.1: with numbers all or nothing; a UID that is gone is passed over.
    const bool refused = chosen.missing && !uids;
    if (!refused && !chosen.uids.empty()) {
      const Uid first = to.uid_next;
      for (const Uid uid : chosen.uids) {
        transfer_one(truth(player), uid, to, remove);
        transfer_one(of_others(player), uid, of_others(player, box), remove);
      }
      const std::uint32_t last = to.uid_next - 1;
      code = "COPYUID " + to.uid_validity + " ";
      std::vector<Range> set;
      for (const Uid uid : chosen.uids) add_ascending(set, uid);
      append_set(code, set);
      code += ' ';
      append_set(code, {{first, last}});
    }
    const Lines lines = co_await player.client->command(verb + chosen.set + " " + player.name(box));
    CHECK(lines.back().starts_with(refused ? "t NO" : "t OK"));
    if (!code.empty()) {
      CHECK(std::ranges::any_of(lines, [&](const auto& line) { return test::behind(line, "[", ']') == code; }));
    }
    player.mirror.take(lines);
    news(player, true);
    compare(player);
  }

  static void transfer_one(Truth& from, Uid uid, Truth& to, bool remove) {
    const FlagSet flags = from.messages[uid].flags;
    to.messages[to.uid_next++] = {flags, 0};
    if (remove) from.messages.erase(uid);
  }

  // --- Without turns
  // A message that the client can name, and all from it on.
  static constexpr std::string_view kNone = "4294967295";
  std::pair<std::string, std::string> some_of(const Player& player) {
    std::vector<std::uint32_t> names;
    for (std::uint32_t i = 0; i < player.mirror.entries.size(); ++i) {
      const std::uint32_t name = player.uid_only ? player.mirror.entries[i].uid : i + 1;
      if (name != 0) names.push_back(name);
    }
    if (names.empty()) return {std::string(kNone), std::string(kNone)};
    const std::string one = std::to_string(names[pick(names.size())]);
    return {one, one + ":" + std::to_string(names.back())};
  }

  net::Task<void> rushed_command(Player& player) {
    rushing_ = true;
    const auto [number, range] = some_of(player);
    const std::string uid = player.uid_only ? "UID " : "";
    std::string command;
    switch (pick(16)) {
      case 0:
        co_return co_await world_.deliver(test::message(static_cast<int>(pick(1000))), kBoxes[pick(2)]);
      case 1:
        co_return co_await come_back(player);
      case 2:
        co_return co_await select(player, pick(std::size(kBoxes)));
      case 3: {
        // The connection breaks while a command is under way; what came of it is not known.
        co_await player.client->send("t " + uid + "STORE " + range + " +FLAGS.SILENT " + join(some_flags()) +
                                     "\r\nt EXPUNGE\r\n");
        co_return co_await come_back(player);
      }
      case 4:
      case 5:
        command = "UID FETCH 1:* (FLAGS)";
        break;
      case 6:
        command = uid + "FETCH " + range + " (UID FLAGS)";
        break;
      case 7:
        command = "EXPUNGE";
        break;
      case 8:
        command = uid + "MOVE " + number + " " + player.name(1 - player.box);
        break;
      case 9:
        command = uid + "COPY " + number + " " + player.name(pick(2));
        break;
      case 10:
        command = uid + "SEARCH UNSEEN";
        break;
      case 11:
        command = "NOOP";
        break;
      default:
        command = uid + "STORE " + number + " " + "+-"[pick(2)] + "FLAGS " + join(some_flags());
    }
    if (number == kNone && command.find(number) != std::string::npos) command = "NOOP";
    player.mirror.take(co_await player.client->command(command));
  }

  World& world_;
  std::mt19937 random_;
  Truth owners_[std::size(kBoxes)];
  Truth guests_[std::size(kBoxes)];
  std::vector<Player> players_;
  std::uint64_t highest_ = 0;
  std::size_t done_ = 0;
  bool rushing_ = false;
  bool broken_ = false;
};

net::Task<void> in_turns(World& world, unsigned seed) {
  for (int i = 1; i <= 8; ++i) co_await world.deliver(test::message(i), kBoxes[i % 2]);
  const auto game = std::make_unique<Game>(world, seed);
  co_await game->begin(8);
  const auto until = std::chrono::steady_clock::now() + kTurnsFor;
  int turns = 0;
  for (; turns < kTurns && std::chrono::steady_clock::now() < until; ++turns) co_await game->turn();
  MESSAGE(turns << " turns, seed " << seed);
  co_await game->end();
}

net::Task<void> at_once(World& world, unsigned seed) {
  for (int i = 1; i <= 8; ++i) co_await world.deliver(test::message(i), kBoxes[i % 2]);
  const auto game = std::make_unique<Game>(world, seed);
  co_await game->begin(8);
  for (int round = 0; round < 4; ++round) co_await game->all_at_once(kAtOnce / 4);
  MESSAGE("eight sessions with " << kAtOnce << " commands each, seed " << seed);
  co_await game->end();
}

}  // namespace

TEST_CASE("sessions in turns are answered as the standard wants") {
  const unsigned seed = the_seed();
  CAPTURE(seed);
  World world;
  net::run(in_turns(world, seed));
}

TEST_CASE("sessions at once are told what is, and nothing that contradicts itself") {
  const unsigned seed = the_seed();
  CAPTURE(seed);
  World world;
  net::run(at_once(world, seed));
}

}  // namespace imap
