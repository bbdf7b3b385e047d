#include "app/remote.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "admin/socket.h"
#include "app/exit.h"
#include "app/files.h"
#include "app/privileges.h"
#include "app/version.h"
#include "base/text.h"
#include "net/loop.h"

namespace app {

namespace {

constexpr std::size_t kWorkers = 2;
constexpr std::chrono::seconds kBusyPatience{10};
constexpr std::chrono::milliseconds kBusyPause{100};

int refused(const base::Error& error, Exit status) {
  std::fprintf(stderr, "postrider: %s\n", error.text.c_str());
  return status;
}

/// Who the caller was before sudo: a claim, which the log calls so. The system vouches for the user of the process.
std::string claim() {
  const char* before_sudo = std::getenv("SUDO_USER");
  return before_sudo ? before_sudo : "";
}

base::Error configuration_error(const Loaded& loaded) { return {base::Code::invalid, located(loaded.mistakes)}; }

Exit status_of(const base::Error& error, const CommandCall& call) {
  return call.needs_server && error.code == base::Code::not_found ? kNoServer : exit_of(error);
}

base::Result<std::string> in_this_process(const Config& config, const std::string& request) {
  if (!exists(config.data_dir) || !exists(config.store.directory)) {
    return base::fail(base::Code::not_found, "there is no store in " + config.data_dir +
                                                 ", and no server is running on it: start the server first");
  }
  TRY(become_owner_of(config.data_dir));
  TRY(check_directory(config.data_dir));
  const base::Clock& clock = base::system_clock();
  const base::Log log = base::Log::to_stderr(base::Level::warning, false);
  net::Pool pool(kWorkers);
  TRY_ASSIGN(const auto store, store::open_embedded(config.store, pool, clock, log));
  TRY_ASSIGN(const auto directory, directory::open(*store, clock, log, config.directory, config.hostname));
  const auto mail = mailstore::open(*store, clock, log);
  const base::Live<guard::Config> guard_config(config.guard);
  TRY_ASSIGN(const auto guard, guard::open(*store, clock, log, guard_config));
  const base::Live<delivery::Config> delivery_config(config.delivery);
  const auto delivery = delivery::open(*store, *directory, *mail, clock, log, delivery_config, guard.get());
  admin::Settings settings{.hostname = config.hostname,
                           .version = version(),
                           .mailbox_quota_bytes = [&config] { return config.mailbox_quota_bytes; },
                           .status = {},
                           .reload = {}};
  admin::Api api(admin::Services{*directory, *mail, *delivery, *store, clock, *guard}, std::move(settings), log);
  return net::run(api.call(request));
}

base::Result<std::string> answer(const Loaded& loaded, const CommandCall& call) {
  const Config& config = loaded.config;
  const std::string request = admin::encode_request(call.name, call.arguments, claim());
  if (request.size() > admin::kMaxRequestBytes)
    return base::fail(base::Code::too_large, "the arguments are larger than 1 MiB");
  // Who has the store and no socket is a server that starts or ends, or another command: soon one way will be open.
  const auto give_up = std::chrono::steady_clock::now() + kBusyPatience;
  for (;;) {
    base::Result<std::string> reply = base::fail(base::Code::not_found, "no server answers at " + config.socket_path());
    if (!config.data_dir.empty()) {
      const admin::SocketPath socket(config.data_dir);
      reply = admin::ask(socket.path(), request);
      if (reply || reply.error().code != base::Code::not_found) return reply;
    }
    // A running server has a configuration of its own; without one this is what counts.
    if (!loaded.mistakes.empty()) return base::fail(base::Code::invalid, located(loaded.mistakes));
    if (call.needs_server) return reply;
    reply = in_this_process(config, request);
    const bool busy = !reply && reply.error().code == base::Code::busy;
    if (!busy || std::chrono::steady_clock::now() > give_up) return reply;
    std::this_thread::sleep_for(kBusyPause);
  }
}

Loaded read_directory(const Place& place) {
  Loaded loaded;
  Config& config = loaded.config;
  config.data_dir = place.directory;
  while (config.data_dir.size() > 1 && config.data_dir.ends_with('/')) config.data_dir.pop_back();
  // The name that the server had there: it must not become a mail domain.
  const auto name = read_file(config.hostname_path(), 1024);
  config.hostname = name ? std::string(base::trim(*name)) : machine_hostname();
  config.settle();
  return loaded;
}

bool has_variables(const Sources& sources) {
  const auto first = sources.environment.lower_bound(kVariablePrefix);
  return first != sources.environment.end() && first->first.starts_with(kVariablePrefix);
}

}  // namespace

std::string config_file(const Place& place) {
  return place.config_file.empty() ? kDefaultConfigFile : place.config_file;
}

Loaded read_config(const Place& place, const Sources& sources) {
  if (!place.directory.empty()) return read_directory(place);
  const std::string file = config_file(place);
  if (!place.config_file.empty()) return load_file(file, Config{}, sources);
  const auto text = sources.file(file, kMaxConfigFile);
  const bool missing = !text && text.error().code == base::Code::not_found;
  // A container may say all in its environment.
  if (missing && has_variables(sources)) return load("", file, Config{}, sources);
  Loaded loaded = load_file(file, Config{}, sources);
  if (missing) {
    loaded.mistakes.back().text += " (name the configuration with --config, or the data directory with --dir)";
  }
  return loaded;
}

int run_command(const Place& place, const CommandCall& call) {
  const auto reply = answer(read_config(place, Sources::of_machine()), call);
  if (!reply) return refused(reply.error(), status_of(reply.error(), call));
  const admin::Shown shown = admin::show(call.name, *reply, call.json);
  std::fwrite(shown.out.data(), 1, shown.out.size(), stdout);
  if (!shown.error.empty()) std::fprintf(stderr, "postrider: %s\n", shown.error.c_str());
  return shown.status;
}

int run_following(const Place& place, const CommandCall& call) {
  const Loaded loaded = read_config(place, Sources::of_machine());
  if (loaded.config.data_dir.empty()) return refused(configuration_error(loaded), kConfiguration);
  const admin::SocketPath socket(loaded.config.data_dir);
  std::optional<admin::Shown> reply;
  const auto done = admin::ask_for_lines(
      socket.path(), admin::encode_request(call.name, call.arguments, claim()), [&](std::string_view line) {
        if (!reply) {
          reply = admin::show(call.name, line, true);
          return reply->status == 0;
        }
        const std::string text = (call.json ? std::string(line) : admin::show_line(line)) + "\n";
        // Whoever reads this may have gone.
        return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
      });
  if (!done) return refused(done.error(), status_of(done.error(), call));
  if (reply && !reply->error.empty()) return refused({base::Code::invalid, reply->error}, kFailed);
  std::fputs("postrider: the server has ended\n", stderr);
  return kDone;
}

int stop_server(const Place& place, std::chrono::seconds patience, bool json) {
  const Loaded loaded = read_config(place, Sources::of_machine());
  if (loaded.config.data_dir.empty()) return refused(configuration_error(loaded), kConfiguration);
  const admin::SocketPath socket(loaded.config.data_dir);
  // Known before it is asked: afterwards nobody may be there to tell.
  const admin::ServerProcess process(socket.path());
  if (const int status = run_command(place, {.name = "stop", .json = json, .needs_server = true}); status != kDone) {
    return status;
  }
  if (process.wait_for_end(patience)) return kDone;
  return refused(
      {base::Code::unavailable, "the server is still stopping after " + std::to_string(patience.count()) + " s"},
      kTryLater);
}

}  // namespace app
