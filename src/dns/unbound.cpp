// Resolver (dns/resolver.h) over libunbound. All calls into it are made by one thread of ours, which also gets its
// results and keeps the time of each look-up; libunbound resolves and validates on a thread of its own.
#include <poll.h>
#include <sys/eventfd.h>
#include <unbound.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <set>

#include "dns/records.h"
#include "net/handover.h"

namespace dns {

namespace {

using base::Code;

// RFC 1035 §4.1.1 and the registry of DNS parameters.
constexpr int kServfail = 2;
constexpr int kRefused = 5;
constexpr int kClassIn = 1;

/// The root's keys of 2017 and 2024, as IANA publishes them (root-anchors.xml).
constexpr const char* kRootAnchors[] = {
    ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
};

struct Closer {
  void operator()(ub_ctx* context) const { ub_ctx_delete(context); }
};
using Context = std::unique_ptr<ub_ctx, Closer>;

Answer unreachable(std::string why) { return {.status = Status::unreachable, .why = std::move(why)}; }

Answer to_answer(const std::string& asked, Type type, const ub_result& result) {
  Answer answer;
  answer.secure = result.secure != 0;
  answer.ttl = result.ttl > 0 ? static_cast<std::uint32_t>(result.ttl) : 0;
  answer.canonical = canonical_name(result.canonname != nullptr ? result.canonname : asked);
  if (result.bogus != 0) {
    answer.status = Status::bogus;
    answer.why = result.why_bogus != nullptr ? result.why_bogus : "the answer fails validation";
    return answer;
  }
  if (result.nxdomain != 0) {
    answer.status = Status::no_name;
    return answer;
  }
  if (result.rcode != 0) {
    return unreachable(result.rcode == kServfail ? "the name servers do not answer (SERVFAIL)"
                       : result.rcode == kRefused
                           ? "the name servers refuse to answer"
                           : "the name servers answer with code " + std::to_string(result.rcode));
  }
  answer.status = Status::no_data;
  if (result.havedata == 0) return answer;
  for (int i = 0; result.data[i] != nullptr; ++i) {
    if (add_record(answer, type, std::string_view(result.data[i], static_cast<std::size_t>(result.len[i])))) {
      answer.status = Status::found;
    }
  }
  return answer;
}

class Unbound;

/// One look-up, from the call until it has its answer.
struct Lookup {
  Unbound* owner = nullptr;
  std::string name;
  Type type = Type::a;
  base::SteadyTime deadline;
  int id = -1;  // of libunbound, while it is with it
  bool started = false;
  std::shared_ptr<net::Handover<Answer>> answer = std::make_shared<net::Handover<Answer>>();
};
using Shared = std::shared_ptr<Lookup>;

class Unbound final : public Resolver {
 public:
  Unbound(Context context, const Config& config, base::Log log)
      : context_(std::move(context)), config_(config), log_(std::move(log)), wake_(::eventfd(0, EFD_CLOEXEC)) {
    thread_ = std::thread([this] { work(); });
  }
  ~Unbound() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    notify();
    thread_.join();
    ::close(wake_);
  }

  net::Task<Answer> look_up(std::string name, Type type, base::SteadyTime deadline) override {
    auto lookup = std::make_shared<Lookup>();
    lookup->owner = this;
    lookup->name = std::move(name);
    lookup->type = type;
    lookup->deadline = std::min(deadline, std::chrono::steady_clock::now() + config_.timeout);
    {
      const std::lock_guard lock(mutex_);
      arrived_.push_back(lookup);
    }
    notify();
    co_return co_await net::Handover<Answer>::wait(lookup->answer);
  }

  /// libunbound has a result. On our thread, inside of ub_process() or ub_resolve_async().
  void take(Lookup* lookup, int error, const ub_result* result) {
    const auto known = open_.find(lookup);
    if (known == open_.end()) return;
    const Shared done = known->second;
    finish(done, error != 0 || result == nullptr ? unreachable(ub_strerror(error))
                                                 : to_answer(done->name, done->type, *result));
  }

 private:
  void notify() const {
    const std::uint64_t one = 1;
    while (::write(wake_, &one, sizeof one) < 0 && errno == EINTR) {
    }
  }

  void work() {
    pollfd ready[2] = {{.fd = wake_, .events = POLLIN, .revents = 0},
                       {.fd = ub_fd(context_.get()), .events = POLLIN, .revents = 0}};
    while (take_arrived()) {
      start_waiting();
      end_late();
      ::poll(ready, 2, patience());
      if ((ready[0].revents & POLLIN) != 0) {
        std::uint64_t count = 0;
        while (::read(wake_, &count, sizeof count) < 0 && errno == EINTR) {
        }
      }
      if ((ready[1].revents & POLLIN) != 0) ub_process(context_.get());
    }
    while (!times_.empty()) finish(times_.begin()->second, unreachable("the server is stopping"));
  }

  /// False when there is nothing more to do than to end.
  bool take_arrived() {
    std::vector<Shared> arrived;
    {
      const std::lock_guard lock(mutex_);
      arrived.swap(arrived_);
      if (stopping_) {
        for (const Shared& lookup : arrived) times_.emplace(lookup->deadline, lookup);
        return false;
      }
    }
    for (Shared& lookup : arrived) {
      times_.emplace(lookup->deadline, lookup);
      waiting_.push_back(std::move(lookup));
    }
    return true;
  }

