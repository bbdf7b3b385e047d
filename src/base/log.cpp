#include "base/log.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>

#include "base/log_follower.h"

namespace base {
namespace {

constexpr std::size_t kMaxPrefixes = 64;
/// Of a field's value: what a peer sends is cut long before; a line must fit into a datagram.
constexpr std::size_t kMaxValue = 8 * 1024;

/// Fields one behind the other, each text with its length before it.
void encode(std::string& out, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  out.append(reinterpret_cast<const char*>(&size), sizeof size);
  out += text;
}

std::string_view decode(std::string_view& from) {
  std::uint32_t size = 0;
  std::memcpy(&size, from.data(), sizeof size);
  const std::string_view text = from.substr(sizeof size, size);
  from.remove_prefix(sizeof size + size);
  return text;
}

bool covers(std::string_view prefix, std::string_view event) {
  return event.starts_with(prefix) && (event.size() == prefix.size() || event[prefix.size()] == '.');
}

}  // namespace

/// What all copies of a Log share.
class Log::Sink {
 public:
  Sink(std::unique_ptr<LogOutput> output, Level level, const Clock& clock)
      : clock_(clock), output_(std::move(output)), level_(level), lowest_(level) {
    for (const Level each : kLevels) {
      lines_[static_cast<std::size_t>(each)] =
          metrics.counter("postrider_log_lines_total", "Lines that were logged.", {{"level", name(each)}});
    }
  }
  ~Sink() {
    const std::lock_guard lock(mutex_);
    tell_suppressed(std::chrono::seconds::max());
    tell_dropped();
  }
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  const Metrics metrics = Metrics::make();

  bool wants(Level level) const { return level >= lowest_.load(std::memory_order_relaxed); }
  void write(Level level, std::string_view event, std::string_view context, std::initializer_list<Field> fields,
             bool noisy);

  void set_level(Level level);
  Result<void> set_level(std::string prefix, Level level);
  std::vector<std::pair<std::string, Level>> levels() const;
  std::shared_ptr<LogFollower> follow(Level level, std::string filter);

 private:
  struct Noise {
    std::chrono::seconds second{0};
    unsigned lines = 0;
    std::uint64_t suppressed = 0;
  };

  // All with the mutex held.
  Level level_of(std::string_view event) const;
  void settle_lowest();
  bool admit(std::string_view event, std::chrono::seconds now);
  void deliver(const LogLine& line);
  void say(Level level, std::string_view event, std::initializer_list<Field> fields);
  void tell_suppressed(std::chrono::seconds now);
  void tell_dropped();
  void output_failed();

  const Clock& clock_;
  const std::unique_ptr<LogOutput> output_;
  Counter lines_[std::size(kLevels)];
  const Counter dropped_total_ =
      metrics.counter("postrider_log_dropped_lines_total", "Lines that the log's target did not take.");
  const Counter suppressed_total_ = metrics.counter("postrider_log_suppressed_lines_total",
                                                    "Lines that were only counted because there were so many.");

