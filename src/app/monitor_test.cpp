// The metrics of a whole server, as Prometheus gets them, and their page in the documents.
#include "app/monitor.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "app/dev.h"
#include "app/files.h"
#include "app/server.h"
#include "net/listener.h"

namespace {

/// A log that is written nowhere, for its metrics.
class Nowhere final : public base::LogOutput {
 public:
  std::string form(const base::LogLine& line) const override { return base::log_text(line); }
  bool write(const std::string&) override { return true; }
};

class Running {
 public:
  Running() {
    std::filesystem::remove_all(path_);
    app::Config config = app::dev_config({.directory = path_ / "data"}).value();
    std::filesystem::create_directories(path_ / "data");
    config.tls = app::dev_certificate(path_ / "data", {"mail.example.test"}, base::system_clock().now()).value();
    for (app::Listener& listener : config.listeners) listener.port = 0;
    config.metrics.addresses = {"127.0.0.1"};
    config.metrics.port = 0;
    auto started = app::Server::start(config, base::system_clock(), log);
    REQUIRE_MESSAGE(started.has_value(), (started ? "" : started.error().text));
    server = *std::move(started);
  }
  ~Running() {
    server.reset();
    std::filesystem::remove_all(path_);
  }

  base::Log log = base::Log::to(std::make_unique<Nowhere>(), base::Level::error);
  std::unique_ptr<app::Server> server;

 private:
  std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / ("postrider-monitor-" + std::to_string(::getpid()));
};

net::Task<std::string> ask(std::uint16_t port, std::string request) {
  const auto soon = base::system_clock().steady() + std::chrono::seconds(20);
  auto stream = co_await net::connect_tcp("127.0.0.1", port, soon);
  stream->set_deadline(soon);
  co_await stream->write(request);
  std::string all;
  std::array<char, 4096> block;
  while (const std::size_t count = co_await stream->read(block)) all.append(block.data(), count);
  co_return all;
}

std::string scrape(Running& running) {
  return net::run(ask(running.server->port("metrics").value(),
                      "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
}

std::string page(const base::Metrics& metrics) {
  std::string out =
      "# Metrics\n\nWhat `GET /metrics` tells ([operations.md](operations.md) says how to get there). A test compares "
      "this "
      "page with a running server.\n\n| name | type | labels | |\n|---|---|---|---|\n";
  for (const auto& one : metrics.describe()) {
    std::string labels;
    for (const std::string& label : one.labels) labels += (labels.empty() ? "`" : ", `") + label + "`";
    out += "| `" + one.name + "` | " + one.type + " | " + labels + " | " + one.help + " |\n";
  }
  return out;
}

}  // namespace

TEST_CASE("the metrics of a server are served, well formed, and all in docs/metrics.md") {
  Running running;
  CHECK(net::run(ask(running.server->port("smtp").value(), "QUIT\r\n")).starts_with("220 "));
  const std::string answer = scrape(running);
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(answer.find("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n") != std::string::npos);
  for (const char* line : {"\npostrider_connections_total{listener=\"smtp\"} 1\n",
                           "\npostrider_smtp_commands_total{service=\"mx\",verb=\"QUIT\"} 1\n",
                           "\npostrider_queue_messages 0\n", "\npostrider_store_free_bytes ", "\nprocess_open_fds ",
                           "\npostrider_connections_open{listener=\"metrics\"} 1\n",
                           "\npostrider_certificate_expiry_timestamp_seconds{certificate=\"default\"} "}) {
    CHECK_MESSAGE(answer.find(line) != std::string::npos, line);
  }
  for (const auto& one : running.log.metrics().describe()) {
    CHECK_MESSAGE((one.name.starts_with("postrider_") || one.name.starts_with("process_")), one.name);
    CHECK_MESSAGE(one.help.ends_with('.'), one.name);
    CHECK_MESSAGE((one.type != "histogram" || !one.name.ends_with("_total")), one.name);
  }
  const std::string expected = page(running.log.metrics());
  const auto current = app::read_file(std::string(POSTRIDER_SOURCE_DIR) + "/docs/metrics.md", 1 << 20);
  if (!current || *current != expected) {
    const auto made = std::filesystem::temp_directory_path() / "metrics.md";
    std::ofstream(made) << expected;
    FAIL("docs/metrics.md is not current: " << made << " is");
  }
}

TEST_CASE("who is not allowed gets no metrics") {
  base::Log log;
  net::Loops loops(1);
  net::Pool pool(1);
  const auto store = store::open_memory(pool, base::system_clock(), log);
  const auto directory = directory::open(*store, base::system_clock(), log, {}, "mail.example.test").value();
  const auto mail = mailstore::open(*store, base::system_clock(), log);
  const base::Live<delivery::Config> config;
  const auto delivery = delivery::open(*store, *directory, *mail, base::system_clock(), log, config);
  app::Monitor monitor({.loops = loops,
                        .store = *store,
                        .delivery = *delivery,
                        .certificates = [] { return std::vector<admin::Status::Certificate>(); }},
                       {*base::Network::parse("192.0.2.0/24")}, base::system_clock(), log);
  auto listener = net::listen_tcp(loops.at(0), "127.0.0.1", 0);
  REQUIRE(listener.has_value());
  net::Server server(*std::move(listener), loops.at(0), loops, {.name = "metrics", .limits = {}, .too_many = {}},
                     [&](std::unique_ptr<net::Stream> stream, base::Log session, net::Stopping stopping) {
                       return monitor.serve(std::move(stream), std::move(session), std::move(stopping));
                     },
                     {});
  server.start();
  CHECK(net::run(ask(server.port(), "GET /metrics HTTP/1.0\r\n\r\n")).starts_with("HTTP/1.1 403 Forbidden\r\n"));
  net::run(server.stop(std::chrono::seconds(5)));
}
