#pragma once
// Private to the room. Statements: what the files and the environment say, before anybody asked whether there is such a
// key. Files are read in the order in which they win: what stands later in the list holds. Pure but for the Sources.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"
#include "app/values.h"

namespace app {

struct Statement {
  /// {"limits", "message_size"}, {"listener", "mx", "port"}. A table as such comes before what is in it, with `table`.
  std::vector<std::string> path;
  std::optional<Raw> value;  // references (${…}) as they were written; nothing: a mistake was found in it already
  bool table = false;
  Origin at;

  /// As it is written in a sentence: "listener.mx.port".
  std::string key() const;
};

struct Statements {
  std::vector<Statement> all;
  std::vector<Mistake> mistakes;
  bool complete = true;  // every file could be read: what is not here was not said
  Inputs inputs;
};

/// A file's text (its `include` not followed): tables to a depth of three, which is what there is.
void read_toml(std::string_view toml, const std::string& file, Statements& into);

inline constexpr std::size_t kMaxIncludeDepth = 8;
inline constexpr std::size_t kMaxIncludedFiles = 200;

/// A file's text, and behind it what it includes, in that order: an included file wins over the one that names it.
void read_with_includes(std::string_view toml, const std::string& file, const Sources& sources, Statements& into);

/// The variables POSTRIDER_… as statements. `named` are the named tables that there are so far, as {"listener", "mx"};
/// a variable may make another.
void read_environment(const Sources& sources, const std::vector<std::vector<std::string>>& named, Statements& into);

/// "limits.message_size" -> "POSTRIDER_LIMITS_MESSAGE_SIZE".
std::string variable_of(std::string_view key);

}  // namespace app
