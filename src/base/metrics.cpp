#include "base/metrics.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <map>
#include <mutex>

#include "base/check.h"

namespace base {

struct Histogram::Cell {
  explicit Cell(std::span<const double> the_bounds)
      : bounds(the_bounds.begin(), the_bounds.end()),
        counts(std::make_unique<std::atomic<std::uint64_t>[]>(bounds.size() + 1)) {}

  const std::vector<double> bounds;
  const std::unique_ptr<std::atomic<std::uint64_t>[]> counts;  // by bucket, not added up; one more than bounds
  std::atomic<double> sum = 0;
};

void Histogram::observe(double value) const {
  if (!cell_) return;
  const auto bucket = std::ranges::lower_bound(cell_->bounds, value) - cell_->bounds.begin();
  cell_->counts[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  cell_->sum.fetch_add(value, std::memory_order_relaxed);
}

namespace {

enum class Kind { counter, gauge, total, histogram };

/// One set of labels of a name; the cell of its kind is used.
struct Series {
  std::atomic<std::uint64_t> count = 0;
  std::atomic<double> value = 0;
};

/// For backslash and line end, and in label values the quote too.
std::string escaped(std::string_view text, bool quotes) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || (quotes && c == '"')) out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

std::string number(double value) {
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  if (std::isnan(value)) return "NaN";
  if (value == std::floor(value) && std::abs(value) < 1e15) return std::to_string(static_cast<std::int64_t>(value));
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return std::string(text, end);
}

/// "{a="x",b="y"}", or nothing when there are none.
std::string braced(const std::string& labels, const std::string& more = {}) {
  if (labels.empty() && more.empty()) return {};
  return "{" + labels + (labels.empty() || more.empty() ? "" : ",") + more + "}";
}

bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  }) && (text.front() < '0' || text.front() > '9');
}

}  // namespace

struct Metrics::Registry {
  struct Family {
    Kind kind = Kind::counter;
    std::string help;
    std::vector<std::string> label_names;
    std::map<std::string, std::unique_ptr<Series>> series;  // by labels as they are printed
    std::map<std::string, std::unique_ptr<Histogram::Cell>> histograms;
  };

  std::mutex mutex;
  std::map<std::string, Family, std::less<>> families;

  /// With the mutex held. The labels as they are printed are left in `key`.
  Family& family(Kind kind, std::string_view name, std::string_view help, Labels labels, std::string& key);
  Series* series(Kind kind, std::string_view name, std::string_view help, Labels labels);
  Histogram::Cell* histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                             Labels labels);
};

Metrics::Registry::Family& Metrics::Registry::family(Kind kind, std::string_view name, std::string_view help,
                                                     Labels labels, std::string& key) {
  ENSURE(is_name(name) && !help.empty());
  ENSURE(name.ends_with("_total") == (kind == Kind::counter || kind == Kind::total));
  std::vector<std::string> label_names;
  for (const auto& [label, value] : labels) {
    ENSURE(is_name(label));
    label_names.emplace_back(label);
    key += (key.empty() ? "" : ",") + std::string(label) + "=\"" + escaped(value, true) + "\"";
  }
  const auto [found, added] = families.try_emplace(std::string(name));
  Family& known = found->second;
  if (added) {
    known.kind = kind;
    known.help = help;
    known.label_names = std::move(label_names);
  } else {
    ENSURE(known.kind == kind && known.help == help && known.label_names == label_names);
  }
  return known;
}

Series* Metrics::Registry::series(Kind kind, std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(mutex);
  std::string key;
  Family& known = family(kind, name, help, labels, key);
  auto found = known.series.find(key);
  if (found == known.series.end()) {
    if (known.series.size() >= kMaxSeries) return nullptr;
    found = known.series.emplace(std::move(key), std::make_unique<Series>()).first;
  }
  return found->second.get();
}

Histogram::Cell* Metrics::Registry::histogram(std::string_view name, std::string_view help,
                                              std::span<const double> bounds, Labels labels) {
  const std::lock_guard lock(mutex);
  std::string key;
  Family& known = family(Kind::histogram, name, help, labels, key);
  auto found = known.histograms.find(key);
  if (found == known.histograms.end()) {
    if (known.histograms.size() >= kMaxSeries) return nullptr;
    found = known.histograms.emplace(std::move(key), std::make_unique<Histogram::Cell>(bounds)).first;
  }
  return found->second.get();
}

Metrics Metrics::make() {
  Metrics metrics;
  metrics.registry_ = std::make_shared<Registry>();
  return metrics;
}

Counter Metrics::counter(std::string_view name, std::string_view help, Labels labels) const {
  Counter handle;
  if (!registry_) return handle;
  if (Series* series = registry_->series(Kind::counter, name, help, labels)) handle.cell_ = &series->count;
  return handle;
}

Gauge Metrics::gauge(std::string_view name, std::string_view help, Labels labels) const {
  Gauge handle;
  if (!registry_) return handle;
  if (Series* series = registry_->series(Kind::gauge, name, help, labels)) handle.cell_ = &series->value;
  return handle;
}

Gauge Metrics::total(std::string_view name, std::string_view help, Labels labels) const {
  Gauge handle;
  if (!registry_) return handle;
  if (Series* series = registry_->series(Kind::total, name, help, labels)) handle.cell_ = &series->value;
  return handle;
}

Histogram Metrics::histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                             Labels labels) const {
  Histogram handle;
  if (registry_) handle.cell_ = registry_->histogram(name, help, bounds, labels);
  return handle;
}

namespace {

const char* type_of(Kind kind) {
  switch (kind) {
    case Kind::counter:
    case Kind::total:
      return "counter";
    case Kind::gauge:
      return "gauge";
    case Kind::histogram:
      break;
  }
  return "histogram";
}

}  // namespace

std::string Metrics::text() const {
  std::string out;
  if (!registry_) return out;
  const std::lock_guard lock(registry_->mutex);
  for (const auto& [name, family] : registry_->families) {
    out +=
        "# HELP " + name + " " + escaped(family.help, false) + "\n# TYPE " + name + " " + type_of(family.kind) + "\n";
    for (const auto& [labels, series] : family.series) {
      const std::string value = family.kind == Kind::counter
                                    ? std::to_string(series->count.load(std::memory_order_relaxed))
                                    : number(series->value.load(std::memory_order_relaxed));
      out += name + braced(labels) + " " + value + "\n";
    }
    for (const auto& [labels, cell] : family.histograms) {
      std::uint64_t count = 0;
      for (std::size_t i = 0; i <= cell->bounds.size(); ++i) {
        count += cell->counts[i].load(std::memory_order_relaxed);
        const std::string bound = i < cell->bounds.size() ? number(cell->bounds[i]) : "+Inf";
        out += name + "_bucket" + braced(labels, "le=\"" + bound + "\"") + " " + std::to_string(count) + "\n";
      }
      out += name + "_sum" + braced(labels) + " " + number(cell->sum.load(std::memory_order_relaxed)) + "\n";
      out += name + "_count" + braced(labels) + " " + std::to_string(count) + "\n";
    }
  }
  return out;
}

std::vector<Metrics::Description> Metrics::describe() const {
  std::vector<Description> all;
  if (!registry_) return all;
  const std::lock_guard lock(registry_->mutex);
  for (const auto& [name, family] : registry_->families) {
    all.push_back({name, type_of(family.kind), family.help, family.label_names});
  }
  return all;
}

}  // namespace base
