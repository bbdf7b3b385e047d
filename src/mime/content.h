#pragma once
// Content fields (private to mime): the bodies of Content-Type, -Disposition, -Transfer-Encoding and -Language
// (RFC 2045 §5, RFC 2183, RFC 2231, RFC 3282), read tolerantly. Pure, total, linear; at most kParameters parameters.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "mime/message.h"

namespace mime {

inline constexpr std::size_t kParameters = 100;

struct ContentType {
  std::string type;
  std::string subtype;
  std::vector<Parameter> parameters;
};

/// False if there is no type/subtype to be seen; then RFC 2045 §5.2 has its default.
bool parse_content_type(std::string_view body, ContentType& out);

/// The disposition in lower case, "" when there is none.
std::string parse_disposition(std::string_view body, std::vector<Parameter>& parameters);

/// The first token in lower case, without comments.
std::string parse_token(std::string_view body);

std::vector<std::string> parse_languages(std::string_view body);

}  // namespace mime
