// A structure record that a disk has spoilt must not lead anybody outside of its message, and one that is read comes
// back the same.

#include "base/check.h"
#include "mailstore/structure.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto message = mailstore::decode_structure(bytes, 0);
  if (message) {
    for (std::size_t i = 0; i < message->parts.size(); ++i) {
      const mime::Part& part = message->parts[i];
      for (const std::uint32_t link : {part.first_child, part.next_sibling}) {
        ENSURE(link == mime::kNoPart || (link > i && link < message->parts.size()));
      }
      ENSURE(part.header_begin <= part.body_begin && part.body_begin <= part.end && part.end <= message->size);
    }
    const auto again = mailstore::decode_structure(mailstore::encode_structure(*message), 0);
    ENSURE(again && *again == *message);
  }
  // The same of a message as it is parsed.
  const mime::Message parsed = mime::parse(bytes);
  const auto back = mailstore::decode_structure(mailstore::encode_structure(parsed), 0);
  ENSURE(back && *back == parsed);
  return 0;
}
