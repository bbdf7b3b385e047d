#include <atomic>
#include <utility>

#include "store/bodies.h"
#include "store/check.h"
#include "store/checkpoint.h"
#include "store/committer.h"
#include "store/floor.h"
#include "store/home.h"
#include "store/ids.h"
#include "store/memory_engine.h"
#include "store/records.h"
#include "store/rocks_engine.h"
#include "store/store.h"
#include "store/txn.h"

namespace store {
namespace {

/// The store but for its public face: bodies hold on to it weakly.
class Core final : public BodyHost {
 public:
  Core(std::unique_ptr<Engine> engine, const Options& options, std::uint64_t id_ceiling, net::Pool& pool,
       const base::Clock& clock, const base::Log& log)
      : engine_(std::move(engine)),
        pool_(pool),
        ids_(clock, id_ceiling),
        min_free_bytes_(options.min_free_bytes),
        floor_([this] { return engine_->free_bytes(); }, options.min_free_bytes, log),
        refused_space_(refused(log, base::Code::no_space)),
        refused_unavailable_(refused(log, base::Code::unavailable)),
        committer_(*engine_, ids_, !options.no_sync, log) {}

  Engine& engine() override { return *engine_; }
  net::Pool& pool() override { return pool_; }
  std::uint64_t next_id() override { return ids_.next(); }
  base::Result<void> admit(Kind kind) override {
    if (auto refusal = committer_.refusal()) return std::unexpected(std::move(*refusal));
    // The committer may not have noticed yet what failed beside it.
    if (auto failure = engine_->failure()) return base::fail(base::Code::unavailable, failure->text);
    if (kind == Kind::ordinary && floor_.below()) {
      return base::fail(base::Code::no_space, "the disk of the store is nearly full");
    }
    return {};
  }
  void drop_upload(base::BlobId blob, std::uint32_t chunks, std::uint64_t generation) override {
    committer_.drop({blob, chunks, generation});
  }

  Committer& committer() { return committer_; }
  std::uint64_t min_free_bytes() const { return min_free_bytes_; }

  /// admit(), counted.
  base::Result<void> admit_write(Kind kind) {
    auto admitted = admit(kind);
    if (!admitted) (admitted.error().code == base::Code::no_space ? refused_space_ : refused_unavailable_).add();
    return admitted;
  }

 private:
  static base::Counter refused(const base::Log& log, base::Code why) {
    return log.metrics().counter("postrider_store_refused_writes_total",
                                 "Writes that were refused before they began, by why.", {{"why", base::name(why)}});
  }

  std::unique_ptr<Engine> engine_;
  net::Pool& pool_;
  Ids ids_;
  const std::uint64_t min_free_bytes_;
  Floor floor_;
  const base::Counter refused_space_;
  const base::Counter refused_unavailable_;
  Committer committer_;  // last: its thread uses the rest
};

class EmbeddedStore final : public Store {
 public:
  EmbeddedStore(std::optional<Home> home, std::shared_ptr<Core> core)
      : home_(std::move(home)), core_(std::move(core)) {}

  net::Task<base::Result<void>> write(std::vector<Owner> owners, Closure closure, Kind kind) override;

  base::Result<std::unique_ptr<Reader>> reader() const override {
    core_->committer().touch();
    TRY_ASSIGN(auto snapshot, core_->engine().snapshot());
    return make_reader(std::move(snapshot));
  }
  net::Pool& pool() const override { return core_->pool(); }
  std::unique_ptr<BodyWriter> new_body() override { return make_body_writer(core_); }
  std::uint64_t next_id() override { return core_->next_id(); }
  base::Result<std::uint64_t> check(const std::function<void(Problem)>& report) const override {
    TRY_ASSIGN(const auto snapshot, core_->engine().snapshot());
    return check_bodies(*snapshot, report, [this] { return why_give_up(); });
  }
  Usage usage() const override;
  base::Result<std::vector<Amount>> bodies_by_age(const std::vector<base::WallTime>& times) const override;
  base::Result<void> checkpoint(const std::string& directory, const std::vector<BesideFile>& files) override;
  base::Result<void> compact() override;
  void interrupt() override {
    interrupted_.store(true, std::memory_order_relaxed);
    core_->engine().interrupt();
  }
  bool accepts_writes(std::string* why) const override {
    const auto admitted = core_->admit(Kind::ordinary);
    if (!admitted && why != nullptr) *why = admitted.error().text;
    return admitted.has_value();
  }

