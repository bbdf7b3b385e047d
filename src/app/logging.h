#pragma once
// The log that a configuration asks for.

#include "app/config.h"
#include "base/log.h"

namespace app {

base::Log open_log(const Config& config);

}  // namespace app
