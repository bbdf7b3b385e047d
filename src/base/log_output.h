#pragma once
// LogOutput: where the lines of a Log go. Each output has its own form for a line; write() never waits. Three are here:
// standard error, the journal of systemd by its native protocol, and the local syslog as mail.* of RFC 3164 §4.1.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace base {

enum class Level { debug, info, warning, error };
inline constexpr Level kLevels[] = {Level::debug, Level::info, Level::warning, Level::error};
/// "debug", "info", "warning", "error".
const char* name(Level level);

/// A line before it has a form. Borrows everything.
struct LogLine {
  WallTime time;
  Level level = Level::info;
  std::string_view event;
  std::vector<std::pair<std::string_view, std::string_view>> fields;
};

/// "event key=value …", control characters escaped; the part of a line that all texts share. Without a line end.
std::string log_message(const LogLine& line);
/// "time level event key=value …"
std::string log_text(const LogLine& line);
/// {"time":"…","level":"…","event":"…","key":"value",…}
std::string log_json(const LogLine& line);

class LogOutput {
 public:
  virtual ~LogOutput() = default;
  /// The line as write() wants it. From any thread.
  virtual std::string form(const LogLine& line) const = 0;
  /// One call at a time. False: it was not taken, because there was no room or nobody is there.
  virtual bool write(const std::string& formed) = 0;
};

/// Lines of text or JSON to a descriptor, which stays the caller's.
std::unique_ptr<LogOutput> stream_output(int fd, bool json);
/// https://systemd.io/JOURNAL_NATIVE_PROTOCOL: PRIORITY, MESSAGE, SYSLOG_*, POSTRIDER_EVENT, and each field as
/// POSTRIDER_NAME.
std::unique_ptr<LogOutput> journal_output(std::string socket_path = "/run/systemd/journal/socket");
/// "<PRI>Mmm dd hh:mm:ss postrider[PID]: event key=value …" with the facility mail, as the C library's syslog() writes.
std::unique_ptr<LogOutput> syslog_output(std::string socket_path = "/dev/log");

/// Whether standard error leads into the journal (JOURNAL_STREAM of systemd.exec(5) names its device and inode).
bool stderr_is_the_journal();

}  // namespace base
