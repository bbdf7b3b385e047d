#include "base/metrics.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

#include "base/check.h"

using base::Metrics;

TEST_CASE("counters, gauges and histograms are printed as Prometheus reads them") {
  const Metrics metrics = Metrics::make();
  const auto accepted =
      metrics.counter("mail_messages_total", "Messages.", {{"service", "mx"}, {"result", "accepted"}});
  accepted.add();
  accepted.add(2);
  metrics.counter("mail_messages_total", "Messages.", {{"service", "mx"}, {"result", "a \"b\"\\\n"}});
  metrics.gauge("disk_free_bytes", "Free\nspace.").set(1.5e12);
  metrics.total("cpu_seconds_total", "CPU.").set(0.25);
  constexpr double kBounds[] = {0.5, 2};
  const auto wait = metrics.histogram("wait_seconds", "Waiting.", kBounds);
  for (const double value : {0.5, 0.6, 2.0, 2.1}) wait.observe(value);
  CHECK(metrics.text() ==
        "# HELP cpu_seconds_total CPU.\n"
        "# TYPE cpu_seconds_total counter\n"
        "cpu_seconds_total 0.25\n"
        "# HELP disk_free_bytes Free\\nspace.\n"
        "# TYPE disk_free_bytes gauge\n"
        "disk_free_bytes 1500000000000\n"
        "# HELP mail_messages_total Messages.\n"
        "# TYPE mail_messages_total counter\n"
        "mail_messages_total{service=\"mx\",result=\"a \\\"b\\\"\\\\\\n\"} 0\n"
        "mail_messages_total{service=\"mx\",result=\"accepted\"} 3\n"
        "# HELP wait_seconds Waiting.\n"
        "# TYPE wait_seconds histogram\n"
        "wait_seconds_bucket{le=\"0.5\"} 1\n"
        "wait_seconds_bucket{le=\"2\"} 3\n"
        "wait_seconds_bucket{le=\"+Inf\"} 4\n"
        "wait_seconds_sum 5.2\n"
        "wait_seconds_count 4\n");
}

TEST_CASE("asking again gives the same counter, from any thread; nothing is counted without a registry") {
  const Metrics metrics = Metrics::make();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([metrics] {
      const auto counter = metrics.counter("things_total", "Things.", {{"kind", "one"}});
      for (int n = 0; n < 1000; ++n) counter.add();
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(metrics.text().ends_with("things_total{kind=\"one\"} 4000\n"));

  base::Metrics().counter("things_total", "Things.").add();
  base::Counter().add();
  base::Gauge().set(1);
  base::Histogram().observe(1);
  CHECK(base::Metrics().text() == "");
}

TEST_CASE("a name that says something else than before is a bug, and labels without end are not kept") {
  const Metrics metrics = Metrics::make();
  metrics.counter("things_total", "Things.");
  CHECK_THROWS_AS(metrics.gauge("things_total", "Things."), base::Bug);
  CHECK_THROWS_AS(metrics.counter("things_total", "Other things."), base::Bug);
  CHECK_THROWS_AS(metrics.counter("things_total", "Things.", {{"kind", "one"}}), base::Bug);
  CHECK_THROWS_AS(metrics.counter("things", "Things."), base::Bug);
  CHECK_THROWS_AS(metrics.gauge("9things", "Things."), base::Bug);
  for (std::size_t i = 0; i < 2 * Metrics::kMaxSeries; ++i) {
    metrics.counter("many_total", "Many.", {{"number", std::to_string(i)}}).add();
  }
  const std::string text = metrics.text();
  CHECK(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) == 2 + Metrics::kMaxSeries + 3);
}
