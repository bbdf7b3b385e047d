#pragma once
// A step of a SASL exchange, with what the directory knows: what smtp (through its Host) and imap have in common. On
// the session's loop. For each exchange there is one mechanism, and one step at a time.

#include <memory>
#include <string>
#include <variant>

#include "base/result.h"
#include "directory/directory.h"
#include "net/task.h"
#include "sasl/sasl.h"

namespace directory {

using LoginStep = std::variant<sasl::Challenge, Identity>;

/// The client's response, base64 undone. invalid: malformed; denied: wrong name, password or proof; unsupported: to act
/// for somebody else; busy, unavailable: for now. `access`: where the client is. After an error
/// the exchange is over.
net::Task<base::Result<LoginStep>> take_response(Directory& directory, std::shared_ptr<sasl::Mechanism> mechanism,
                                                 std::string response, Access access);

}  // namespace directory
