#pragma once
// Plan: where one message goes, worked out from its recipients just before it is committed.

#include <string>
#include <vector>

#include "base/result.h"
#include "directory/directory.h"
#include "net/task.h"

namespace delivery {

struct Plan {
  struct Local {  // each account once
    directory::Account account;
    std::string recipient;  // the first of RCPT that leads there
  };
  struct Remote {  // each address once
    std::string address;
    std::string recipient;
  };
  /// It was accepted and leads nowhere now: it waits in the queue, or its sender is told.
  struct Failed {
    std::string recipient;
    base::Error why;
    base::AccountId account = {};  // whose mail it is, when only this one of the recipient's accounts takes none now
  };
  std::vector<Local> locals;
  std::vector<Remote> remotes;
  std::vector<Failed> failed;
};

/// `submitted`: addresses of other hosts are taken.
net::Task<Plan> make_plan(directory::Directory& directory, std::vector<std::string> recipients, bool submitted);

/// What to tell the client when all recipients refuse, each with one of `errors` (at least one): for now when that may
/// help any of them.
base::Error worst_of(const std::vector<base::Error>& errors);

}  // namespace delivery
