#pragma once
// i;unicode-casemap (RFC 5051): how texts are compared without regard to case, in searches, sorts and threads
// (RFC 5255 §4.2). Pure, total, linear.

#include <string>
#include <string_view>

namespace mime {

/// Each character in title case and fully decomposed, so that texts are equal, in order, or one within the other, when
/// their results are as bytes. Each is mapped by itself: pieces of whole characters may be mapped one after another. A
/// byte that is no UTF-8 becomes U+FFFD. UTF-8, at most 18 times as long.
std::string unicode_casemap(std::string_view utf8);

}  // namespace mime
