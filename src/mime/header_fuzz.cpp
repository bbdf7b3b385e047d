// Input: a header block. Its fields must be views into it, in order, one behind the other; its texts must be UTF-8.

#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "mime/content.h"
#include "mime/header.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view block(reinterpret_cast<const char*>(data), size);
  const char* end = nullptr;
  for (const mime::Field& field : mime::fields(block, 100)) {
    if (end ? field.raw.data() != end : field.raw.data() < block.data()) std::abort();
    if (field.name.empty() || field.name.data() != field.raw.data()) std::abort();
    end = field.raw.data() + field.raw.size();
    if (end > block.data() + block.size() || field.body.data() + field.body.size() > end) std::abort();
    if (mime::unfold(field.body).find_first_of("\r\n") != std::string::npos) std::abort();
    if (!base::valid_utf8(mime::decode_text(field.body))) std::abort();
  }
  if (!base::valid_utf8(mime::decode_text(block))) std::abort();

  mime::ContentType type;
  std::vector<mime::Parameter> parameters;
  if (mime::parse_content_type(block, type)) parameters = std::move(type.parameters);
  if (parameters.size() > mime::kParameters) std::abort();
  for (const mime::Parameter& p : parameters) {
    if (p.name.empty() || (p.extended && !base::valid_utf8(p.value))) std::abort();
  }
  mime::parse_disposition(block, parameters);
  mime::parse_token(block);
  mime::parse_languages(block);
  return 0;
}
