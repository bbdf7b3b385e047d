#include "app/config_watch.h"

namespace app {

void ConfigWatch::watch(const Inputs& inputs, const Sources& sources) {
  files_.watch(inputs.files);
  patterns_ = inputs.patterns;
  found_ = find(sources);
  moving_ = false;
}

bool ConfigWatch::changed(const Sources& sources) {
  bool now = files_.changed();
  Found found = find(sources);
  if (found != found_) {
    found_ = std::move(found);
    now = true;
  }
  const bool before = std::exchange(moving_, now);
  return before && !now;
}

ConfigWatch::Found ConfigWatch::find(const Sources& sources) const {
  Found found;
  // A directory that cannot be looked through finds nothing; the reload that follows says so.
  for (const std::string& pattern : patterns_)
    found.push_back(sources.files(pattern).value_or(std::vector<std::string>()));
  return found;
}

}  // namespace app
