#include "mailstore/live.h"

#include <algorithm>
#include <list>

#include "mailstore/mailstore.h"

namespace mailstore {

/// The watchers of one account. Its mutex is held while they are called, so that the end of a watch waits for a call
/// in progress; callbacks only post, so they never come back here. It is never taken together with a shard's.
struct Live::Hub {
  std::mutex mutex;
  std::list<std::function<void()>> callbacks;
};

namespace {

class HubWatch final : public Watch {
 public:
  HubWatch(std::shared_ptr<Live::Hub> hub, std::list<std::function<void()>>::iterator place)
      : hub_(std::move(hub)), place_(place) {}
  ~HubWatch() override {
    const std::lock_guard lock(hub_->mutex);
    hub_->callbacks.erase(place_);
  }
  HubWatch(const HubWatch&) = delete;
  HubWatch& operator=(const HubWatch&) = delete;

 private:
  std::shared_ptr<Live::Hub> hub_;
  std::list<std::function<void()>>::iterator place_;
};

}  // namespace

void Live::assign(AccountId account, ModSeq modseq) {
  Shard& home = shard(account);
  const std::lock_guard lock(home.mutex);
  ModSeq& assigned = home.entries[account.value].assigned;
  assigned = std::max(assigned, modseq);
}

ModSeq Live::assigned(AccountId account) const {
  const Shard& home = shard(account);
  const std::lock_guard lock(home.mutex);
  const auto found = home.entries.find(account.value);
  return found == home.entries.end() ? 0 : found->second.assigned;
}

std::unique_ptr<Watch> Live::watch(AccountId account, std::function<void()> on_change) {
  std::shared_ptr<Hub> hub;
  {
    Shard& home = shard(account);
    const std::lock_guard lock(home.mutex);
    Entry& entry = home.entries[account.value];
    hub = entry.hub.lock();
    if (!hub) entry.hub = hub = std::make_shared<Hub>();
  }
  const std::lock_guard lock(hub->mutex);
  hub->callbacks.push_back(std::move(on_change));
  return std::make_unique<HubWatch>(hub, std::prev(hub->callbacks.end()));
}

void Live::changed(AccountId account) {
  std::shared_ptr<Hub> hub;
  {
    Shard& home = shard(account);
    const std::lock_guard lock(home.mutex);
    const auto found = home.entries.find(account.value);
    if (found == home.entries.end()) return;
    hub = found->second.hub.lock();
  }
  if (!hub) return;
  const std::lock_guard lock(hub->mutex);
  for (const auto& callback : hub->callbacks) callback();
}

Uid Live::first_recent(AccountId account, MailboxId mailbox, Uid uid_next, bool take) {
  Shard& home = shard(account);
  const std::lock_guard lock(home.mutex);
  auto& recent = home.entries[account.value].recent;
  const auto found = recent.find(mailbox.value);
  const Uid first = found == recent.end() ? 1 : std::min(found->second, uid_next);
  if (take) {
    Uid& taken = recent[mailbox.value];
    taken = std::max(taken, uid_next);
  }
  return first;
}

void Live::forget_recent(AccountId account, MailboxId mailbox) {
  Shard& home = shard(account);
  const std::lock_guard lock(home.mutex);
  const auto found = home.entries.find(account.value);
  if (found != home.entries.end()) found->second.recent.erase(mailbox.value);
}

void Live::forget(AccountId account) {
  Shard& home = shard(account);
  const std::lock_guard lock(home.mutex);
  const auto found = home.entries.find(account.value);
  if (found == home.entries.end()) return;
  found->second.recent.clear();  // a closure may be assigning modseqs still, so that stays
}

}  // namespace mailstore
