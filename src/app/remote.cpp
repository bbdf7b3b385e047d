#include "app/remote.h"

#include <chrono>
#include <cstdio>
#include <thread>

#include "admin/socket.h"
#include "app/files.h"
#include "app/privileges.h"
#include "app/version.h"
#include "base/text.h"
#include "net/loop.h"

namespace app {

namespace {

constexpr std::size_t kMaxConfigFile = 1 << 20;
constexpr std::size_t kWorkers = 2;
constexpr std::chrono::seconds kBusyPatience{10};
constexpr std::chrono::milliseconds kBusyPause{100};

int refused(const std::string& text) {
  std::fprintf(stderr, "postrider: %s\n", text.c_str());
  return 1;
}

base::Result<std::string> in_this_process(Config config, const std::string& request) {
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
  const auto delivery = delivery::open(*store, *directory, *mail, clock, log, config.delivery);
  admin::Settings settings{.hostname = config.hostname,
                           .version = version(),
                           .mailbox_quota_bytes = config.mailbox_quota_bytes,
                           .status = {}};
  admin::Api api(admin::Services{*directory, *mail, *delivery, *store, clock}, std::move(settings), log);
  return net::run(api.call(request));
}

base::Result<std::string> answer(const Config& config, const CommandCall& call) {
  const std::string request = admin::encode_request(call.name, call.arguments);
  if (request.size() > admin::kMaxRequestBytes)
    return base::fail(base::Code::too_large, "the arguments are larger than 1 MiB");
  const admin::SocketPath socket(config.data_dir);
  // Who has the store and no socket is a server that starts or ends, or another command: soon one way will be open.
  const auto give_up = std::chrono::steady_clock::now() + kBusyPatience;
  for (;;) {
    auto reply = admin::ask(socket.path(), request);
    if (reply || reply.error().code != base::Code::not_found) return reply;
    if (call.needs_server) return base::fail(base::Code::unavailable, "no server answers at " + config.socket_path());
    reply = in_this_process(config, request);
    const bool busy = !reply && reply.error().code == base::Code::busy;
    if (!busy || std::chrono::steady_clock::now() > give_up) return reply;
    std::this_thread::sleep_for(kBusyPause);
  }
}

}  // namespace

base::Result<Config> config_of(const Place& place) {
  Config config;
  if (!place.directory.empty()) {
    config.data_dir = place.directory;
    while (config.data_dir.size() > 1 && config.data_dir.ends_with('/')) config.data_dir.pop_back();
    // The name that the server had there: it must not become a mail domain.
    const auto name = read_file(config.hostname_path(), 1024);
    config.hostname = name ? std::string(base::trim(*name)) : machine_hostname();
    config.settle();
    return config;
  }
  const std::string file = place.config_file.empty() ? kDefaultConfigFile : place.config_file;
  const auto text = read_file(file, kMaxConfigFile);
  if (!text) {
    const char* hint =
        place.config_file.empty() ? " (name the configuration with --config, or the data directory with --dir)" : "";
    return base::fail(text.error().code, text.error().text + hint);
  }
  Loaded loaded = load(*text, std::move(config), Sources::of_machine());
  if (loaded.mistakes.empty()) return std::move(loaded.config);
  std::string all;
  for (const Mistake& mistake : loaded.mistakes) all += (all.empty() ? "" : "\n") + mistake.located(file);
  return base::fail(base::Code::invalid, std::move(all));
}

int run_command(const Place& place, const CommandCall& call) {
  const auto config = config_of(place);
  if (!config) return refused(config.error().text);
  const auto reply = answer(*config, call);
  if (!reply) return refused(reply.error().text);
  const admin::Shown shown = admin::show(call.name, *reply, call.json);
  std::fwrite(shown.out.data(), 1, shown.out.size(), stdout);
  if (!shown.error.empty()) std::fprintf(stderr, "postrider: %s\n", shown.error.c_str());
  return shown.status;
}

}  // namespace app