  mutable std::mutex mutex_;
  Level level_;
  std::vector<std::pair<std::string, Level>> prefixes_;  // the longest first
  std::vector<std::weak_ptr<LogFollower>> followers_;
  std::map<std::string, Noise, std::less<>> noise_;  // by event; events are words of ours
  std::chrono::seconds looked_at_noise_{0};
  std::uint64_t dropped_ = 0;  // and not told of yet
  bool said_so_ = false;       // on standard error
  std::atomic<Level> lowest_;
};

void Log::Sink::write(Level level, std::string_view event, std::string_view context,
                      std::initializer_list<Field> fields, bool noisy) {
  LogLine line{.time = clock_.now(), .level = level, .event = event, .fields = {}};
  line.fields.reserve(16);
  while (!context.empty()) {
    const std::string_view key = decode(context);
    line.fields.emplace_back(key, decode(context));
  }
  for (const Field& field : fields) {
    line.fields.emplace_back(field.key, std::string_view(field.value).substr(0, kMaxValue));
  }
  const std::chrono::seconds now(unix_seconds(line.time));
  const std::lock_guard lock(mutex_);
  if (now != looked_at_noise_) tell_suppressed(now);
  if (noisy && !admit(event, now)) {
    suppressed_total_.add();
    return;
  }
  deliver(line);
}

void Log::Sink::deliver(const LogLine& line) {
  if (line.level >= level_of(line.event)) {
    lines_[static_cast<std::size_t>(line.level)].add();
    if (dropped_ > 0) tell_dropped();
    if (!output_->write(output_->form(line))) output_failed();
  }
  bool ended = false;
  for (const auto& weak : followers_) {
    if (const auto follower = weak.lock()) {
      follower->put(line);
    } else {
      ended = true;
    }
  }
  if (!ended) return;
  std::erase_if(followers_, [](const auto& weak) { return weak.expired(); });
  settle_lowest();
}

void Log::Sink::say(Level level, std::string_view event, std::initializer_list<Field> fields) {
  LogLine line{.time = clock_.now(), .level = level, .event = event, .fields = {}};
  for (const Field& field : fields) line.fields.emplace_back(field.key, field.value);
  deliver(line);
}

bool Log::Sink::admit(std::string_view event, std::chrono::seconds now) {
  auto found = noise_.find(event);
  if (found == noise_.end()) found = noise_.emplace(event, Noise{}).first;
  Noise& noise = found->second;
  if (noise.second != now) {
    noise.second = now;
    noise.lines = 0;
  }
  if (++noise.lines <= kNoisePerSecond) return true;
  ++noise.suppressed;
  return false;
}

/// Of the seconds that are over.
void Log::Sink::tell_suppressed(std::chrono::seconds now) {
  looked_at_noise_ = now;
  for (auto& [event, noise] : noise_) {
    if (noise.suppressed == 0 || noise.second == now) continue;
    say(Level::info, "log.suppressed", {{"event", event}, {"count", std::exchange(noise.suppressed, 0)}});
  }
}

void Log::Sink::output_failed() {
  ++dropped_;
  dropped_total_.add();
  if (std::exchange(said_so_, true)) return;
  // Where the target is standard error itself this is as lost as the line was; the count is told later.
  stream_output(STDERR_FILENO, false)
      ->write("postrider: the log's target takes no lines; they are dropped and counted until it does\n");
}

void Log::Sink::tell_dropped() {
  if (dropped_ == 0) return;
  const std::string count = std::to_string(dropped_);
  const LogLine line{
      .time = clock_.now(), .level = Level::warning, .event = "log.dropped", .fields = {{"count", count}}};
  if (!output_->write(output_->form(line))) return;
  dropped_ = 0;
  said_so_ = false;
}

Level Log::Sink::level_of(std::string_view event) const {
  for (const auto& [prefix, level] : prefixes_) {
    if (covers(prefix, event)) return level;
  }
  return level_;
}

void Log::Sink::settle_lowest() {
  Level lowest = level_;
  for (const auto& [prefix, level] : prefixes_) lowest = std::min(lowest, level);
  for (const auto& weak : followers_) {
    if (const auto follower = weak.lock()) lowest = std::min(lowest, follower->level());
  }
  lowest_.store(lowest, std::memory_order_relaxed);
}

void Log::Sink::set_level(Level level) {
  const std::lock_guard lock(mutex_);
  level_ = level;
  prefixes_.clear();
  settle_lowest();
}

Result<void> Log::Sink::set_level(std::string prefix, Level level) {
  const std::lock_guard lock(mutex_);
  std::erase_if(prefixes_, [&](const auto& known) { return known.first == prefix; });
  if (prefixes_.size() >= kMaxPrefixes) return fail(Code::too_large, "so many prefixes of events have levels already");
  prefixes_.emplace_back(std::move(prefix), level);
  std::ranges::sort(prefixes_, std::ranges::greater(), [](const auto& known) { return known.first.size(); });
  settle_lowest();
  return {};
}

std::vector<std::pair<std::string, Level>> Log::Sink::levels() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, Level>> all{{"", level_}};
  all.insert(all.end(), prefixes_.begin(), prefixes_.end());
  return all;
}

std::shared_ptr<LogFollower> Log::Sink::follow(Level level, std::string filter) {
  const auto follower = std::make_shared<LogFollower>(level, std::move(filter));
  const std::lock_guard lock(mutex_);
  followers_.push_back(follower);
  settle_lowest();
  return follower;
}

Log Log::to(std::unique_ptr<LogOutput> output, Level level, const Clock& clock) {
  Log log;
  log.sink_ = std::make_shared<Sink>(std::move(output), level, clock);
  return log;
}

Log Log::to_stderr(Level level, bool json) { return to(stream_output(STDERR_FILENO, json), level); }

Log Log::with(std::initializer_list<Field> fields) const {
  Log extended = *this;
  if (!sink_) return extended;
  for (const Field& field : fields) {
    encode(extended.context_, field.key);
    encode(extended.context_, std::string_view(field.value).substr(0, kMaxValue));
  }
  return extended;
}

bool Log::enabled(Level level) const { return sink_ && sink_->wants(level); }

void Log::put(Level level, std::string_view event, std::initializer_list<Field> fields, bool noisy) const {
  if (enabled(level)) sink_->write(level, event, context_, fields, noisy);
}

void Log::write(Level level, std::string_view event, std::initializer_list<Field> fields) const {
  put(level, event, fields, false);
}

void Log::noise(std::string_view event, std::initializer_list<Field> fields) const {
  put(Level::info, event, fields, true);
}

Metrics Log::metrics() const { return sink_ ? sink_->metrics : Metrics(); }

void Log::set_level(Level level) const {
  if (sink_) sink_->set_level(level);
}

Result<void> Log::set_level(std::string prefix, Level level) const {
  return sink_ ? sink_->set_level(std::move(prefix), level) : Result<void>();
}

std::vector<std::pair<std::string, Level>> Log::levels() const {
  return sink_ ? sink_->levels() : std::vector<std::pair<std::string, Level>>();
}

std::shared_ptr<LogFollower> Log::follow(Level level, std::string filter) const {
  return sink_ ? sink_->follow(level, std::move(filter)) : nullptr;
}

}  // namespace base
