#include "delivery/plan.h"

#include <algorithm>
#include <unordered_map>

namespace delivery {
namespace {

class Builder {
 public:
  void add(std::size_t recipient, directory::Route route) {
    Plan::Targets& targets = plan.targets[recipient];
    for (directory::Account& account : route.accounts) {
      if (account.state == directory::State::suspended) {
        // For each recipient that leads there, because each may be answered for itself.
        base::Error why{base::Code::suspended, account.address + " is suspended"};
        plan.failed.push_back({recipient, std::move(why), account.id});
        continue;
      }
      const auto [place, added] = accounts_.try_emplace(account.id, plan.locals.size());
      targets.locals.push_back(place->second);
      if (added) plan.locals.push_back({std::move(account), recipient});
    }
    for (directory::Route::Remote& remote : route.remotes) add_remote(recipient, std::move(remote.address));
  }
  void add_remote(std::size_t recipient, std::string address) {
    const auto [place, added] = addresses_.try_emplace(address, plan.remotes.size());
    plan.targets[recipient].remotes.push_back(place->second);
    if (added) plan.remotes.push_back({std::move(address), recipient});
  }
  Plan plan;

 private:
  // To their places in the plan.
  std::unordered_map<base::AccountId, std::size_t> accounts_;
  std::unordered_map<std::string, std::size_t> addresses_;
};

net::Task<Plan> resolve(directory::Directory& directory, const std::vector<smtp::Recipient>& recipients,
                        bool anywhere) {
  Builder builder;
  builder.plan.targets.resize(recipients.size());
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    auto route = co_await directory.route(recipients[i].address);
    if (route) {
      builder.add(i, *std::move(route));
    } else if ((anywhere || recipients[i].elsewhere) && route.error().code == base::Code::denied) {
      builder.add_remote(i, recipients[i].address);
    } else {
      builder.plan.failed.push_back({.recipient = i, .why = std::move(route).error()});
    }
  }
  co_return std::move(builder.plan);
}

int gravity(base::Code code) {
  switch (code) {
    case base::Code::not_found:
    case base::Code::denied:
    case base::Code::invalid:
      return 0;
    case base::Code::over_quota:
      return 1;
    default:
      return 2;
  }
}

}  // namespace

net::Task<Plan> make_plan(directory::Directory& directory, std::vector<smtp::Recipient> recipients, bool anywhere) {
  // A plan is of one moment: an account that is removed while the other recipients are looked up must not get mail
  // behind the purge of its mailboxes. (While the store is in doubt each look-up is a new generation: then the last
  // plan has to do, and the commit will hardly succeed.)
  constexpr int kAttempts = 3;
  for (int attempt = 1;; ++attempt) {
    const std::uint64_t generation = directory.generation();
    Plan plan = co_await resolve(directory, recipients, anywhere);
    if (generation == directory.generation() || attempt == kAttempts) co_return plan;
  }
}

base::Error worst_of(const std::vector<base::Error>& errors) {
  return *std::max_element(errors.begin(), errors.end(), [](const base::Error& a, const base::Error& b) {
    return gravity(a.code) < gravity(b.code);
  });
}

}  // namespace delivery
