#pragma once
// Private to the room's tests: a mail server's inside without its outside. A real mail store over the in-memory engine,
// a directory that knows some people with the password "test", and a client that speaks to sessions over memory
// streams.

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "../../tests/support/plain_tls.h"
#include "imap/session.h"
#include "mailstore/mailstore.h"
#include "net/loop.h"
#include "net/memory_stream.h"
#include "net/pool.h"
#include "sasl/test_secrets.h"
#include "store/store.h"

namespace doctest {
template <>
struct StringMaker<std::vector<std::string>> {
  static String convert(const std::vector<std::string>& lines) {
    std::string out;
    for (const auto& line : lines) out += "\n  " + line;
    return out.c_str();
  }
};
}  // namespace doctest

namespace imap::test {

class FakeDirectory final : public directory::Directory {
 public:
  template <class T>
  using Outcome = net::Task<base::Result<T>>;

  bool locked_out = false;
  std::uint64_t now = 1;
  std::vector<directory::Account> people{
      {.id = base::AccountId{1}, .address = "u1@example.test"},
      {.id = base::AccountId{2}, .address = "u2@example.test"},
      {.id = base::AccountId{3}, .address = "u3@other.test"},
      {.id = base::AccountId{4}, .address = "info@example.test", .state = directory::State::shared}};
  base::Quota quota{.bytes = 10 << 20};               // of each
  std::vector<std::string> staff{"u2@example.test"};  // the group's members

  Outcome<directory::Identity> authenticate(std::string login, std::string password, directory::Access) override {
    const directory::Account* known = find(login);
    if (password != "test" || known == nullptr || known->state != directory::State::active) {
      co_return base::fail(base::Code::denied, "no");
    }
    co_return directory::Identity{
        .account = known->id, .address = login, .quota = quota, .credential_version = 1, .generation = now};
  }
  Outcome<sasl::Secrets> secrets(std::string login, sasl::Wanted wanted) override {
    co_return sasl::test::secrets({.user = std::move(login), .wanted = wanted}, "u1@example.test", "test");
  }
  Outcome<directory::Identity> admit(std::string login, std::uint64_t, directory::Access access) override {
    return authenticate(std::move(login), "test", std::move(access));
  }
  std::uint64_t generation() const override { return now; }
  Outcome<directory::Identity> recheck(directory::Identity identity) override {
    if (locked_out) co_return base::fail(base::Code::denied, "gone");
    identity.generation = now;
    identity.quota = quota;
    co_return identity;
  }

