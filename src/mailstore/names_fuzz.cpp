// Names and Message-IDs from clients and strangers: what is taken as a name is its own normal form, and a message names
// a bounded number of others.

#include "base/check.h"
#include "base/text.h"
#include "mailstore/names.h"
#include "mailstore/thread_ids.h"
#include "mailstore/types.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto name = mailstore::normalise_path(text)) {
    ENSURE(name->size() <= mailstore::kMaxNameBytes && base::valid_utf8(*name));
    const auto again = mailstore::normalise_path(*name);
    ENSURE(again && *again == *name);
    ENSURE(mailstore::path_parts(*name).size() <= mailstore::kMaxDepth);
  }
  const mime::EnvelopeFields fields{.in_reply_to = std::string(text),
                                    .message_id = std::string(text.substr(size / 2)),
                                    .references = std::string(text)};
  const auto ids = mailstore::thread_ids(fields);
  ENSURE(ids.hashes.size() <= 50);
  ENSURE(!ids.has_own || !ids.hashes.empty());
  const std::string id = mailstore::first_message_id(text);
  ENSURE(id.empty() || (id.front() == '<' && id.back() == '>' && id.size() > 2));
  return 0;
}
