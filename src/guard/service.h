#pragma once
// Private to the room: the one implementation of Guard. service.cpp has the visitors, days.cpp the days of accounts,
// bans.cpp the bans.

#include <mutex>
#include <unordered_map>

#include "guard/ban_list.h"
#include "guard/day.h"
#include "guard/guard.h"
#include "guard/metrics.h"
#include "guard/rate_limits.h"
#include "guard/strikes.h"

namespace guard {

class Service final : public Guard {
 public:
  Service(store::Store& store, const base::Clock& clock, base::Log log, const base::Live<Config>& config);
  /// Reads the bans.
  base::Result<void> load();

  std::optional<Refusal> connect(const Visitor& visitor) override;
  std::optional<Limit> take(What what, const Visitor& visitor, base::AccountId account) override;
  bool banned(const Visitor& visitor) override;
  net::Task<bool> wrong_password(Visitor visitor, std::string user, std::string guess) override;

  std::unique_ptr<Spending> spending(base::AccountId account, std::string address,
                                     const std::vector<std::string>& recipients) override;
  std::optional<Spent> spent(base::AccountId account) override;
  net::Task<base::Result<bool>> knows(base::AccountId account, std::string recipient) override;
  net::Task<base::Result<Allowance>> allowance(base::AccountId account) override;
  net::Task<base::Result<void>> set_allowance(base::AccountId account, AllowanceChange change) override;
  net::Task<base::Result<void>> forget(base::AccountId account) override;

  std::vector<Ban> bans() override;
  net::Task<base::Result<Ban>> ban(base::Network network, std::optional<std::chrono::seconds> length,
                                   std::string reason) override;
  net::Task<base::Result<void>> unban(base::Network network) override;
  base::Result<void> check(const store::Reader& reader, const std::function<void(store::Problem)>& report) override;

 private:
  class AccountSpending;
  using Bounds = std::vector<RateLimits::Bound>;

  Tick tick(std::chrono::seconds window) const;
  Bounds bounds(What what, const Visitor& visitor, base::AccountId account) const;
  void note(const Limit& limit, const Visitor& visitor, base::AccountId account) const;
  std::optional<Ban> holding(const base::Address& address);
  /// Another strike; the ban that it brings.
  std::optional<Ban> strike(const base::Address& address, std::string_view guess);
  base::Result<void> fits(const Ban& ban);
  /// Writes the ban, and erases those that count no more.
  net::Task<base::Result<void>> keep(Ban ban);
  void note_spent(base::AccountId account, const std::string& address, const Allowance& allowance, const Spent& spent);

  store::Store& store_;
  const base::Clock& clock_;
  const base::Log log_;
  const base::Live<Config>& config_;
  const Metrics metrics_;
  const std::string key_;  // of the hashes of guesses
  const base::SteadyTime start_;
  RateLimits rates_;

  std::mutex mutex_;  // guards what follows; held for moments, and never across an await
  BanList bans_;
  Strikes strikes_;
  std::chrono::seconds strikes_window_;  // that strikes_ were counted by
  struct SpentDay {
    std::uint32_t day = 0;
    Allowance allowance;
    Spent spent;
    bool told_of_messages = false;  // the operator was
    bool told_of_recipients = false;
  };
  std::unordered_map<base::AccountId, SpentDay> spent_;  // of today
};

}  // namespace guard
