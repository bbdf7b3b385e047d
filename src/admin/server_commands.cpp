// What is asked of the server as a process.
#include "admin/commands.h"

namespace admin {

namespace {

void append(std::string& text, std::string_view what, const std::vector<std::string>& settings) {
  for (const std::string& setting : settings) text += (text.empty() ? "" : "\n") + std::string(what) + ": " + setting;
}

}  // namespace

net::Task<base::Result<json::object>> reload(const Api& api, json::object) {
  if (!api.settings().reload) co_return base::fail(base::Code::unavailable, "no server is running");
  // It reads files and binds ports.
  CO_TRY_ASSIGN(const Reload done,
                co_await api.services().store.pool().run([&api] { return api.settings().reload(); }));
  std::string text;
  append(text, "changed", done.changed);
  append(text, "needs a restart", done.waiting);
  if (text.empty()) text = "nothing has changed";
  co_return json::object{{"done", text},
                         {"changed", json::array(done.changed.begin(), done.changed.end())},
                         {"needs_restart", json::array(done.waiting.begin(), done.waiting.end())}};
}

}  // namespace admin
