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
    delivery = delivery::open(*store, *directory, *mail, clock(), log, {.hostname = "mail.example.org"});
    Settings settings{.hostname = "mail.example.org", .version = "postrider test", .status = [this] {
                        return Status{.listeners = {{.name = "smtp", .port = 25, .sessions = 3}},
                                      .certificates = certificates};
                      }};
    api = std::make_unique<Api>(Services{*directory, *mail, *delivery, *store, clock()}, std::move(settings), log);
  }

  /// A command there and back, as the command line does it.
  Shown ask(const std::string& command, const Arguments& arguments = {}, bool json = false) {
    return show(command, net::run(api->call(encode_request(command, arguments))), json);
  }

  static const base::Clock& clock() { return base::system_clock(); }

  base::Log log;
  net::Pool pool{2};
  std::unique_ptr<store::Store> store;
  std::unique_ptr<directory::Directory> directory;
  std::unique_ptr<mailstore::Mailstore> mail;
  std::unique_ptr<delivery::Delivery> delivery;
  std::unique_ptr<Api> api;
  std::vector<Status::Certificate> certificates;
};

}  // namespace admin::test
