#include "smtp/extensions.h"

#include <algorithm>

#include "base/text.h"

namespace smtp {

namespace {

struct FlagRow {
  std::string_view keyword;
  bool Extensions::* flag;
};
constexpr FlagRow kFlags[] = {
    {"PIPELINING", &Extensions::pipelining},   {"8BITMIME", &Extensions::eight_bit_mime},
    {"CHUNKING", &Extensions::chunking},       {"BINARYMIME", &Extensions::binary_mime},
    {"SMTPUTF8", &Extensions::smtputf8},       {"DSN", &Extensions::dsn},
    {"STARTTLS", &Extensions::starttls},       {"REQUIRETLS", &Extensions::require_tls},
    {"MT-PRIORITY", &Extensions::mt_priority}, {"SIZE", &Extensions::size},
    {"DELIVERBY", &Extensions::deliver_by},
};
constexpr std::size_t kMaxMechanisms = 50;

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found = base::split(text, ' ');
  std::erase_if(found, [](std::string_view word) { return word.empty(); });
  return found;
}

void add_mechanisms(const std::vector<std::string_view>& names, Extensions& extensions) {
  for (const std::string_view name : names) {
    if (extensions.auth.size() < kMaxMechanisms) extensions.auth.emplace_back(name);
  }
}

void add_limits(const std::vector<std::string_view>& limits, Extensions& extensions) {
  for (const std::string_view limit : limits) {
    const std::size_t equals = std::min(limit.find('='), limit.size());
    const auto value = base::parse_u64(limit.substr(std::min(equals + 1, limit.size())));
    if (!value) continue;
    if (base::iequals(limit.substr(0, equals), "RCPTMAX")) extensions.max_recipients = *value;
    if (base::iequals(limit.substr(0, equals), "MAILMAX")) extensions.max_messages = *value;
  }
}

void add(std::string_view line, Extensions& extensions) {
  std::vector<std::string_view> parts = words(line);
  if (parts.empty()) return;
  const std::string keyword = base::upper(parts.front());
  parts.erase(parts.begin());
  const auto row = std::ranges::find(kFlags, std::string_view(keyword), &FlagRow::keyword);
  if (row != std::end(kFlags)) extensions.*(row->flag) = true;
  const auto number = parts.empty() ? std::nullopt : base::parse_u64(parts.front());
  if (keyword == "SIZE" && number) extensions.max_size = *number;
  if (keyword == "DELIVERBY" && number) {
    extensions.min_by = std::chrono::seconds(std::min<std::uint64_t>(*number, 999'999'999));
  }
  if (keyword == "AUTH") add_mechanisms(parts, extensions);
  // What programs of the nineties wrote, and some still add: "AUTH=LOGIN PLAIN".
  if (keyword.starts_with("AUTH=")) {
    parts.insert(parts.begin(), line.substr(line.find('=') + 1, keyword.size() - 5));
    add_mechanisms(parts, extensions);
  }
  if (keyword == "LIMITS") add_limits(parts, extensions);
}

}  // namespace

Extensions parse_extensions(const Answer& answer) {
  Extensions extensions;
  extensions.esmtp = true;
  for (std::size_t i = 1; i < answer.lines.size(); ++i) add(answer.lines[i], extensions);
  return extensions;
}

std::string greeting_name(const Answer& answer) {
  if (answer.lines.empty()) return {};
  const std::string_view first = base::trim(answer.lines.front());
  return base::lower(first.substr(0, first.find(' ')));
}

}  // namespace smtp
