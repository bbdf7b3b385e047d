#pragma once
// ENSURE(condition): an invariant of our own code. A failure throws Bug, which ends the one session (or closure) that
// met it, is logged as an error, and fails tests. Never used for input from outside: that is a base::Error. (Not called
// CHECK, because that is doctest's word.)

#include <stdexcept>
#include <string>

namespace base {

class Bug : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void fail_check(const char* condition, const char* file, int line);

}  // namespace base

#define ENSURE(condition)                                 \
  do {                                                    \
    if (!(condition)) [[unlikely]]                        \
      ::base::fail_check(#condition, __FILE__, __LINE__); \
  } while (false)
