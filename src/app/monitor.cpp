#include "app/monitor.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>

#include "app/version.h"

namespace app {

namespace {

struct Process {
  double cpu_seconds = 0;
  double resident_bytes = 0;
  double virtual_bytes = 0;
  double open_files = 0;
  double max_files = 0;
};

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::size_t count_open_files() {
  DIR* directory = ::opendir("/proc/self/fd");
  if (!directory) return 0;
  std::size_t count = 0;
  while (::readdir(directory)) ++count;
  ::closedir(directory);
  return count < 3 ? 0 : count - 3;  // ".", ".." and the directory itself
}

/// What the system says of this process; 0 where it says nothing.
Process look() {
  Process process;
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) process.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  if (std::FILE* file = std::fopen("/proc/self/statm", "re")) {
    unsigned long size = 0, resident = 0;
    const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
    if (std::fscanf(file, "%lu %lu", &size, &resident) == 2) {
      process.virtual_bytes = static_cast<double>(size) * page;
      process.resident_bytes = static_cast<double>(resident) * page;
    }
    std::fclose(file);
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) process.max_files = static_cast<double>(limit.rlim_cur);
  process.open_files = static_cast<double>(count_open_files());
  return process;
}

double unix_time(base::WallTime time) { return std::chrono::duration<double>(time.time_since_epoch()).count(); }

}  // namespace

Monitor::Monitor(Watched watched, std::vector<base::Network> allowed, const base::Clock& clock, const base::Log& log)
    : watched_(std::move(watched)), clock_(clock), registry_(log.metrics()) {
  config_.allowed = [networks = std::move(allowed)](std::string_view address) { return contains(networks, address); };
  routes_.push_back({"GET", "/metrics", [this](const http::Request&) { return metrics(); }});
  for (std::size_t i = 0; i < watched_.loops.size(); ++i) {
    loop_lag_.push_back(registry_.gauge("postrider_loop_lag_seconds",
                                        "How long something waited for its turn on a loop, tried at the last scrape.",
                                        {{"loop", std::to_string(i)}}));
  }
  queue_messages_ = registry_.gauge("postrider_queue_messages", "Messages in the queue.");
  // The names that every Prometheus client library gives to these.
  cpu_seconds_ = registry_.total("process_cpu_seconds_total", "CPU time of the process.");
  resident_bytes_ = registry_.gauge("process_resident_memory_bytes", "Memory of the process in RAM.");
  virtual_bytes_ = registry_.gauge("process_virtual_memory_bytes", "Address space of the process.");
  open_files_ = registry_.gauge("process_open_fds", "Open file descriptors.");
  max_files_ = registry_.gauge("process_max_fds", "How many file descriptors may be open.");
  registry_.gauge("process_start_time_seconds", "When the process was started.").set(unix_time(clock.now()));
  registry_.gauge("postrider_build_info", "Always 1; the label tells what runs.", {{"version", version()}}).set(1);
}

net::Task<void> Monitor::serve(std::unique_ptr<net::Stream> stream, base::Log log, net::Stopping stopping) {
  return http::serve(std::move(stream), config_, routes_, clock_, std::move(log), std::move(stopping));
}

net::Task<http::Response> Monitor::metrics() {
  look_at_loops();
  co_await look_at_process();
  watched_.store.accepts_writes();  // looks at the free space
  if (const auto summary = co_await watched_.delivery.queue().summary()) {
    queue_messages_.set(static_cast<double>(summary->messages));
  }
  // Where there is none no value is the truth, so the name comes with the first.
  for (const auto& certificate : watched_.certificates()) {
    if (!certificate.not_after) continue;
    registry_
        .gauge("postrider_certificate_expiry_timestamp_seconds", "When the certificate expires.",
               {{"certificate", certificate.name}})
        .set(unix_time(*certificate.not_after));
  }
  http::Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = registry_.text();
  co_return response;
}

/// A loop that is stuck shows what it showed at the last scrape, and the truth at the next.
void Monitor::look_at_loops() {
  for (std::size_t i = 0; i < watched_.loops.size(); ++i) {
    watched_.loops.at(i).post([gauge = loop_lag_[i], start = clock_.steady(), &clock = clock_] {
      gauge.set(std::chrono::duration<double>(clock.steady() - start).count());
    });
  }
}

net::Task<void> Monitor::look_at_process() {
  const Process process = co_await watched_.store.pool().run(look);
  cpu_seconds_.set(process.cpu_seconds);
  resident_bytes_.set(process.resident_bytes);
  virtual_bytes_.set(process.virtual_bytes);
  open_files_.set(process.open_files);
  max_files_.set(process.max_files);
}

}  // namespace app
