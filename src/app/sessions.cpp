#include "app/sessions.h"

#include <utility>

namespace app {

namespace {

struct Asked {
  SessionSource source;
  net::Task<std::vector<net::SessionInfo>> sessions;
};

net::Task<std::vector<admin::Session>> gather(std::vector<Asked> asked) {
  std::vector<admin::Session> all;
  for (Asked& one : asked) {
    for (net::SessionInfo& info : co_await std::move(one.sessions)) {
      all.push_back({one.source.listener, one.source.protocol, std::move(info)});
    }
  }
  co_return all;
}

net::Task<std::size_t> sum(std::vector<net::Task<std::size_t>> parts) {
  std::size_t all = 0;
  for (auto& part : parts) all += co_await std::move(part);
  co_return all;
}

}  // namespace

net::Task<std::vector<admin::Session>> list_sessions(const std::vector<SessionSource>& sources) {
  std::vector<Asked> asked;
  for (const SessionSource& source : sources) asked.push_back({source, source.server->list()});
  return gather(std::move(asked));
}

net::Task<std::size_t> end_sessions(const std::vector<SessionSource>& sources, const std::vector<std::uint64_t>& ids,
                                    std::chrono::seconds grace) {
  const base::SteadyTime until = std::chrono::steady_clock::now() + grace;
  std::vector<net::Task<std::size_t>> parts;
  for (const SessionSource& source : sources) parts.push_back(source.server->end_sessions(ids, until));
  return sum(std::move(parts));
}

}  // namespace app
