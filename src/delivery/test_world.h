#pragma once
// Private to the room's tests: a server without its network side, over the in-memory engine, with users at
// example.test.

#include <memory>
#include <string>
#include <vector>

#include "delivery/delivery.h"
#include "net/loop.h"
#include "net/pool.h"

namespace delivery::test {

/// Lets a test fail the next syncs.
class FailingSync final : public store::Faults {
 public:
  base::Result<void> sync() override {
    if (failures_.load() == 0) return {};
    --failures_;
    return base::fail(base::Code::unavailable, "the sync failed (a test)");
  }
  void fail(int times) { failures_ = times; }

 private:
  std::atomic<int> failures_{0};
};

/// What net::run() makes of a Result that must be good.
template <class T>
T good(base::Result<T> result) {
  if (!result) throw std::runtime_error(std::string(base::name(result.error().code)) + ": " + result.error().text);
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

class World {
 public:
  explicit World(Config config = {.hostname = "mx.example.test"}, guard::Config limits = {})
      : live(config), guard_live(limits) {
    store = store::open_memory(pool, base::system_clock(), {}, &faults);
    directory = good(directory::open(*store, base::system_clock(), {}, {}, config.hostname));
    mail = mailstore::open(*store, base::system_clock(), {});
    guard = good(guard::open(*store, base::system_clock(), {}, guard_live));
    delivery = open(*store, *directory, *mail, base::system_clock(), {}, live, guard.get());
    good(net::run(directory->add_domain("example.test")));
  }

  directory::Account add(const std::string& name, std::uint64_t quota = 0) {
    return good(net::run(directory->add_account(name + "@example.test", "secret", quota)));
  }
  void alias(const std::string& name, std::vector<std::string> targets) {
    good(net::run(directory->add_alias(name + "@example.test", std::move(targets))));
  }
  static smtp::User user(const directory::Account& account) {
    return {.account = account.id, .address = account.address};
  }

  smtp::Peer peer() const {
    smtp::Peer peer;
    peer.endpoints = {.peer_address = "192.0.2.1", .peer_port = 4321, .local_address = "192.0.2.2", .local_port = 25};
    peer.helo = "client.example.org";
    peer.esmtp = true;
    return peer;
  }

  base::Result<void> rcpt(const std::string& recipient, const smtp::User* user = nullptr) {
    return net::run(delivery->check_recipient(user, "a@example.org", recipient, peer()));
  }

  /// Hands over a message in blocks of 1,000 bytes.
  base::Result<std::string> send(std::vector<std::string> recipients, std::string content,
                                 std::optional<smtp::User> user = {}, std::string sender = "a@example.org") {
    smtp::Envelope envelope{.sender = std::move(sender), .declared_size = {}};
    for (std::string& recipient : recipients) envelope.recipients.push_back({.address = std::move(recipient)});
    const auto accepted = send(std::move(envelope), std::move(content), std::move(user), peer());
    if (!accepted) return std::unexpected(accepted.error());
    return accepted->id;
  }
  base::Result<smtp::Sink::Accepted> send(smtp::Envelope envelope, std::string content, std::optional<smtp::User> user,
                                          smtp::Peer from) {
    return net::run(send_task(*this, std::move(envelope), std::move(content), std::move(user), std::move(from)));
  }

  /// The messages in the INBOX, whole, in order of arrival.
  std::vector<std::string> inbox(base::AccountId account) {
    const auto box = good(net::run(mail->mailbox(account, "INBOX")));
    const auto view = good(net::run(mail->view(account, box.id)));
    std::vector<std::string> messages(view->size());
    good(net::run(mail->read(account, [&](mailstore::EmailReader& reader) -> base::Result<void> {
      for (std::size_t i = 0; i < view->size(); ++i) {
        TRY_ASSIGN(const auto email, reader.email(view->at(i).email));
        TRY(reader.bytes(email, 0, email.size, messages[i]));
      }
      return {};
    })));
    return messages;
  }

  std::vector<queue::EntryView> queue() { return good(net::run(delivery->queue().list({}, 1000))); }

  static std::vector<std::string> addresses(const queue::EntryView& entry) {
    std::vector<std::string> all;
    for (const auto& recipient : entry.recipients) all.push_back(recipient.address);
    return all;
  }

  /// What the checks of all rooms say, a line for each problem.
  std::string problems() {
    std::string found;
    const auto report = [&](store::Problem problem) { found += problem.where + ": " + problem.what + "\n"; };
    const auto reader = good(store->reader());
    good(store->check(report));
    good(directory->check(*reader, report));
    good(mail->check(*reader, report));
    good(guard->check(*reader, report));
    good(delivery->queue().check(*reader, report));
    return found;
  }

  net::Pool pool{2};
  base::Live<Config> live;
  FailingSync faults;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<directory::Directory> directory;
  std::unique_ptr<mailstore::Mailstore> mail;
  base::Live<guard::Config> guard_live;
  std::unique_ptr<guard::Guard> guard;
  std::unique_ptr<Delivery> delivery;

 private:
  static net::Task<base::Result<smtp::Sink::Accepted>> send_task(World& world, smtp::Envelope envelope,
                                                                 std::string content, std::optional<smtp::User> user,
                                                                 smtp::Peer peer) {
    CO_TRY_ASSIGN(auto sink, co_await world.delivery->begin(std::move(envelope), std::move(user), peer, {}));
    for (std::size_t at = 0; at < content.size(); at += 1000) {
      CO_TRY(co_await sink->write(std::string_view(content).substr(at, 1000)));
    }
    co_return co_await sink->accept();
  }
};

}  // namespace delivery::test
