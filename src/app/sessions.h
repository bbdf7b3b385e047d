#pragma once
// The live sessions of several servers as one list: what the admin commands see of them, and how they end some. From
// any thread; the tasks are awaited on any loop.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "admin/api.h"
#include "net/server.h"

namespace app {

/// A server whose sessions the operator may see.
struct SessionSource {
  std::string listener;
  std::string protocol;
  std::shared_ptr<const net::Server> server;
};

net::Task<std::vector<admin::Session>> list_sessions(const std::vector<SessionSource>& sources);

/// Those that are left after `grace` are cut; returns how many.
net::Task<std::size_t> end_sessions(const std::vector<SessionSource>& sources, const std::vector<std::uint64_t>& ids,
                                    std::chrono::seconds grace);

}  // namespace app
