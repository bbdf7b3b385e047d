#include "base/log.h"

#include <unistd.h>

#include <atomic>

#include "base/clock.h"
#include "base/text.h"

namespace base {

struct Log::Sink {
  Sink(Level least, bool as_json) : level(least), json(as_json) {}
  std::atomic<Level> level;
  const bool json;
};

namespace {

constexpr const char* kLevels[] = {"debug", "info", "warning", "error"};

void append_json(std::string& out, std::string_view text) {
  out += '"';
  const bool utf8 = valid_utf8(text);
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !utf8)) {
      out += "\\u00";
      out += hex(std::string_view(&c, 1));
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_text(std::string& out, std::string_view text) {
  const bool plain = !text.empty() && text.find_first_of(" \"=\\") == std::string_view::npos;
  const std::string safe = valid_utf8(text) && text.find_first_of("\r\n\t\x1b") == std::string_view::npos
                               ? std::string(text)
                               : printable(text, text.size());
  if (plain && safe == text) {
    out += safe;
    return;
  }
  out += '"';
  for (char c : safe) {
    if (c == '"') out += '\\';
    out += c;
  }
  out += '"';
}

void append_fields(std::string& out, std::initializer_list<Field> fields, bool json) {
  for (const Field& field : fields) {
    if (json) {
      out += ',';
      append_json(out, field.key);
      out += ':';
      append_json(out, field.value);
    } else {
      out += ' ';
      out += field.key;
      out += '=';
      append_text(out, field.value);
    }
  }
}

}  // namespace

Log Log::to_stderr(Level level, bool json) {
  Log log;
  log.sink_ = std::make_shared<Sink>(level, json);
  return log;
}

Log Log::with(std::initializer_list<Field> fields) const {
  Log extended = *this;
  if (sink_) append_fields(extended.context_, fields, sink_->json);
  return extended;
}

bool Log::enabled(Level level) const { return sink_ && level >= sink_->level.load(std::memory_order_relaxed); }

void Log::set_level(Level level) const {
  if (sink_) sink_->level.store(level, std::memory_order_relaxed);
}

void Log::write(Level level, std::string_view event, std::initializer_list<Field> fields) const {
  if (!enabled(level)) return;
  std::string line;
  line.reserve(160 + context_.size());
  const std::string time = rfc3339(system_clock().now());
  if (sink_->json) {
    line += R"({"time":")" + time + R"(","level":")" + kLevels[static_cast<int>(level)] + R"(","event":)";
    append_json(line, event);
  } else {
    line += time;
    line += ' ';
    line += kLevels[static_cast<int>(level)];
    line += ' ';
    line += event;
  }
  line += context_;
  append_fields(line, fields, sink_->json);
  line += sink_->json ? "}\n" : "\n";
  // A log that cannot be written must not stop mail, so the result is dropped on purpose.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace base
