#pragma once
// Private to the room (includes protobuf): the worker takes what is due and has it delivered, a bounded number of
// deliveries at once, whatever the queue holds. Everything but wake() and the deliveries themselves runs on one loop.

#include <atomic>
#include <memory>
#include <mutex>

#include "net/completion.h"
#include "net/loop.h"
#include "queue/choice.h"
#include "queue/shared.h"

namespace queue {

class Worker {
 public:
  explicit Worker(Shared& shared) : shared_(shared), chooser_(shared.destinations, shared.leases, shared.gaps.ready) {}

  /// Until stop(). `loops`: where deliveries run, in turn; nullptr: on the loop that runs this.
  net::Task<void> run(net::Loops* loops);

  /// One look: what is due becomes ready, what may begin begins. Returns when to look again at the latest.
  net::Task<base::WallTime> look(net::Loops* loops);

  /// There is something new. From any thread; cheap.
  void wake();

  /// Removes events that are kept no longer, when it is time.
  net::Task<void> forget();

  std::size_t active() const { return active_.load(); }

 private:
  /// What one snapshot tells.
  struct Seen {
    std::optional<base::WallTime> next_due;
    Chosen chosen;
  };
  base::Result<std::optional<base::WallTime>> next_due(const store::Reader& reader, std::uint64_t epoch);
  base::Result<Seen> see(const store::Reader& reader, const Config& config, std::size_t free, std::uint64_t epoch);
  net::Task<bool> promote_some();
  void begin(Chosen& chosen, net::Loops* loops);
  net::Task<bool> clean_up(Chosen& chosen);
  static net::Task<void> deliver(Worker& worker, Batch batch);
  static net::Task<void> tick(Worker& worker);
  static net::Task<void> nudge(Worker& worker, std::chrono::microseconds after);
  net::Task<void> wait_until(base::WallTime time);
  base::WallTime after(std::chrono::microseconds time) const { return shared_.clock.now() + time; }

  Shared& shared_;
  Chooser chooser_;
  std::atomic<std::size_t> active_ = 0;
  std::size_t turn_ = 0;  // of the loops
  base::WallTime next_forgetting_{};
  base::SteadyTime gaps_since_{};
  std::atomic<bool> woken_ = false;
  std::atomic<bool> nudging_ = false;  // one is on its way
  std::mutex mutex_;
  std::shared_ptr<net::Completion<bool>> waiting_;  // guarded by mutex_; run(), when it waits
  base::WallTime alarm_;                            // guarded by mutex_; until when it waits
};

}  // namespace queue
