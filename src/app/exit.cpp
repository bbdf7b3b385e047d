#include "app/exit.h"

namespace app {

Exit exit_of(const base::Error& error) {
  switch (error.code) {
    case base::Code::corrupt:
    case base::Code::unsupported:
      return kDamaged;
    case base::Code::busy:
    case base::Code::no_space:
    case base::Code::unavailable:
      return kTryLater;
    case base::Code::denied:
      return kNotPermitted;
    case base::Code::invalid:
    case base::Code::not_found:
      return kConfiguration;
    default:
      return kFailed;
  }
}

}  // namespace app
