#pragma once
// A Resolver for tests: answers from a table that the test fills, and says which questions came. For tests only.

#include <atomic>
#include <map>
#include <mutex>
#include <utility>

#include "dns/records.h"
#include "dns/resolver.h"

namespace dns::test {

class FakeResolver final : public Resolver {
 public:
  /// While set, every look-up is unreachable.
  std::atomic<bool> down = false;

  /// What is asked for `name` and `type` from now on; without an answer it is no_name.
  void set(std::string_view name, Type type, Answer answer) {
    const std::lock_guard lock(mutex_);
    answers_[{canonical_name(name), type}] = std::move(answer);
  }
  void address(std::string_view name, std::string address, bool secure = false) {
    const Type type = address.find(':') == std::string::npos ? Type::a : Type::aaaa;
    const std::lock_guard lock(mutex_);
    Answer& answer = found(name, type, secure);
    answer.addresses.push_back(std::move(address));
  }
  void mx(std::string_view name, std::uint16_t preference, std::string host, bool secure = false) {
    const std::lock_guard lock(mutex_);
    found(name, Type::mx, secure).mx.push_back({preference, std::move(host)});
  }
  void txt(std::string_view name, std::string text) {
    const std::lock_guard lock(mutex_);
    found(name, Type::txt, false).texts.push_back(std::move(text));
  }
  void tlsa(std::string_view name, Tlsa record, bool secure = true) {
    const std::lock_guard lock(mutex_);
    found(name, Type::tlsa, secure).tlsa.push_back(std::move(record));
  }
  std::size_t asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

  net::Task<Answer> look_up(std::string name, Type type, base::SteadyTime) override {
    const std::lock_guard lock(mutex_);
    ++asked_;
    if (down) co_return Answer{.status = Status::unreachable, .why = "the resolver is down"};
    const std::string key = canonical_name(name);
    const auto known = answers_.find({key, type});
    Answer answer = known != answers_.end() ? known->second : Answer{.status = Status::no_name};
    if (known == answers_.end() && exists(key)) answer.status = Status::no_data;
    if (answer.canonical.empty()) answer.canonical = key;
    co_return answer;
  }

 private:
  Answer& found(std::string_view name, Type type, bool secure) {
    Answer& answer = answers_[{canonical_name(name), type}];
    answer.status = Status::found;
    answer.secure = secure;
    answer.ttl = 60;
    return answer;
  }
  bool exists(const std::string& name) const {
    const auto first = answers_.lower_bound({name, Type{}});
    return first != answers_.end() && first->first.first == name;
  }

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, Type>, Answer> answers_;  // guarded by mutex_
  std::size_t asked_ = 0;                                   // guarded by mutex_
};

}  // namespace dns::test
