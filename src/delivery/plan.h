#pragma once
// Plan: where one message goes, worked out from its recipients just before it is committed. Recipients are named by
// their place in the envelope.

#include <string>
#include <vector>

#include "base/result.h"
#include "directory/directory.h"
#include "net/task.h"
#include "smtp/host.h"

namespace delivery {

struct Plan {
  struct Local {  // each account once
    directory::Account account;
    std::size_t recipient;  // the first of RCPT that leads there
  };
  struct Remote {  // each address once
    std::string address;
    std::size_t recipient;
  };
  /// It was accepted and leads nowhere now: it waits in the queue, or its sender is told. An account stands here once
  /// for each recipient that leads to it.
  struct Failed {
    std::size_t recipient;
    base::Error why;
    base::AccountId account = {};  // whose mail it is, when only this one of the recipient's accounts takes none now
  };
  /// Where one of the recipients leads: places in the lists. Failed ones lead nowhere.
  struct Targets {
    std::vector<std::size_t> locals;
    std::vector<std::size_t> remotes;
  };
  std::vector<Local> locals;
  std::vector<Remote> remotes;
  std::vector<Failed> failed;
  std::vector<Targets> targets;  // of each recipient
};

/// `anywhere`: addresses of other hosts are taken, and not only of recipients that may lead `elsewhere`.
net::Task<Plan> make_plan(directory::Directory& directory, std::vector<smtp::Recipient> recipients, bool anywhere);

/// What to tell the client when all recipients refuse, each with one of `errors` (at least one): for now when that may
/// help any of them.
base::Error worst_of(const std::vector<base::Error>& errors);

}  // namespace delivery
