#pragma once
// Private to the room's tests: a mail store on either engine, and short words for what tests do with it. Tasks run to
// their end on a loop of the calling thread.

#include <doctest/doctest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "../../tests/support/temp_dir.h"
#include "base/clock.h"
#include "mailstore/mailstore.h"
#include "net/loop.h"
#include "net/pool.h"
#include "store/store.h"

namespace mailstore::test {

using tests::TempDir;

enum class Engine { memory, embedded };

inline std::string name(Engine engine) { return engine == Engine::memory ? "memory" : "embedded"; }

template <class T>
T value(base::Result<T> result) {
  if (!result) FAIL(base::name(result.error().code), ": ", result.error().text);
  return *std::move(result);
}
inline void value(base::Result<void> result) {
  if (!result) FAIL(base::name(result.error().code), ": ", result.error().text);
}

template <class T>
std::string code(const base::Result<T>& result) {
  return result ? "ok" : base::name(result.error().code);
}

/// A store and a mail store on it. An embedded one can be closed and opened again.
class Kit {
 public:
  explicit Kit(Engine engine = Engine::memory) : engine_(engine) { open(); }
  ~Kit() { close(); }
  Kit(const Kit&) = delete;
  Kit& operator=(const Kit&) = delete;

  void open() {
    if (engine_ == Engine::memory) {
      store_ = store::open_memory(pool_, base::system_clock(), {});
    } else {
      store_ = value(store::open_embedded(
          {.directory = dir_.path(), .min_free_bytes = 0, .write_buffer_bytes = 8 << 20, .block_cache_bytes = 4 << 20},
          pool_, base::system_clock(), {}));
    }
    open_mail();
  }
  void open_mail() { mail_ = mailstore::open(*store_, base::system_clock(), {}); }
  void close_mail() { mail_.reset(); }
  void close() {
    mail_.reset();
    store_.reset();
  }
  void reopen() {
    if (engine_ == Engine::memory) {
      close_mail();
      open_mail();
    } else {
      close();
      open();
    }
  }

  store::Store& store() { return *store_; }
  Mailstore& mail() { return *mail_; }
  Mailstore* operator->() { return mail_.get(); }

  Incoming incoming(const std::string& text) {
    auto writer = store_->new_body();
    value(net::run(writer->append(text)));
    return make_incoming(writer->finish(), std::make_shared<const mime::Message>(mime::parse(text, kParseLimits)));
  }

  base::Result<void> write(AccountId account, store::Store::Closure closure) {
    return net::run(store_->write({store::Owner::of(account)}, std::move(closure)));
  }

  /// A delivery, as the delivery room does it.
  base::Result<Filed> deliver(AccountId account, const std::string& text, FileOptions options = {},
                              std::optional<MailboxId> mailbox = std::nullopt) {
    const Incoming message = incoming(text);
    Filed filed;
    const auto done = write(account, [&](store::Txn& tx) -> base::Result<void> {
      TRY_ASSIGN(filed, mail_->file(tx, account, mailbox, message, options));
      return {};
    });
    if (!done) return std::unexpected(done.error());
    mail_->changed(account);
    return filed;
  }

  Mailbox mailbox(AccountId account, const std::string& path) { return value(net::run(mail_->mailbox(account, path))); }
  std::shared_ptr<const View> view(AccountId account, MailboxId mailbox) {
    return value(net::run(mail_->view(account, mailbox)));
  }
  Mailbox create(AccountId account, const std::string& path) {
    return value(net::run(mail_->create_mailbox(account, path, Role::none)));
  }

  /// What the checks of mail store and store find wrong, a line each.
  std::vector<std::string> problems() {
    std::vector<std::string> lines;
    const auto report = [&](store::Problem problem) { lines.push_back(problem.where + ": " + problem.what); };
    const auto reader = value(store_->reader());
    value(mail_->check(*reader, report));
    value(store_->check(report));
    return lines;
  }

 private:
  Engine engine_;
  TempDir dir_;
  net::Pool pool_{2};
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Mailstore> mail_;
};

inline std::string message(const std::string& id, const std::string& more = "",
                           const std::string& body = "Hello.\r\n") {
  return "From: Anna <anna@example.test>\r\nTo: bob@example.test\r\nSubject: A letter\r\n"
         "Date: Sat, 21 Nov 2026 08:56:02 +0000\r\nMessage-ID: <" +
         id + "@example.test>\r\n" + more + "\r\n" + body;
}

inline std::vector<Uid> uids(const View& view) {
  std::vector<Uid> out;
  for (std::size_t i = 0; i < view.size(); ++i) out.push_back(view.at(i).uid);
  return out;
}

inline std::vector<std::string> names(const MailboxList& list) {
  std::vector<std::string> out;
  for (const Mailbox& mailbox : list.mailboxes) out.push_back(mailbox.name);
  return out;
}

}  // namespace mailstore::test
