#include "app/privileged.h"

#include "app/pipe_process.h"
#include "net/listener.h"

namespace app {

namespace {

class InThisProcess final : public Privileged {
 public:
  base::Result<int> listen(const std::string& address, std::uint16_t port) override {
    return net::bind_tcp(address, port);
  }
  base::Result<std::string> read(const std::string& path, std::size_t limit) override { return read_file(path, limit); }
  base::Result<outbound::StartedCommand> start(const outbound::Pipe& pipe,
                                               const outbound::PipeValues& values) override {
    return start_command(pipe, values);
  }
  base::Result<FileStamp> stamp(const std::string& path) override { return stamp_file(path); }
};

}  // namespace

std::unique_ptr<Privileged> in_this_process() { return std::make_unique<InThisProcess>(); }

}  // namespace app
