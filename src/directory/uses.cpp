// When a credential was last used. It is kept in memory and written for all of them together, at most once a minute and
// behind the login's back: a login must not cost a sync. What was not written when the process dies is lost.

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
  std::map<std::uint64_t, Use> uses;
  {
    const std::lock_guard lock(uses_mutex_);
    uses.swap(uses_);
  }
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
  if (!written) log_.info("directory.uses.unwritten", {{"why", written.error().text}, {"logins", uses.size()}});
}

/// By version: numbers of removed ones come back.
std::optional<CredentialUse> Service::unwritten_use(std::uint64_t version) {
  const std::lock_guard lock(uses_mutex_);
  const auto found = uses_.find(version);
  return found == uses_.end() ? std::nullopt : std::optional(found->second.use);
}

Service::~Service() { write_uses(); }

}  // namespace directory
