#include "net/pool.h"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace net {

struct Pool::Impl {
  std::mutex mutex;
  std::condition_variable arrived;
  std::deque<std::move_only_function<void()>> queue;
  bool finishing = false;
  std::vector<std::thread> threads;

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      arrived.wait(lock, [this] { return finishing || !queue.empty(); });
      if (queue.empty()) return;
      auto job = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      job();
      job = nullptr;  // what it holds may take a while to destroy: not under the lock
      lock.lock();
    }
  }
};

Pool::Pool(std::size_t threads) : impl_(std::make_unique<Impl>()) {
  threads = std::max<std::size_t>(threads, 1);
  for (std::size_t i = 0; i < threads; ++i) {
    impl_->threads.emplace_back([impl = impl_.get(), i] {
      pthread_setname_np(pthread_self(), ("pool-" + std::to_string(i)).c_str());
      impl->work();
    });
  }
}

Pool::~Pool() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->finishing = true;
  }
  impl_->arrived.notify_all();
  for (std::thread& thread : impl_->threads) thread.join();
}

void Pool::submit(std::move_only_function<void()> work) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->queue.push_back(std::move(work));
  }
  impl_->arrived.notify_one();
}

}  // namespace net
