#include "app/expand.h"

#include <cstdlib>

#include "app/files.h"
#include "base/text.h"

namespace app {

namespace {

constexpr std::size_t kMaxFile = 64 * 1024;

base::Result<std::string> value_of(std::string_view reference, const Sources& sources) {
  const std::size_t colon = reference.find(':');
  const std::string kind(reference.substr(0, colon));
  const std::string name(colon == std::string_view::npos ? std::string_view() : reference.substr(colon + 1));
  const std::string shown = "${" + base::printable(reference, 100) + "}";
  if (name.empty() || (kind != "env" && kind != "file")) {
    return base::fail(base::Code::invalid,
                      shown + " is neither ${env:NAME} nor ${file:PATH} (write $${ for a plain ${)");
  }
  if (kind == "env") {
    auto value = sources.environment(name);
    if (!value) return base::fail(base::Code::not_found, shown + ": there is no such variable in the environment");
    return *std::move(value);
  }
  auto content = sources.file(name);
  if (!content) return base::fail(content.error().code, shown + ": " + content.error().text);
  if (content->size() > kMaxFile) return base::fail(base::Code::too_large, shown + ": the file is larger than 64 KiB");
  while (content->ends_with('\n') || content->ends_with('\r')) content->pop_back();
  return content;
}

}  // namespace

Sources Sources::of_machine() {
  return Sources{.environment = [](const std::string& name) -> std::optional<std::string> {
                   const char* value = std::getenv(name.c_str());
                   return value ? std::optional<std::string>(value) : std::nullopt;
                 },
                 .file = [](const std::string& path) { return read_file(path, kMaxFile + 1); }};
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
