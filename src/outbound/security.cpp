#include "outbound/security.h"

namespace outbound {

const char* words(const Security& security, bool verified) {
  if (!verified) return "not verified";
  switch (security.source) {
    case PolicyKind::dane:
      return "DANE";
    case PolicyKind::mta_sts:
      return "MTA-STS";
    case PolicyKind::none:
    case PolicyKind::route:
      break;
  }
  return "verified";
}

}  // namespace outbound
