#include "net/pool.h"

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace net {

struct Pool::Impl {
  struct Job {
    std::move_only_function<void()> work;
    std::chrono::steady_clock::time_point since;
  };

  explicit Impl(const base::Metrics& metrics)
      : wait(metrics.histogram("postrider_pool_wait_seconds", "How long work waited for a thread of the pool.",
                               base::kSecondsBounds)),
        waiting(metrics.gauge("postrider_pool_waiting", "Work that waits for a thread of the pool.")) {}

  const base::Histogram wait;
  const base::Gauge waiting;
  std::mutex mutex;
  std::condition_variable arrived;
  std::deque<Job> queue;
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
      waiting.add(-1);
      wait.observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - job.since).count());
      job.work();
      job.work = nullptr;  // what it holds may take a while to destroy: not under the lock
      lock.lock();
    }
  }
};

Pool::Pool(std::size_t threads, const base::Metrics& metrics) : impl_(std::make_unique<Impl>(metrics)) {
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
  impl_->waiting.add(1);
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->queue.push_back({std::move(work), std::chrono::steady_clock::now()});
  }
  impl_->arrived.notify_one();
}

}  // namespace net
