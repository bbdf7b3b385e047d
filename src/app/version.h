#pragma once
// What this program is made of.

#include <string>

namespace app {

/// "postrider 0.1.0".
std::string version();
/// The same with the compiler and the libraries, a line each.
std::string full_version();

}  // namespace app
