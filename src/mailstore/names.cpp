#include "mailstore/names.h"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>

#include "base/text.h"
#include "mailstore/types.h"

namespace mailstore {
namespace {

struct Free {
  void operator()(utf8proc_uint8_t* p) const { std::free(p); }
};

base::Result<std::string> to_nfc(std::string_view text) {
  // Plain ASCII is its own normal form.
  if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; })) {
    return std::string(text);
  }
  utf8proc_uint8_t* raw = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &raw, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, Free> owner(raw);
  if (length < 0) return base::fail(base::Code::invalid, "the mailbox name cannot be normalised");
  return std::string(reinterpret_cast<const char*>(raw), static_cast<std::size_t>(length));
}

/// Why a part may not be a mailbox's name; nothing when it may.
const char* fault(std::string_view part) {
  if (part.empty()) return "a mailbox name must not have empty parts";
  for (std::size_t i = 0; i < part.size(); ++i) {
    const auto c = static_cast<unsigned char>(part[i]);
    // RFC 9051 §5.1: names with the wildcards of LIST could not be asked for one by one.
    if (c == '%' || c == '*') return "a mailbox name must not hold % or *";
    if (c < 0x20 || c == 0x7f) return "a mailbox name must not hold control characters";
    // RFC 5198 §2: no C1 controls (U+0080 to U+009F) and no line or paragraph separators (U+2028, U+2029).
    const bool c1 = c == 0xc2 && static_cast<unsigned char>(part[i + 1]) < 0xa0;
    const bool separator = c == 0xe2 && part.substr(i, 3).starts_with("\xe2\x80") &&
                           (part.substr(i, 3).ends_with('\xa8') || part.substr(i, 3).ends_with('\xa9'));
    if (c1 || separator) return "a mailbox name must not hold control characters";
  }
  return nullptr;
}

}  // namespace

base::Result<std::string> normalise_path(std::string_view path) {
  if (path.empty()) return base::fail(base::Code::invalid, "the mailbox name is empty");
  // NFC can make text longer, but never from far above the limit to below it.
  if (path.size() > 4 * kMaxNameBytes) return base::fail(base::Code::too_large, "the mailbox name is too long");
  if (!base::valid_utf8(path)) return base::fail(base::Code::invalid, "the mailbox name is not valid UTF-8");
  TRY_ASSIGN(std::string text, to_nfc(path));
  if (text.size() > kMaxNameBytes) {
    return base::fail(base::Code::too_large,
                      "the mailbox name is longer than " + std::to_string(kMaxNameBytes) + " bytes");
  }
  const auto parts = base::split(text, kHierarchySeparator);
  if (parts.size() > kMaxDepth) {
    return base::fail(base::Code::too_large, "the mailbox name has more than " + std::to_string(kMaxDepth) + " parts");
  }
  for (const std::string_view part : parts) {
    if (const char* why = fault(part)) return base::fail(base::Code::invalid, why);
  }
  // RFC 9051 §5.1: INBOX in any case is the same name; below it too, so that no second one can appear beside it.
  if (base::iequals(parts.front(), "INBOX")) text.replace(0, 5, "INBOX");
  return text;
}

std::vector<std::string> path_parts(std::string_view path) {
  std::vector<std::string> out;
  for (const std::string_view part : base::split(path, kHierarchySeparator)) out.emplace_back(part);
  return out;
}

std::uint64_t stable_hash(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccd;
  return hash ^ (hash >> 33);
}

}  // namespace mailstore