  void start_waiting() {
    while (!waiting_.empty() && open_.size() < config_.max_lookups) {
      const Shared lookup = std::move(waiting_.front());
      waiting_.pop_front();
      if (!times_.contains({lookup->deadline, lookup})) continue;  // it was too late for it
      lookup->started = true;
      open_.emplace(lookup.get(), lookup);
      const auto call_back = [](void* data, int error, ub_result* result) {
        auto* asked = static_cast<Lookup*>(data);
        asked->owner->take(asked, error, result);
        ub_resolve_free(result);
      };
      const int error = ub_resolve_async(context_.get(), lookup->name.c_str(), static_cast<int>(lookup->type), kClassIn,
                                         lookup.get(), call_back, &lookup->id);
      if (error != 0) finish(lookup, unreachable(ub_strerror(error)));
    }
  }

  void end_late() {
    const auto now = std::chrono::steady_clock::now();
    while (!times_.empty() && times_.begin()->first <= now) {
      const Shared late = times_.begin()->second;
      if (late->started) ub_cancel(context_.get(), late->id);
      finish(late, unreachable("the look-up took too long"));
    }
  }

  void finish(const Shared lookup, Answer answer) {
    open_.erase(lookup.get());
    times_.erase({lookup->deadline, lookup});
    if (answer.unknown()) {
      log_.debug("dns.failed", {{"name", lookup->name}, {"type", name(lookup->type)}, {"why", answer.why}});
    }
    lookup->answer->set(std::move(answer));
  }

  /// Milliseconds until the next look-up is late; -1: there is none.
  int patience() const {
    if (times_.empty()) return -1;
    const auto left = times_.begin()->first - std::chrono::steady_clock::now();
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    return static_cast<int>(std::clamp<long>(milliseconds, 0, 60'000));
  }

  const Context context_;
  const Config config_;
  const base::Log log_;
  const int wake_;
  std::thread thread_;

  std::mutex mutex_;
  std::vector<Shared> arrived_;  // guarded by mutex_
  bool stopping_ = false;        // guarded by mutex_

  // On our thread.
  std::deque<Shared> waiting_;                           // for a place among the open ones
  std::unordered_map<const Lookup*, Shared> open_;       // with libunbound
  std::set<std::pair<base::SteadyTime, Shared>> times_;  // all, by when they are late
};

base::Result<void> set(ub_ctx* context, const char* option, const char* value) {
  const int error = ub_ctx_set_option(context, option, value);
  if (error == 0) return {};
  return base::fail(Code::unavailable,
                    std::string("the resolver refuses ") + option + " " + value + ": " + ub_strerror(error));
}

base::Result<void> use_servers(ub_ctx* context, const std::vector<std::string>& servers) {
  for (const std::string& server : servers) {
    if (server == "system") {
      const int error = ub_ctx_resolvconf(context, nullptr);
      if (error == 0) continue;
      return base::fail(Code::invalid,
                        std::string("the name servers of /etc/resolv.conf cannot be used: ") + ub_strerror(error));
    }
    TRY_ASSIGN(const std::string address, parse_server(server));
    if (const int error = ub_ctx_set_fwd(context, address.c_str()); error != 0) {
      return base::fail(Code::invalid, "the name server " + server + " cannot be used: " + ub_strerror(error));
    }
  }
  return {};
}

base::Result<void> use_anchor(ub_ctx* context, const std::string& file) {
  if (!file.empty()) {
    if (::access(file.c_str(), R_OK) != 0) {
      return base::fail(Code::invalid, "the trust anchor " + file + " cannot be read");
    }
    const int error = ub_ctx_add_ta_file(context, file.c_str());
    if (error == 0) return {};
    return base::fail(Code::invalid, "the trust anchor " + file + " cannot be used: " + ub_strerror(error));
  }
  for (const char* const anchor : kRootAnchors) {
    if (const int error = ub_ctx_add_ta(context, anchor); error != 0) {
      return base::fail(Code::unavailable,
                        std::string("the root's trust anchor cannot be used: ") + ub_strerror(error));
    }
  }
  return {};
}

}  // namespace

base::Result<std::unique_ptr<Resolver>> make_resolver(const Config& config, base::Log log) {
  Context context(ub_ctx_create());
  if (!context) return base::fail(Code::unavailable, "the resolver cannot be set up: no memory, or no random numbers");
  ub_ctx* const c = context.get();
  ub_ctx_debugout(c, nullptr);
  // A thread, not a process of its own.
  if (const int error = ub_ctx_async(c, 1); error != 0) return base::fail(Code::unavailable, ub_strerror(error));
  // A resolver of the machine is as good as any other once its answers are validated here.
  TRY(set(c, "do-not-query-localhost:", "no"));
  // RFC 9156: no name server learns more of a name than it needs.
  TRY(set(c, "qname-minimisation:", "yes"));
  // RFC 8198 §5.1: what is proven not to exist needs no question.
  TRY(set(c, "aggressive-nsec:", "yes"));
  TRY(use_servers(c, config.servers));
  if (config.validate) TRY(use_anchor(c, config.trust_anchor));
  for (const std::string& special : config.special_names) {
    const std::string zone = canonical_name(special) + ".";
    if (const int error = ub_ctx_zone_remove(c, zone.c_str()); error != 0) {
      return base::fail(Code::invalid, "the special name " + special + " cannot be used: " + ub_strerror(error));
    }
  }
  return std::make_unique<Unbound>(std::move(context), config, std::move(log));
}

}  // namespace dns
