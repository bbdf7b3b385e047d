#include "app/expand.h"

#include <glob.h>
#include <unistd.h>

#include <cerrno>

#include "app/files.h"
#include "base/text.h"

namespace app {

namespace {

constexpr std::size_t kMaxFile = 64 * 1024;

/// Where systemd has put a credential of that name (LoadCredential=).
base::Result<std::string> credential_path(const std::string& name, const std::string& shown, const Sources& sources) {
  const auto directory = sources.environment.find("CREDENTIALS_DIRECTORY");
  if (directory == sources.environment.end())
    return base::fail(base::Code::not_found,
                      shown + ": CREDENTIALS_DIRECTORY is not set: systemd gives no credentials");
  if (name.find('/') != std::string::npos || name == "..")
    return base::fail(base::Code::invalid, shown + ": a credential's name holds no \"/\"");
  return directory->second + "/" + name;
}

base::Result<std::string> value_of(std::string_view reference, const Sources& sources) {
  const std::size_t colon = reference.find(':');
  const std::string kind(reference.substr(0, colon));
  const std::string name(colon == std::string_view::npos ? std::string_view() : reference.substr(colon + 1));
  const std::string shown = "${" + base::printable(reference, 100) + "}";
  if (name.empty() || (kind != "env" && kind != "file" && kind != "credential")) {
    return base::fail(
        base::Code::invalid,
        shown + " is none of ${env:NAME}, ${file:PATH} and ${credential:NAME} (write $${ for a plain ${)");
  }
  if (kind == "env") {
    const auto value = sources.environment.find(name);
    if (value != sources.environment.end()) return value->second;
    return base::fail(base::Code::not_found, shown + ": there is no such variable in the environment");
  }
  std::string path = name;
  if (kind == "credential") {
    TRY_ASSIGN(path, credential_path(name, shown, sources));
  }
  auto content = sources.file(path, kMaxFile);
  if (!content && content.error().code == base::Code::too_large)
    return base::fail(base::Code::too_large, shown + ": the file is larger than 64 KiB");
  if (!content) return base::fail(content.error().code, shown + ": " + content.error().text);
  while (content->ends_with('\n') || content->ends_with('\r')) content->pop_back();
  return content;
}

std::map<std::string, std::string> environment_of_process() {
  std::map<std::string, std::string> all;
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) all.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return all;
}

base::Result<std::vector<std::string>> files_like(const std::string& pattern) {
  glob_t found{};
  const int result = ::glob(pattern.c_str(), GLOB_ERR, nullptr, &found);
  const int error = errno;
  std::vector<std::string> names(found.gl_pathv, found.gl_pathv + (result == 0 ? found.gl_pathc : 0));
  ::globfree(&found);
  // A directory that is missing holds nothing; one that cannot be read may hold what was meant.
  if (result == 0 || result == GLOB_NOMATCH || (result == GLOB_ABORTED && error == ENOENT)) return names;
  return std::unexpected(system_error("cannot look for " + pattern, result == GLOB_NOSPACE ? ENOMEM : error));
}

}  // namespace

Sources Sources::of_machine(Privileged& privileged) {
  return Sources{
      .environment = environment_of_process(),
      .file = [&privileged](const std::string& path, std::size_t limit) { return privileged.read(path, limit); },
      .files = files_like};
}

Sources Sources::of_machine() {
  return Sources{.environment = environment_of_process(), .file = read_file, .files = files_like};
}

base::Result<std::string> expand(std::string_view text, const Sources& sources) {
  std::string out;
  std::size_t at = 0;
  for (;;) {
    const std::size_t dollar = text.find("${", at);
    if (dollar == std::string_view::npos) break;
    out.append(text.substr(at, dollar - at));
    if (dollar > at && text[dollar - 1] == '$') {  // "$${"
      out += '{';
      at = dollar + 2;
      continue;
    }
    const std::size_t end = text.find('}', dollar);
    if (end == std::string_view::npos) {
      return base::fail(base::Code::invalid, "\"${\" without \"}\" (write $${ for a plain ${)");
    }
    TRY_ASSIGN(const std::string value, value_of(text.substr(dollar + 2, end - dollar - 2), sources));
    out += value;
    at = end + 1;
  }
  out.append(text.substr(at));
  return out;
}

}  // namespace app
