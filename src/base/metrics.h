#pragma once
// Metrics: counters, gauges and histograms by name, and all of them as text in Prometheus' exposition format 0.0.4. A
// room asks for its handles once, by name, help and labels; asking again for the same gives the same one. A handle is a
// small value that holds as long as any Metrics of its registry; counting is a relaxed atomic. A default Metrics gives
// out handles that count nothing, as a default Log writes nothing. Labels come from tables of ours, never from bytes of
// a peer; a name has at most kMaxSeries sets of them, and what is above that counts nothing. Any thread.

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace base {

class Counter {
 public:
  void add(std::uint64_t count = 1) const {
    if (cell_) cell_->fetch_add(count, std::memory_order_relaxed);
  }

 private:
  friend class Metrics;
  std::atomic<std::uint64_t>* cell_ = nullptr;
};

class Gauge {
 public:
  void set(double value) const {
    if (cell_) cell_->store(value, std::memory_order_relaxed);
  }
  void add(double value) const {
    if (cell_) cell_->fetch_add(value, std::memory_order_relaxed);
  }

 private:
  friend class Metrics;
  std::atomic<double>* cell_ = nullptr;
};

class Histogram {
 public:
  void observe(double value) const;

 private:
  friend class Metrics;
  struct Cell;
  Cell* cell_ = nullptr;
};

class Metrics {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;
  static constexpr std::size_t kMaxSeries = 1000;

  Metrics() = default;
  static Metrics make();

  /// Names are lower case with underscores, and a counter's ends in "_total". The same name always comes with the same
  /// kind, help and label names.
  Counter counter(std::string_view name, std::string_view help, Labels labels = {}) const;
  Gauge gauge(std::string_view name, std::string_view help, Labels labels = {}) const;
  /// A counter whose value is kept elsewhere and set here now and then.
  Gauge total(std::string_view name, std::string_view help, Labels labels = {}) const;
  /// `bounds` ascend; one bucket more takes what is above the last.
  Histogram histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                      Labels labels = {}) const;

  /// All of them, ordered by name.
  std::string text() const;

  struct Description {
    std::string name;
    std::string type;  // counter, gauge, histogram
    std::string help;
    std::vector<std::string> labels;  // their names
  };
  std::vector<Description> describe() const;

 private:
  struct Registry;
  std::shared_ptr<Registry> registry_;
};

/// Bounds for durations in seconds and for sizes in bytes.
inline constexpr double kSecondsBounds[] = {0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30};
inline constexpr double kBytesBounds[] = {1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20};

}  // namespace base