  using Text = std::string;
  using Accounts = std::vector<directory::Account>;
  Outcome<void> add_domain(Text, Text, directory::DomainChange) override { return none<void>(); }
  Outcome<void> set_domain(Text, directory::DomainChange) override { return none<void>(); }
  Outcome<void> remove_domain(Text) override { return none<void>(); }
  Outcome<std::vector<directory::Domain>> domains() override { return none<std::vector<directory::Domain>>(); }
  Outcome<std::optional<directory::Domain>> domain(Text) override { return none<std::optional<directory::Domain>>(); }
  Outcome<Accounts> add_accounts(std::vector<directory::NewAccount>, bool) override { return none<Accounts>(); }
  Outcome<directory::Account> add_account(Text, Text, std::uint64_t) override { return none<directory::Account>(); }
  Outcome<directory::Account> set_account(Text, directory::AccountChange) override {
    return none<directory::Account>();
  }
  Outcome<base::AccountId> remove_account(Text) override { return none<base::AccountId>(); }
  Outcome<Accounts> accounts() override { return none<Accounts>(); }
  Outcome<std::optional<directory::Account>> account(Text address) override {
    const directory::Account* known = find(address);
    co_return known != nullptr ? std::optional(*known) : std::nullopt;
  }
  Outcome<std::optional<directory::Account>> account(base::AccountId id) override {
    const auto known = std::ranges::find(people, id, &directory::Account::id);
    co_return known != people.end() ? std::optional(*known) : std::nullopt;
  }
  Outcome<std::vector<Text>> groups_of(Text address) override {
    std::vector<Text> groups;
    if (std::ranges::find(staff, address) != staff.end()) groups.push_back("staff@example.test");
    co_return groups;
  }
  Outcome<std::vector<base::AccountId>> removed() override { return none<std::vector<base::AccountId>>(); }
  Outcome<void> forget(base::AccountId) override { return none<void>(); }
  Outcome<base::AccountId> add_credential(Text, Text, Text, directory::CredentialLimits) override {
    return none<base::AccountId>();
  }
  Outcome<base::AccountId> set_credential(Text, Text, directory::CredentialChange) override {
    return none<base::AccountId>();
  }
  Outcome<base::AccountId> remove_credential(Text, Text) override { return none<base::AccountId>(); }
  Outcome<std::vector<directory::CredentialInfo>> credentials(Text) override {
    return none<std::vector<directory::CredentialInfo>>();
  }
  Outcome<void> add_alias(Text, std::vector<Text>, directory::AliasKind, directory::AliasChange) override {
    return none<void>();
  }
  Outcome<void> set_alias(Text, directory::AliasKind, directory::AliasChange) override { return none<void>(); }
  Outcome<void> remove_alias(Text, directory::AliasKind) override { return none<void>(); }
  Outcome<std::vector<directory::Alias>> aliases(directory::AliasKind) override {
    return none<std::vector<directory::Alias>>();
  }
  Outcome<directory::Alias> alias(Text address, directory::AliasKind kind) override {
    if (address != "staff@example.test") co_return base::fail(base::Code::not_found, "no");
    co_return directory::Alias{.kind = kind, .address = address, .targets = staff};
  }
  Outcome<bool> is_local_domain(Text) override { return none<bool>(); }
  Outcome<directory::Route> route(Text) override { return none<directory::Route>(); }
  Outcome<bool> may_send_as(directory::Identity, Text) override { return none<bool>(); }
  Outcome<bool> may_post(std::optional<directory::Identity>, Text, Text) override { return none<bool>(); }
  base::Result<void> check(const store::Reader&, const std::function<void(store::Problem)>&) override { return {}; }

 private:
  const directory::Account* find(std::string_view address) const {
    const auto known = std::ranges::find(people, address, &directory::Account::address);
    return known != people.end() ? &*known : nullptr;
  }
  template <class T>
  static Outcome<T> none() {
    co_return base::fail(base::Code::unsupported, "not in this test");
  }
};

using tests::PlainAcceptor;

inline net::Pool& pool() {
  static net::Pool shared(2);
  return shared;
}

class World {
 public:
  explicit World(store::Faults* faults = nullptr)
      : store(store::open_memory(pool(), base::system_clock(), {}, faults)),
        mail(mailstore::open(*store, base::system_clock(), {})) {
    config.hostname = "mail.example.test";
    mode.plaintext_auth = true;
    mode.trusted = [](std::string_view) { return true; };
  }

  std::unique_ptr<store::Store> store;
  std::unique_ptr<mailstore::Mailstore> mail;
  FakeDirectory directory;
  Config config;
  base::Live<Config> live{};  // what sessions see; set from config when one begins
  Mode mode;
  TlsSource tls;
  net::Stopping stopping;
  const base::Clock* clock = &base::system_clock();  // of the sessions that begin from then on

  net::Task<void> serve(std::unique_ptr<net::Stream> stream) {
    live.set(config);
    return imap::serve(std::move(stream), {directory, *mail, *store, *clock}, live, std::make_shared<const Mode>(mode),
                       tls, {}, stopping);
  }

