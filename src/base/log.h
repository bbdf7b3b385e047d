#pragma once
// Log: structured lines to standard error, "time level event key=value …" or one JSON object a line. A Log is a small
// value: with() extends it with fields and it is passed down by value. A line is written by one write(2), so lines of
// several threads do not mix. Safe to use from any thread. A peer's mistake is at most info; error means that the
// operator must act.

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace base {

enum class Level { debug, info, warning, error };

/// One field. Numbers and texts; texts are escaped when the line is written.
struct Field {
  std::string_view key;
  std::string value;

  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  Field(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  template <class Number>
    requires std::is_arithmetic_v<Number>
  Field(std::string_view k, Number v) : key(k), value(std::to_string(v)) {}
};

class Log {
 public:
  struct Sink;

  /// Writes nothing.
  Log() = default;
  /// Writes lines of at least `level` to standard error.
  static Log to_stderr(Level level, bool json);

  Log with(std::initializer_list<Field> fields) const;
  bool enabled(Level level) const;
  /// The least level from now on, for all logs that come from the same to_stderr().
  void set_level(Level level) const;
  void write(Level level, std::string_view event, std::initializer_list<Field> fields = {}) const;

  void debug(std::string_view event, std::initializer_list<Field> fields = {}) const {
    write(Level::debug, event, fields);
  }
  void info(std::string_view event, std::initializer_list<Field> fields = {}) const {
    write(Level::info, event, fields);
  }
  void warning(std::string_view event, std::initializer_list<Field> fields = {}) const {
    write(Level::warning, event, fields);
  }
  void error(std::string_view event, std::initializer_list<Field> fields = {}) const {
    write(Level::error, event, fields);
  }

 private:
  std::shared_ptr<Sink> sink_;
  std::string context_;  // fields of with(), already formatted
};

}  // namespace base
