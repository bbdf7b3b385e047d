#pragma once
// What is done to a message that a user or a program of this machine submits, and to no other (RFC 6409 §8): who says
// to have written it must be somebody that the sender may send as, and what no transport carries is encoded anew.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "delivery/delivery.h"
#include "mime/message.h"
#include "net/task.h"
#include "smtp/host.h"
#include "store/store.h"

namespace delivery {

/// Whether a program of this user may send as the address: USER@hostname, and what Config::local_senders says. Pure.
bool may_send_locally(const Config& config, const smtp::LocalUser& user, std::string_view address);

/// The addresses in From, Sender, Resent-From and Resent-Sender of a header block, each once (RFC 5322 §3.6.2, §3.6.6).
/// invalid: From or Sender stands twice, or one of them names none; or there are more fields than are looked at. Pure.
base::Result<std::vector<std::string>> originators(std::string_view header);

struct Mended {
  store::Body body;
  std::shared_ptr<const mime::Message> parsed;
};
/// The message fit for every transport (mime/repair.h); nothing when it is that already. Reads `body` twice, in blocks,
/// and never holds it whole. Errors are the store's.
net::Task<base::Result<std::optional<Mended>>> mend(store::Store& store, store::Body body,
                                                    std::shared_ptr<const mime::Message> parsed, bool keep_utf8);

/// The message with another header block in place of its first `header_bytes` bytes. Reads `body` in blocks, and never
/// holds it whole. Errors are the store's.
net::Task<base::Result<Mended>> with_header(store::Store& store, store::Body body, std::uint64_t header_bytes,
                                            std::string header);

/// Bytes of the message from its beginning, as read() of the body, on the pool where that may block.
net::Task<base::Result<std::string>> read_begin(store::Store& store, store::Body body, std::uint64_t length);

}  // namespace delivery
