// The bound that a durable store on this disk can reach: --writers threads hand over --size bytes each and wait; one
// thread appends what is waiting to one file by one write and makes it durable by one fdatasync, for --milliseconds.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/uio.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "load.h"

namespace load {

int group_commit(const Options& options) {
  const auto writers = static_cast<std::size_t>(options.number("writers", 32));
  const std::string record(static_cast<std::size_t>(options.number("size", 4096)), 'm');
  const std::string path = options.text("dir", ".") + "/group-commit.bench";
  const int fd = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) throw std::runtime_error("cannot write " + path);

  std::mutex mutex;
  std::condition_variable arrived, durable;
  std::uint64_t asked = 0, done = 0, groups = 0;
  bool stop = false;
  std::vector<std::thread> threads;
  const auto start = Clock::now();
  for (std::size_t i = 0; i < writers; ++i) {
    threads.emplace_back([&] {
      std::unique_lock lock(mutex);
      while (!stop) {
        const std::uint64_t mine = ++asked;
        arrived.notify_one();
        durable.wait(lock, [&] { return done >= mine; });
      }
    });
  }
  std::thread committer([&] {
    std::unique_lock lock(mutex);
    while (!stop || asked > done) {
      if (!arrived.wait_for(lock, std::chrono::milliseconds(50), [&] { return asked > done; })) continue;
      const std::uint64_t upto = asked;
      std::vector<iovec> pieces(upto - done, iovec{const_cast<char*>(record.data()), record.size()});
      lock.unlock();
      if (::writev(fd, pieces.data(), static_cast<int>(pieces.size())) < 0 || ::fdatasync(fd) != 0) std::abort();
      lock.lock();
      done = upto;
      ++groups;
      durable.notify_all();
    }
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(options.number("milliseconds", 10'000)));
  {
    const std::lock_guard lock(mutex);
    stop = true;
  }
  for (auto& thread : threads) thread.join();
  committer.join();
  ::close(fd);
  ::unlink(path.c_str());
  fmt::print(R"({{"messages": {}, "groups": {}, "seconds": {:.3f}}})"
             "\n",
             done, groups, seconds_since(start));
  return 0;
}

}  // namespace load