  /// Files messages into u1's mailbox as a delivery would.
  net::Task<void> deliver(std::string text, std::string mailbox = "INBOX", mailstore::Flags flags = {}) {
    const base::AccountId account{1};
    auto box = co_await mail->mailbox(account, mailbox);
    REQUIRE(box.has_value());
    auto writer = store->new_body();
    const auto taken = co_await writer->append(text);
    REQUIRE(taken.has_value());
    std::vector<mailstore::Mailstore::AppendMessage> messages;
    messages.push_back({{writer->finish(), std::make_shared<const mime::Message>(mime::parse(text))},
                        {.prefix = {}, .received = {.unix_seconds = 1'700'000'000}, .flags = std::move(flags)}});
    const auto filed = co_await mail->append(account, box->id, std::move(messages));
    REQUIRE(filed.has_value());
  }
};

inline std::string message(int number, std::string_view body = "Hello.\r\n") {
  return "From: Ann <ann@example.test>\r\nTo: u1@example.test\r\nSubject: message " + std::to_string(number) +
         "\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <" + std::to_string(number) +
         "@example.test>\r\n\r\n" + std::string(body);
}

/// One client of a world. Commands return every line up to the tagged one.
class Client {
 public:
  explicit Client(World& world) {
    auto [mine, theirs] = net::memory_pair({.peer_address = "192.0.2.25"}, {.peer_address = "192.0.2.1"});
    stream_ = std::move(mine);
    stream_->set_deadline(std::chrono::steady_clock::now() + std::chrono::seconds(60));
    net::Loop::current()->spawn(run(world.serve(std::move(theirs)), ended_));
  }

  net::Task<void> send(std::string text) { co_await stream_->write(text); }
  net::Task<std::string> line() {
    while (buffer_.find("\r\n") == std::string::npos) {
      char bytes[4096];
      const std::size_t n = co_await stream_->read(bytes);
      if (n == 0) throw net::Closed(net::Closed::Why::peer, "the server has ended the connection");
      buffer_.append(bytes, n);
    }
    const std::size_t end = buffer_.find("\r\n");
    std::string out = buffer_.substr(0, end);
    buffer_.erase(0, end + 2);
    co_return out;
  }
  net::Task<std::vector<std::string>> until(std::string beginning) {
    std::vector<std::string> lines;
    do {
      lines.push_back(co_await line());
    } while (!lines.back().starts_with(beginning));
    co_return lines;
  }
  net::Task<std::vector<std::string>> command(std::string text) {
    co_await send("t " + text + "\r\n");
    co_return co_await until("t ");
  }
  net::Task<void> login(std::string select = "INBOX", std::string user = "u1@example.test") {
    (void)co_await line();
    (void)co_await command("LOGIN " + user + " test");
    if (!select.empty()) (void)co_await command("SELECT " + select);
  }
  /// Ends the connection and waits for the session's end.
  net::Task<void> end() {
    stream_.reset();
    while (!*ended_) co_await net::sleep_for(std::chrono::milliseconds(1));
  }
  bool ended() const { return *ended_; }
  /// From here on the client goes through what this makes of its stream.
  void wrap(const std::function<std::unique_ptr<net::Stream>(std::unique_ptr<net::Stream>)>& make) {
    REQUIRE(buffer_.empty());
    stream_ = make(std::move(stream_));
  }

 private:
  static net::Task<void> run(net::Task<void> session, std::shared_ptr<bool> ended) {
    try {
      co_await std::move(session);
    } catch (const net::Closed&) {
    }
    *ended = true;
  }
  std::unique_ptr<net::Stream> stream_;
  std::string buffer_;
  std::shared_ptr<bool> ended_ = std::make_shared<bool>(false);
};

/// A story of two sessions that have INBOX selected, with so many messages in it.
using Story = net::Task<void> (*)(World&, Client& one, Client& two);

inline net::Task<void> with_two(World& world, Story story, int messages) {
  for (int i = 1; i <= messages; ++i) co_await world.deliver(message(i));
  Client one(world);
  Client two(world);
  co_await one.login();
  co_await two.login();
  co_await story(world, one, two);
  co_await one.end();
  co_await two.end();
}

inline void tell(Story story, int messages) {
  World world;
  net::run(with_two(world, story, messages));
}

/// A story of two people: the owner, u1, in INBOX, and a guest, u2, who has nothing selected.
inline net::Task<void> with_guest(World& world, Story story, int messages) {
  for (int i = 1; i <= messages; ++i) co_await world.deliver(message(i));
  Client owner(world);
  Client guest(world);
  co_await owner.login();
  co_await guest.login("", "u2@example.test");
  co_await story(world, owner, guest);
  co_await owner.end();
  co_await guest.end();
}

/// And the mail store is whole behind it.
inline void share(World& world, Story story, int messages) {
  net::run(with_guest(world, story, messages));
  std::string problems;
  const auto reader = world.store->reader();
  REQUIRE(reader);
  REQUIRE(
      world.mail->check(**reader, [&](store::Problem found) { problems += found.where + ": " + found.what + "\n"; }));
  CHECK(problems == "");
}
inline void share(Story story, int messages = 0) {
  World world;
  share(world, story, messages);
}

}  // namespace imap::test
