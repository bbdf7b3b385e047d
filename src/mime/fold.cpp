// fold_for_search() and SearchFolder: NFKC_Casefold (UAX #31 §5.1, UAX #15) with utf8proc.

#include <utf8proc.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"
#include "mime/fold.h"
#include "mime/utf8.h"

namespace mime {
namespace {

// Without an ASCII character, which many scripts never use, a text is cut somewhere; marks there may stay apart.
constexpr std::size_t kLongestStretch = 4096;

// UAX #15 §13: no language puts more than 30 marks on a letter. Marks beyond are dropped, so that putting the marks of
// a letter in order cannot cost more than a constant (utf8proc's own ordering is quadratic in them).
constexpr std::size_t kMarks = 30;

constexpr auto kDecompose = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD |
                                                           UTF8PROC_IGNORE | UTF8PROC_DECOMPOSE);
constexpr auto kCompose = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);

int combining_class(utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; }

// Characters of one stretch of text, decomposed and folded, in canonical order.
class Stretch {
 public:
  void add(char32_t c) {
    // The longest compatibility decomposition has 18 characters (U+FDFA).
    utf8proc_int32_t parts[32];
    int boundary = 0;
    const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts, 32, kDecompose, &boundary);
    for (utf8proc_ssize_t i = 0; i < count && i < 32; ++i) add_decomposed(parts[i]);
  }

  void flush(std::string& out) {
    order_marks();
    const auto size = utf8proc_normalize_utf32(chars_.data(), static_cast<utf8proc_ssize_t>(chars_.size()), kCompose);
    for (utf8proc_ssize_t i = 0; i < size; ++i) {
      append_utf8(out, static_cast<char32_t>(chars_[static_cast<std::size_t>(i)]));
    }
    chars_.clear();
  }

 private:
  void add_decomposed(utf8proc_int32_t c) {
    if (combining_class(c) == 0) {
      order_marks();
    } else if (++marks_ > kMarks) {
      return;
    }
    chars_.push_back(c);
  }

  // By insertion: there are few, and equal classes must keep their order (UAX #15, canonical ordering).
  void order_marks() {
    const std::size_t begin = chars_.size() - std::min(marks_, kMarks);
    for (std::size_t i = begin + 1; i < chars_.size(); ++i) {
      for (std::size_t j = i; j > begin && combining_class(chars_[j - 1]) > combining_class(chars_[j]); --j) {
        std::swap(chars_[j - 1], chars_[j]);
      }
    }
    marks_ = 0;
  }

  std::vector<utf8proc_int32_t> chars_;
  std::size_t marks_ = 0;  // at the end of chars_, before the limit
};

}  // namespace

std::string fold_for_search(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  Stretch stretch;
  for (std::size_t at = 0; at < utf8.size();) {
    const std::size_t run = ascii_run(utf8, at);
    const bool last = at + run == utf8.size();
    // ASCII never joins with what stands before it; but its last byte may get a mark from what follows.
    const std::size_t alone = last || run == 0 ? run : run - 1;
    const std::size_t begin = out.size();
    out += utf8.substr(at, alone);
    std::transform(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(),
                   out.begin() + static_cast<std::ptrdiff_t>(begin), base::ascii_lower);
    at += alone;
    if (alone < run) stretch.add(static_cast<unsigned char>(utf8[at++]));
    while (at < utf8.size() && static_cast<unsigned char>(utf8[at]) >= 0x80) stretch.add(next_utf8(utf8, at));
    stretch.flush(out);
  }
  return out;
}

void SearchFolder::feed(std::string_view utf8, std::string& out) {
  held_ += utf8;
  // A stretch begins with an ASCII character, which may get marks from what follows.
  std::size_t cut = held_.size();
  while (cut > 0 && static_cast<unsigned char>(held_[cut - 1]) >= 0x80) --cut;
  if (cut > 0) --cut;
  if (held_.size() - cut > kLongestStretch) {
    cut = held_.size();
    while (cut > 0 && (static_cast<unsigned char>(held_[cut - 1]) & 0xc0) == 0x80) --cut;
    if (cut > 0) --cut;
  }
  out += fold_for_search(std::string_view(held_).substr(0, cut));
  held_.erase(0, cut);
}

void SearchFolder::finish(std::string& out) {
  out += fold_for_search(held_);
  held_.clear();
}

}  // namespace mime
