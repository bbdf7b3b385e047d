#pragma once
// For the tests of this room: all rooms below over a store in memory, and the Api above them.

#include <memory>
#include <optional>
#include <string>

#include "admin/api.h"
#include "net/loop.h"
#include "net/pool.h"

namespace admin::test {

class House {
 public:
  House() {
    store = store::open_memory(pool, clock(), log);
    directory = directory::open(*store, clock(), log, {}, "mail.example.org").value();
    mail = mailstore::open(*store, clock(), log);
    guard = guard::open(*store, clock(), log, guard_config).value();
    delivery = delivery::open(*store, *directory, *mail, clock(), log, delivery_config, guard.get());
    Settings settings{.hostname = "mail.example.org", .version = "postrider test", .status = [this] {
                        return Status{.listeners = {{.name = "smtp", .port = 25, .sessions = 3}},
                                      .certificates = certificates};
                      }};
    settings.sessions = [this] { return list(sessions); };
    settings.end_sessions = [this](std::vector<std::uint64_t> ids, std::chrono::seconds) {
      ended = std::move(ids);
      return none();
    };
    settings.stop = [this] { stopped = true; };
    api = std::make_unique<Api>(Services{*directory, *mail, *delivery, *store, clock(), *guard}, std::move(settings),
                                log);
  }

  /// A command there and back, as the command line does it.
  Shown ask(const std::string& command, const Arguments& arguments = {}, bool json = false) {
    return show(command, net::run(api->call(encode_request(command, arguments))), json);
  }

  static net::Task<std::vector<Session>> list(std::vector<Session> all) { co_return all; }
  static net::Task<std::size_t> none() { co_return 0; }

  static const base::Clock& clock() { return base::system_clock(); }

  base::Log log;
  net::Pool pool{2};
  base::Live<delivery::Config> delivery_config{{.hostname = "mail.example.org"}};
  std::unique_ptr<store::Store> store;
  std::unique_ptr<directory::Directory> directory;
  std::unique_ptr<mailstore::Mailstore> mail;
  base::Live<guard::Config> guard_config;
  std::unique_ptr<guard::Guard> guard;
  std::unique_ptr<delivery::Delivery> delivery;
  std::unique_ptr<Api> api;
  std::vector<Status::Certificate> certificates;
  std::vector<Session> sessions;
  std::vector<std::uint64_t> ended;
  bool stopped = false;
};

}  // namespace admin::test
