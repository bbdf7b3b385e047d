#pragma once
// Log: structured lines, "time level event key=value …" or JSON objects, to standard error, the journal or syslog. A
// Log is a small value: with() extends it with fields and it is passed down by value; it carries the metrics of its
// process. Safe from any thread. A peer's mistake is at most info; error means that the operator must act. Credentials
// are never a field. Nothing here waits: a line that its target does not take at once is dropped, counted, and told of
// when lines are taken again. What is to be logged can be changed, and followed, while it runs.

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log_output.h"
#include "base/metrics.h"

namespace base {

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

class LogFollower;

class Log {
 public:
  class Sink;
  /// Lines of one noise() event a second; what is above is counted and told in one line.
  static constexpr unsigned kNoisePerSecond = 20;

  /// Writes nothing and counts nothing.
  Log() = default;
  static Log to(std::unique_ptr<LogOutput> output, Level level, const Clock& clock = system_clock());
  /// Lines of at least `level` to standard error, as text or JSON.
  static Log to_stderr(Level level, bool json);

  Log with(std::initializer_list<Field> fields) const;
  bool enabled(Level level) const;
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
  /// info that strangers cause as often as they like: above kNoisePerSecond lines of one event a second they become
  /// "log.suppressed event=… count=…". Not for what happened to a message that was taken.
  void noise(std::string_view event, std::initializer_list<Field> fields = {}) const;

  Metrics metrics() const;

  // --- While it runs -------------------------------------------------------------------------------------------------

  /// Of all events; ends what set_level() said of prefixes.
  void set_level(Level level) const;
  /// Of the events that are `prefix` or begin with it and a dot: "smtp", "smtp.rcpt". too_large: more than 64 prefixes.
  Result<void> set_level(std::string prefix, Level level) const;
  /// The level of all events (under ""), then those of prefixes.
  std::vector<std::pair<std::string, Level>> levels() const;

  /// The lines from now on of at least `level`, whatever the log's own is, that contain `filter` as text. nullptr for a
  /// default Log.
  std::shared_ptr<LogFollower> follow(Level level, std::string filter) const;

 private:
  void put(Level level, std::string_view event, std::initializer_list<Field> fields, bool noisy) const;

  std::shared_ptr<Sink> sink_;
  std::string context_;  // fields of with(), encoded
};

}  // namespace base
