#pragma once
// ${env:NAME} and ${file:PATH} in the values of the configuration: secrets that systemd, a container or an
// administrator keeps elsewhere. "$${" stands for a plain "${". One pass: what is put in is not looked at again. The
// value of a file is its content without the line end at its end, at most 64 KiB.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace app {

/// Where the values come from; the machine's by default, a test's own otherwise.
struct Sources {
  std::function<std::optional<std::string>(const std::string& name)> environment;
  std::function<base::Result<std::string>(const std::string& path)> file;

  static Sources of_machine();
};

base::Result<std::string> expand(std::string_view text, const Sources& sources);

}  // namespace app
