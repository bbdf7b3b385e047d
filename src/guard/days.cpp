// The days of accounts.

#include <algorithm>
#include <utility>

#include "guard/service.h"

namespace guard {

class Service::AccountSpending final : public Spending {
 public:
  AccountSpending(Service& service, Take wanted, std::string address)
      : service_(service), wanted_(std::move(wanted)), address_(std::move(address)) {}

  base::Result<void> take(store::Txn& txn) override {
    over_.reset();
    TRY_ASSIGN(Taken taken, guard::take(txn, wanted_));
    if (!taken.over) return {};
    over_ = std::move(taken);
    return base::fail(base::Code::busy, "the account has sent what it may in a day");
  }

  void settle() override {
    if (over_) service_.note_spent(wanted_.account, address_, over_->allowance, *over_->over);
  }

 private:
  Service& service_;
  const Take wanted_;
  const std::string address_;
  std::optional<Taken> over_;
};

std::unique_ptr<Spending> Service::spending(base::AccountId account, std::string address,
                                            const std::vector<std::string>& recipients) {
  const auto config = config_.get();
  Take wanted{.account = account,
              .recipients = {},
              .day = day_of(clock_.now()),
              .messages_per_day = config->messages_per_day,
              .new_recipients_per_day = config->new_recipients_per_day};
  for (const std::string& recipient : recipients) wanted.recipients.push_back(recipient_hash(recipient));
  std::ranges::sort(wanted.recipients);
  const auto twice = std::ranges::unique(wanted.recipients);
  wanted.recipients.erase(twice.begin(), twice.end());
  return std::make_unique<AccountSpending>(*this, std::move(wanted), std::move(address));
}

void Service::note_spent(base::AccountId account, const std::string& address, const Allowance& allowance,
                         const Spent& spent) {
  const bool messages = spent.of == Spent::Of::messages;
  (messages ? metrics_.days_messages : metrics_.days_new_recipients).add();
  const std::uint32_t today = day_of(clock_.now());
  bool news = false;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(spent_, [&](const auto& entry) { return entry.second.day != today; });
    SpentDay& day = spent_[account];
    day.day = today;
    day.allowance = allowance;
    day.spent = spent;
    news = !std::exchange(messages ? day.told_of_messages : day.told_of_recipients, true);
  }
  if (!news) return;
  log_.warning("guard.day_limit", {{"account", address},
                                   {"of", messages ? "messages" : "new recipients"},
                                   {"limit", spent.limit},
                                   {"until", base::rfc3339_seconds(spent.until)},
                                   {"next", "if its owner did not send this, change its password"}});
}

std::optional<Spent> Service::spent(base::AccountId account) {
  const std::uint32_t today = day_of(clock_.now());
  const auto config = config_.get();
  const std::lock_guard lock(mutex_);
  const auto found = spent_.find(account);
  if (found == spent_.end() || found->second.day != today) return std::nullopt;
  // By the limits of now: the operator may have raised them.
  const Allowance& then = found->second.allowance;
  const Spent& spent = found->second.spent;
  const std::uint64_t limit = spent.of == Spent::Of::messages
                                  ? then.own_messages.value_or(config->messages_per_day)
                                  : then.own_new_recipients.value_or(config->new_recipients_per_day);
  return limit == spent.limit ? std::optional(spent) : std::nullopt;
}

net::Task<base::Result<bool>> Service::knows(base::AccountId account, std::string recipient) {
  co_return co_await store_.read([account, hash = recipient_hash(recipient)](const store::Reader& reader) {
    return is_known(reader, account, hash);
  });
}

net::Task<base::Result<Allowance>> Service::allowance(base::AccountId account) {
  co_return co_await store_.read(
      [account, today = day_of(clock_.now()), defaults = config_.get()](const store::Reader& reader) {
        return guard::allowance(reader, account, today, *defaults);
      });
}

net::Task<base::Result<void>> Service::set_allowance(base::AccountId account, AllowanceChange change) {
  CO_TRY(co_await store_.write({store::Owner::of(account)},
                               [&](store::Txn& txn) { return change_allowance(txn, account, change); }));
  const std::lock_guard lock(mutex_);
  spent_.erase(account);
  co_return base::Result<void>();
}

net::Task<base::Result<void>> Service::forget(base::AccountId account) {
  CO_TRY(co_await store_.write(
      {store::Owner::of(account)}, [&](store::Txn& txn) { return forget_account(txn, account); },
      store::Kind::frees_space));
  const std::lock_guard lock(mutex_);
  spent_.erase(account);
  co_return base::Result<void>();
}

}  // namespace guard
