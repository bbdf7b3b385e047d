#pragma once
// Changes: what a configuration that was read again changes in the one in force. Pure.

#include <string>
#include <vector>

#include "app/config.h"

namespace app {

struct Changes {
  std::vector<std::string> changed;  // `limits.recipients = 500`, `listener.mx added`
  std::vector<std::string> waiting;  // the same, for what takes hold with the next start only
};

/// What waits for a restart is set back in `next` to what it is `now`.
Changes compare(const Config& now, Config& next);

}  // namespace app
