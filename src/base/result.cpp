#include "base/result.h"

namespace base {

const char* name(Code code) {
  switch (code) {
    case Code::invalid:
      return "invalid";
    case Code::not_found:
      return "not_found";
    case Code::exists:
      return "exists";
    case Code::denied:
      return "denied";
    case Code::too_large:
      return "too_large";
    case Code::over_quota:
      return "over_quota";
    case Code::suspended:
      return "suspended";
    case Code::no_space:
      return "no_space";
    case Code::unavailable:
      return "unavailable";
    case Code::busy:
      return "busy";
    case Code::corrupt:
      return "corrupt";
    case Code::conflict:
      return "conflict";
    case Code::unsupported:
      return "unsupported";
  }
  return "invalid";
}

}  // namespace base
