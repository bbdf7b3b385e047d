#pragma once
// Private to the room (includes protobuf): its table, 112 of the store. docs/storage.md describes it; what waits is the
// queue's (queue/tables.h).

#include <string>
#include <tuple>

#include "schema/sendmail.pb.h"
#include "store/table.h"

namespace delivery {

namespace schema = postrider::schema;

/// id of a file of the spool (src/sendmail)
inline constexpr store::Table<std::tuple<std::string>, schema::TakenMessage> kTaken{112, "sendmail.taken"};

}  // namespace delivery
