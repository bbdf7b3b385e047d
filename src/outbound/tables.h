#pragma once
// Private to the room (includes protobuf): its tables, 80 to 95 of the store. docs/storage.md describes them.

#include <cstdint>
#include <string>
#include <tuple>

#include "schema/outbound.pb.h"
#include "store/table.h"

namespace outbound {

namespace schema = postrider::schema;

/// domain
inline constexpr store::Table<std::tuple<std::string>, schema::StsPolicyRecord> kStsPolicies{80, "outbound.sts_policy"};

/// days since 1970, domain, digest of what went alike
inline constexpr store::Table<std::tuple<std::uint32_t, std::string, std::string>, schema::TlsResultRecord> kTlsResults{
    81, "outbound.tls_result"};

}  // namespace outbound
