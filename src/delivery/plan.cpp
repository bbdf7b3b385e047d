#include "delivery/plan.h"

#include <algorithm>
#include <unordered_set>

namespace delivery {
namespace {

class Builder {
 public:
  void add(const std::string& recipient, directory::Route route) {
    for (directory::Account& account : route.accounts) {
      if (!accounts_.insert(account.id).second) continue;
      if (account.state == directory::State::suspended) {
        base::Error why{base::Code::suspended, account.address + " is suspended"};
        plan.failed.push_back({recipient, std::move(why), account.id});
      } else {
        plan.locals.push_back({std::move(account), recipient});
      }
    }
    for (directory::Route::Remote& remote : route.remotes) add_remote(recipient, std::move(remote.address));
  }
  void add_remote(const std::string& recipient, std::string address) {
    if (addresses_.insert(address).second) plan.remotes.push_back({std::move(address), recipient});
  }
  Plan plan;

 private:
  std::unordered_set<base::AccountId> accounts_;
  std::unordered_set<std::string> addresses_;
};

net::Task<Plan> resolve(directory::Directory& directory, const std::vector<std::string>& recipients, bool submitted) {
  Builder builder;
  for (const std::string& recipient : recipients) {
    auto route = co_await directory.route(recipient);
    if (route) {
      builder.add(recipient, *std::move(route));
    } else if (submitted && route.error().code == base::Code::denied) {
      builder.add_remote(recipient, recipient);
    } else {
      builder.plan.failed.push_back({.recipient = recipient, .why = std::move(route).error()});
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

net::Task<Plan> make_plan(directory::Directory& directory, std::vector<std::string> recipients, bool submitted) {
  // A plan is of one moment: an account that is removed while the other recipients are looked up must not get mail
  // behind the purge of its mailboxes. (While the store is in doubt each look-up is a new generation: then the last
  // plan has to do, and the commit will hardly succeed.)
  constexpr int kAttempts = 3;
  for (int attempt = 1;; ++attempt) {
    const std::uint64_t generation = directory.generation();
    Plan plan = co_await resolve(directory, recipients, submitted);
    if (generation == directory.generation() || attempt == kAttempts) co_return plan;
  }
}

base::Error worst_of(const std::vector<base::Error>& errors) {
  return *std::max_element(errors.begin(), errors.end(), [](const base::Error& a, const base::Error& b) {
    return gravity(a.code) < gravity(b.code);
  });
}

}  // namespace delivery
