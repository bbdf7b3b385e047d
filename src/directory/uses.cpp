// When a credential was last used. It is kept in memory and written for all of them together, at most once a minute and
// behind the login's back: a login must not cost a sync. It stays in memory until it is written, so that it is always
// found in one place or the other; what was not written when the process dies is lost.

#include "directory/service.h"
#include "net/loop.h"

namespace directory {
namespace {

constexpr std::chrono::minutes kBetweenWrites{1};

}  // namespace

void Service::note_use(base::AccountId account, const Credential& credential, const Access& access) {
  const base::SteadyTime now = clock_.steady();
  {
    const std::lock_guard lock(uses_mutex_);
    uses_[credential.version] = {
        account, credential.number, credential.version, {clock_.now(), access.address, access.protocol}};
    if (now - uses_written_ < kBetweenWrites) return;
    uses_written_ = now;
  }
  // Where too many wait, a later login will do.
  (void)renewals_.start([this] { write_uses(); });
}

void Service::write_uses() {
  const auto uses = unwritten_uses();
  if (uses.empty()) return;
  // Not a change of the directory: what is cached of it stays right.
  const auto written = net::run(store_.write({store::Owner::directory()}, [&](store::Txn& txn) -> base::Result<void> {
    for (const auto& [version, each] : uses) {
      const auto key = std::tuple(each.account, each.number);
      TRY_ASSIGN(const auto credential, txn.get(kCredentials, key));
      if (!credential || credential->version() != version) continue;  // removed or changed meanwhile
      schema::DirectoryCredentialUse record;
      record.set_used_us(to_record(each.use.time));
      record.set_address(each.use.address);
      record.set_protocol(each.use.protocol);
      txn.put(kUses, key, record);
    }
    return {};
  }));
  if (!written) {  // the next one writes them
    log_.info("directory.uses.unwritten", {{"why", written.error().text}, {"logins", uses.size()}});
    return;
  }
  // Only now: who asks meanwhile finds them here. What was used again meanwhile stays.
  const std::lock_guard lock(uses_mutex_);
  for (const auto& [version, each] : uses) {
    const auto found = uses_.find(version);
    if (found != uses_.end() && found->second.use == each.use) uses_.erase(found);
  }
}

std::map<std::uint64_t, Service::Use> Service::unwritten_uses() {
  const std::lock_guard lock(uses_mutex_);
  return uses_;
}

Service::~Service() { write_uses(); }

}  // namespace directory
