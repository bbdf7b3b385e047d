#pragma once
// The names that mail gives to charsets (private to mime). Pure, total.

#include <string>
#include <string_view>

namespace mime {

struct Charset {
  enum class Kind {
    guess,        // nothing that says anything
    utf8,         //
    windows1252,  // and all that it is a superset of
    iso_2022_jp,  // rewritten to `iconv`, see seven_bit.h
    hz,           // the same
    iconv,        // as glibc names it in `iconv`; may still be unknown there
  };
  Kind kind = Kind::guess;
  std::string iconv;
};

/// Never fails: what cannot be a name is a guess. Names are compared without case; an "x-" before them is passed over.
Charset find_charset(std::string_view name);

}  // namespace mime
