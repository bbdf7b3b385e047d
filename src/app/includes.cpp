// Which files a configuration is made of: `include` followed, within bounds, with loops named.
#include <algorithm>

#include "app/statements.h"
#include "base/text.h"

namespace app {

namespace {

/// A file that is being read, and who asked for it.
struct Open {
  std::string file;
  const Open* from;
};

std::string beside(const std::string& file, const std::string& path) {
  if (path.starts_with('/')) return path;
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? path : file.substr(0, slash + 1) + path;
}

class Includer {
 public:
  Includer(const Sources& sources, Statements& into) : sources_(sources), into_(into) {}

  // Calls itself for each included file, which kMaxIncludeDepth bounds.
  void read(std::string_view toml, const Open& open, std::size_t depth) {
    const std::size_t first = into_.all.size();
    read_toml(toml, open.file, into_);
    const auto named =
        std::ranges::find_if(into_.all.begin() + static_cast<std::ptrdiff_t>(first), into_.all.end(),
                             [](const Statement& s) { return s.path == std::vector<std::string>{"include"}; });
    if (named == into_.all.end()) return;
    const Statement include = std::move(*named);
    into_.all.erase(named);
    if (!include.value) return;
    for (const std::string& pattern : patterns(include)) {
      for (const std::string& file : files(pattern, include.at)) follow(file, open, depth, include.at);
    }
  }

 private:
  void mistake(const Origin& at, std::string text) {
    into_.complete = false;
    into_.mistakes.push_back({at, std::move(text)});
  }

  std::vector<std::string> patterns(const Statement& include) {
    std::vector<std::string> texts;
    if (const auto* list = std::get_if<std::vector<std::string>>(&*include.value)) {
      texts = *list;
    } else if (const auto* one = std::get_if<std::string>(&*include.value)) {
      texts = {*one};
    } else {
      mistake(include.at, "include must be a file's name, or a list of names, such as [\"conf.d/*.toml\"]");
    }
    std::vector<std::string> expanded;
    for (const std::string& text : texts) {
      auto value = expand(text, sources_);
      if (!value) {
        mistake(include.at, "include: " + value.error().text);
      } else if (value->empty()) {
        mistake(include.at, "include: a file's name must not be empty");
      } else {
        expanded.push_back(beside(include.at.file, *value));
      }
    }
    return expanded;
  }

  std::vector<std::string> files(const std::string& pattern, const Origin& at) {
    if (pattern.find_first_of("*?[") == std::string::npos) return {pattern};
    into_.inputs.add_pattern(pattern);
    auto found = sources_.files(pattern);
    if (found) return *std::move(found);
    mistake(at, "include: " + found.error().text);
    return {};
  }

  void follow(const std::string& file, const Open& from, std::size_t depth, const Origin& at) {
    if (const std::string loop = loop_with(file, from); !loop.empty()) {
      mistake(at, "include goes in a circle: " + loop);
    } else if (depth + 1 > kMaxIncludeDepth) {
      mistake(at, "include: " + file + " is more than " + std::to_string(kMaxIncludeDepth) + " files deep");
    } else if (++count_ > kMaxIncludedFiles) {
      if (count_ == kMaxIncludedFiles + 1)
        mistake(at, "include: more than " + std::to_string(kMaxIncludedFiles) + " files in all");
    } else if (auto text = sources_.file(file, kMaxConfigFile); !text) {
      into_.inputs.add_file(file);
      mistake(at, "include: " + text.error().text);
    } else {
      into_.inputs.add_file(file);
      read(*text, {file, &from}, depth + 1);
    }
  }

  static std::string loop_with(const std::string& file, const Open& from) {
    std::string chain = file;
    for (const Open* open = &from; open; open = open->from) {
      chain = open->file + " includes " + chain;
      if (open->file == file) return chain;
    }
    return {};
  }

  const Sources& sources_;
  Statements& into_;
  std::size_t count_ = 0;
};

}  // namespace

void read_with_includes(std::string_view toml, const std::string& file, const Sources& sources, Statements& into) {
  into.inputs.add_file(file);
  Includer(sources, into).read(toml, {file, nullptr}, 0);
}

}  // namespace app
