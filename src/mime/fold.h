#pragma once
// Folding for substring search (RFC 9051 §6.4.4): UTF-8 case-folded and composed (NFKC_Casefold), white space kept.
// Pure, total, linear; what comes out is UTF-8 and at most 18 times as long.

#include <string>
#include <string_view>

namespace mime {

std::string fold_for_search(std::string_view utf8);

/// The same as the text comes, in pieces of whole characters. Holds 4 KiB back at most.
class SearchFolder {
 public:
  void feed(std::string_view utf8, std::string& out);
  void finish(std::string& out);

 private:
  std::string held_;
};

}  // namespace mime
