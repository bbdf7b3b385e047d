#pragma once
// A password for the command line: given, from a file, or asked for without showing it. Blocks.

#include <string>

#include "base/result.h"

namespace app {

struct PasswordFrom {
  std::string value;  // --password
  std::string file;   // --password-file; "-" is standard input
};

/// invalid: empty, or typed differently the second time.
base::Result<std::string> read_password(const PasswordFrom& from, const std::string& whose);

}  // namespace app