 private:
  std::optional<base::Error> why_give_up() const {
    if (interrupted_.load(std::memory_order_relaxed)) {
      return base::Error{base::Code::unavailable, "the store is being closed"};
    }
    return core_->engine().failure();
  }

  std::atomic<bool> interrupted_{false};
  std::atomic<bool> compacting_{false};
  std::optional<Home> home_;  // before core_: the directory is let go when all is closed
  std::shared_ptr<Core> core_;
};

// One committer needs no locks, so the owners are for other engines.
net::Task<base::Result<void>> EmbeddedStore::write(std::vector<Owner> /*owners*/, Closure closure, Kind kind) {
  CO_TRY(core_->admit_write(kind));
  const auto pending = std::make_shared<Pending>(std::move(closure));
  core_->committer().submit(pending);
  auto outcome = co_await pending->done.wait();
  if (auto* thrown = std::get_if<std::exception_ptr>(&outcome)) std::rethrow_exception(*thrown);
  co_return std::get<base::Result<void>>(std::move(outcome));
}

Usage EmbeddedStore::usage() const {
  const EngineUsage engine = core_->engine().usage();
  return {.records_bytes = engine.records,
          .bodies_bytes = engine.bodies,
          .garbage_bytes = engine.garbage,
          .memory_bytes = engine.memory,
          .free_bytes = core_->engine().free_bytes(),
          .min_free_bytes = core_->min_free_bytes()};
}

// Ids of bodies grow with the time of their arrival, in microseconds.
base::Result<std::vector<Amount>> EmbeddedStore::bodies_by_age(const std::vector<base::WallTime>& times) const {
  std::vector<Amount> amounts(times.size() + 1);
  TRY_ASSIGN(const auto snapshot, reader());
  std::size_t at = 0;
  auto cursor = snapshot->scan(kBlobs);
  for (; cursor.valid(); cursor.next()) {
    if (const auto why = why_give_up()) return std::unexpected(*why);
    const auto id = std::get<0>(cursor.key()).value;
    while (at < times.size() && id >= static_cast<std::uint64_t>(times[at].time_since_epoch().count())) ++at;
    const auto record = cursor.value();
    if (!record) continue;  // named by check()
    ++amounts[at].count;
    amounts[at].bytes += record->size();
  }
  if (cursor.error()) return std::unexpected(*cursor.error());
  return amounts;
}

base::Result<void> EmbeddedStore::checkpoint(const std::string& directory, const std::vector<BesideFile>& files) {
  if (!home_) return core_->engine().checkpoint(directory);
  return write_checkpoint(core_->engine(), *home_, directory, files);
}

base::Result<void> EmbeddedStore::compact() {
  if (compacting_.exchange(true)) return base::fail(base::Code::busy, "a compaction is under way");
  auto done = core_->engine().compact();
  compacting_ = false;
  return done;
}

base::Result<std::uint64_t> load_id_ceiling(const Engine& engine) {
  TRY_ASSIGN(auto snapshot, engine.snapshot());
  TRY_ASSIGN(const auto record, make_reader(std::move(snapshot))->get(kIds, {}));
  return record ? record->ceiling() : 0;
}

}  // namespace

std::vector<TableName> own_tables() {
  return {{kIds.id, kIds.name}, {kBlobs.id, kBlobs.name}, {kLinks.id, kLinks.name}, {kUploads.id, kUploads.name}};
}

base::Result<std::unique_ptr<Store>> open_embedded_with(const Options& options, net::Pool& pool,
                                                        const base::Clock& clock, base::Log log, RocksHooks hooks) {
  TRY_ASSIGN(Home home, Home::open(options.directory));
  TRY_ASSIGN(auto engine, open_rocks_engine(home.database(), home.secret(), options, std::move(hooks), log));
  TRY(remove_leftovers(*engine, log));
  TRY_ASSIGN(const std::uint64_t ceiling, load_id_ceiling(*engine));
  auto core = std::make_shared<Core>(std::move(engine), options, ceiling, pool, clock, log);
  return std::make_unique<EmbeddedStore>(std::move(home), std::move(core));
}

base::Result<std::unique_ptr<Store>> open_embedded(const Options& options, net::Pool& pool, const base::Clock& clock,
                                                   base::Log log) {
  return open_embedded_with(options, pool, clock, std::move(log), {});
}

std::unique_ptr<Store> open_memory(net::Pool& pool, const base::Clock& clock, base::Log log, Faults* faults) {
  auto core = std::make_shared<Core>(make_memory_engine(faults), Options{}, 0, pool, clock, log);
  return std::make_unique<EmbeddedStore>(std::nullopt, std::move(core));
}

}  // namespace store
