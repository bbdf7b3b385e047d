// What must not be lost: removed mailboxes and accounts whose records are still to go, copies that are to be taken
// back. A start finds what a crash left; what fails while the store runs is tried again until it succeeds. And what may
// be lost: views that are saved. All on one thread, which is made when there is something to do.

#include "mailstore/impl.h"
#include "net/loop.h"

namespace mailstore {
namespace {

constexpr std::chrono::seconds kPause{1};

/// Whether trying again later may succeed.
bool passes(base::Code code) {
  return code == base::Code::unavailable || code == base::Code::no_space || code == base::Code::busy;
}

}  // namespace

void Impl::finish_later(const Unfinished& work) {
  const std::lock_guard lock(unfinished_mutex_);
  unfinished_.push_back(work);
  if (!finisher_.joinable()) finisher_ = std::thread([this] { finish_all(); });
  wake_finisher_.notify_one();
}

void Impl::stop_finishing() {
  {
    const std::lock_guard lock(unfinished_mutex_);
    stopping_ = true;
  }
  wake_finisher_.notify_one();
  if (finisher_.joinable()) finisher_.join();
}

void Impl::finish_all() {
  std::unique_lock lock(unfinished_mutex_);
  while (true) {
    wake_finisher_.wait(lock, [this] { return stopping_ || !unfinished_.empty(); });
    if (stopping_) return;
    const Unfinished work = unfinished_.front();
    unfinished_.pop_front();
    lock.unlock();
    const bool again = !finish_one(work);
    lock.lock();
    if (!again) continue;
    unfinished_.push_back(work);
    wake_finisher_.wait_for(lock, kPause, [this] { return stopping_.load(); });
  }
}

/// False when it is to be tried again.
bool Impl::finish_one(const Unfinished& work) {
  if (work.view.rows) {
    const auto saved = net::run(save_view(context_.store, work.account, work.view));
    if (!saved)
      context_.log.debug("mailstore.view.unsaved", {{"account", work.account.value}, {"why", saved.error().text}});
    return true;
  }
  base::Result<void> done;
  try {
    done = net::run(work.copy != 0 ? take_back(work.account, work.copy)
                    : work.mailbox ? drain(work.account, work.mailbox)
                                   : purge(work.account));
  } catch (const std::exception& e) {
    done = base::fail(base::Code::conflict, e.what());
  }
  if (!done && passes(done.error().code)) return false;
  context_.log.info("mailstore.unfinished.over", {{"account", work.account.value},
                                                  {"mailbox", work.mailbox.value},
                                                  {"copy", work.copy},
                                                  {"result", done ? std::string("done") : done.error().text}});
  return true;
}

void Impl::find_unfinished() {
  const auto reader = context_.store.reader();
  if (!reader) {
    context_.log.warning("mailstore.unfinished.unread", {{"why", reader.error().text}});
    return;
  }
  std::optional<AccountId> purged;
  for (auto cursor = (*reader)->scan(kRemovals); cursor.valid(); cursor.next()) {
    const auto& [account, mailbox] = cursor.key();
    // The whole account stands first among its removals, and takes the others with it.
    if (!mailbox) purged = account;
    if (!mailbox || purged != account) finish_later({.account = account, .mailbox = mailbox});
  }
  for (auto cursor = (*reader)->scan(kCopies); cursor.valid(); cursor.next()) {
    const auto& [account, copy] = cursor.key();
    finish_later({.account = account, .copy = copy});
  }
}

}  // namespace mailstore
