#pragma once
// Private to the room. Checks of a configuration as a whole: what is wrong between settings that are fine by
// themselves. Pure but for the machine's name, which stands in for a host name that was not given.

#include <set>
#include <string>

#include "app/config.h"

namespace app {

/// Adds its mistakes. `broken` are keys that have one already: what depends on them is not complained of.
void check_whole(Loaded& loaded, const std::set<std::string>& broken);

}  // namespace app
