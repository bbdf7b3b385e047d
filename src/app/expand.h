#pragma once
// ${env:NAME}, ${file:PATH} and ${credential:NAME} (of systemd) in the values of the configuration: secrets that
// systemd, a container or an administrator keeps elsewhere. "$${" stands for a plain "${". One pass: what is put in is
// not looked at again. The value of a file is its content without the line end at its end, at most 64 KiB.

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "app/privileged.h"
#include "base/result.h"

namespace app {

/// What a configuration is read from: the machine's by default, a test's own otherwise.
struct Sources {
  std::map<std::string, std::string> environment;
  /// A whole file; too_large above `limit` bytes.
  std::function<base::Result<std::string>(const std::string& path, std::size_t limit)> file;
  /// The files whose names fit a pattern (`*`, `?`, `[…]`), sorted by bytes; none is no error, what cannot be looked
  /// through is.
  std::function<base::Result<std::vector<std::string>>(const std::string& pattern)> files;

  /// Files are read by `privileged`, which outlives this.
  static Sources of_machine(Privileged& privileged);
  /// With the rights of this process.
  static Sources of_machine();
};

base::Result<std::string> expand(std::string_view text, const Sources& sources);

}  // namespace app
