#include "directory/normalize.h"

#include <idn2.h>
#include <utf8proc.h>

#include <cstdlib>
#include <new>

#include "base/text.h"
#include "directory/directory.h"

namespace directory {
namespace {

constexpr std::size_t kMaxDomainBytes = 253;  // RFC 1035 §2.3.4, as text without the root's dot
constexpr std::size_t kMaxLabelBytes = 63;
constexpr std::size_t kMaxPasswordBytes = 1024;

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

base::Result<std::string> map_utf8(std::string_view text, unsigned options, const char* what) {
  utf8proc_uint8_t* mapped = nullptr;
  const auto length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &mapped, static_cast<utf8proc_option_t>(options));
  if (length == UTF8PROC_ERROR_NOMEM) throw std::bad_alloc();
  if (length < 0) {
    return base::fail(base::Code::invalid, std::string(what) + " cannot be normalized: " + utf8proc_errmsg(length));
  }
  const std::unique_ptr<utf8proc_uint8_t, Free> owner(mapped);
  return std::string(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(length));
}

base::Result<std::string> fold_local(std::string_view local) {
  if (is_ascii(local)) return base::lower(local);
  // Unassigned characters are refused: what they fold to is not known yet, so the key could change with a library.
  TRY_ASSIGN(std::string folded,
             map_utf8(local, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_REJECTNA,
                      "the part before the @"));
  return folded;
}

base::Result<std::string> to_a_labels(std::string_view domain) {
  const std::string text(domain);
  std::uint8_t* ascii = nullptr;
  const int rc = idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(text.c_str()), &ascii,
                                IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<std::uint8_t, Free> owner(ascii);
  if (rc == IDN2_MALLOC) throw std::bad_alloc();
  if (rc != IDN2_OK) {
    return base::fail(base::Code::invalid,
                      "\"" + base::printable(domain) + "\" is no internationalized domain: " + idn2_strerror(rc));
  }
  return std::string(reinterpret_cast<const char*>(ascii));
}

/// Letters, digits, hyphens and underscores (no host should have one, yet some that send mail do).
bool is_label(std::string_view label) {
  if (label.empty() || label.size() > kMaxLabelBytes || label.front() == '-' || label.back() == '-') return false;
  return std::ranges::all_of(label,
                             [](char c) { return base::is_alpha(c) || base::is_digit(c) || c == '-' || c == '_'; });
}

/// Why lower-case ASCII `name` is no domain, or "".
std::string domain_fault(std::string_view name) {
  if (name.empty()) return "it is empty";
  if (name.size() > kMaxDomainBytes) return "it is longer than 253 bytes";
  const auto labels = base::split(name, '.');
  for (const std::string_view label : labels) {
    if (!is_label(label)) return "\"" + base::printable(label, kMaxLabelBytes) + "\" is no label of a domain";
  }
  if (std::ranges::all_of(labels.back(), base::is_digit)) return "it ends in a number, as IP addresses do";
  return {};
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

base::Result<mime::AddrSpec> parse_address(std::string_view address) {
  mime::AddrSpec parsed;
  if (!mime::parse_addr_spec(address, parsed)) {
    return base::fail(base::Code::invalid, "\"" + base::printable(address) + "\" is no mail address");
  }
  if (parsed.domain.front() == '[') {
    return base::fail(base::Code::invalid,
                      "\"" + base::printable(address) + "\" has an IP address where a directory needs a domain");
  }
  TRY_ASSIGN(parsed.domain, normalize_domain(parsed.domain));
  return parsed;
}

}  // namespace

base::Result<std::string> normalize_domain(std::string_view domain) {
  std::string name;
  // A-labels are taken as they stand: DNS compares them byte by byte, and many that IDNA 2008 would not make (emoji)
  // are registered and receive mail.
  if (is_ascii(domain)) {
    name = base::lower(domain);
  } else if (!base::valid_utf8(domain) || domain.size() > 4 * kMaxDomainBytes || domain.contains('\0')) {
    return base::fail(base::Code::invalid, "\"" + base::printable(domain) + "\" is no domain");
  } else {
    // RFC 5891 §5 with the mapping of UTS 46, non-transitional: ß and ς stay themselves.
    TRY_ASSIGN(name, to_a_labels(domain));
  }
  // Also behind the mapping: it turns wide and ideographic characters into ASCII of every kind.
  if (const std::string fault = domain_fault(name); !fault.empty()) {
    return base::fail(base::Code::invalid, "\"" + base::printable(domain) + "\" is no domain: " + fault);
  }
  return name;
}

base::Result<mime::AddrSpec> split_address(std::string_view address) {
  TRY_ASSIGN(mime::AddrSpec parsed, parse_address(address));
  TRY_ASSIGN(parsed.local, fold_local(parsed.local));
  // Folding can make it longer. As it is written, with quotes, or the normalized address would not be one itself.
  if (mime::format(parsed).size() - parsed.domain.size() - 1 > mime::kMaxLocalPart) {
    return base::fail(base::Code::invalid, "the part before the @ is longer than 255 bytes once it is normalized");
  }
  return parsed;
}

base::Result<std::string> normalize_address(std::string_view address) {
  TRY_ASSIGN(const mime::AddrSpec parsed, split_address(address));
  return mime::format(parsed);
}

base::Result<std::string> normalize_target(std::string_view address) {
  TRY_ASSIGN(const mime::AddrSpec parsed, parse_address(address));
  return mime::format(parsed);
}

base::Result<std::string> prepare_password(std::string_view password) {
  if (password.empty()) return base::fail(base::Code::invalid, "the password is empty");
  if (password.size() > kMaxPasswordBytes) {
    return base::fail(base::Code::invalid, "the password is longer than 1,024 bytes");
  }
  if (has_control(password)) return base::fail(base::Code::invalid, "the password has control characters");
  if (is_ascii(password)) return std::string(password);
  if (!base::valid_utf8(password)) return base::fail(base::Code::invalid, "the password is not UTF-8");
  std::string spaced;
  for (std::size_t at = 0; at < password.size();) {
    utf8proc_int32_t point = 0;
    const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(password.data()) + at,
                                         static_cast<utf8proc_ssize_t>(password.size() - at), &point);
    if (length <= 0) return base::fail(base::Code::invalid, "the password is not UTF-8");
    if (utf8proc_category(point) == UTF8PROC_CATEGORY_ZS) {
      spaced += ' ';
    } else {
      spaced += password.substr(at, static_cast<std::size_t>(length));
    }
    at += static_cast<std::size_t>(length);
  }
  return map_utf8(spaced, UTF8PROC_STABLE | UTF8PROC_COMPOSE, "the password");
}

}  // namespace directory
