#include "sendmail/bell.h"

#include "base/text.h"
#include "sendmail/spool_file.h"

namespace sendmail {
namespace {

constexpr std::string_view kTake = "take ";
constexpr std::string_view kRun = "run ";
constexpr std::string_view kTaken = "taken ";
constexpr std::string_view kRefused = "refused ";
constexpr std::string_view kLater = "later ";
constexpr std::size_t kMaxText = kMaxAnswer - 100;

}  // namespace

std::string format_request(const Request& request) {
  return std::string(request.waits ? kTake : kRun) + request.id + "\n";
}

std::optional<Request> parse_request(std::string_view line) {
  const bool waits = line.starts_with(kTake);
  if (!waits && !line.starts_with(kRun)) return std::nullopt;
  line.remove_prefix(waits ? kTake.size() : kRun.size());
  if (!is_spool_id(line)) return std::nullopt;
  return Request{std::string(line), waits};
}

std::string format_answer(const Answer& answer) {
  std::string out(answer.is == Answer::Is::taken ? kTaken : answer.is == Answer::Is::later ? kLater : kRefused);
  if (answer.is == Answer::Is::refused) out += std::to_string(answer.status) + " ";
  for (const char c : std::string_view(answer.text).substr(0, kMaxText)) {
    out += static_cast<unsigned char>(c) < ' ' || c == 127 ? ' ' : c;
  }
  return out + "\n";
}

std::optional<Answer> parse_answer(std::string_view line) {
  if (line.starts_with(kTaken)) return Answer{Answer::Is::taken, 0, std::string(line.substr(kTaken.size()))};
  if (line.starts_with(kLater)) return Answer{Answer::Is::later, 0, std::string(line.substr(kLater.size()))};
  if (!line.starts_with(kRefused)) return std::nullopt;
  line.remove_prefix(kRefused.size());
  const std::size_t space = line.find(' ');
  const auto status = base::parse_u32(line.substr(0, space));
  if (!status || *status == 0 || *status > 255 || space == std::string_view::npos) return std::nullopt;
  return Answer{Answer::Is::refused, static_cast<int>(*status), std::string(line.substr(space + 1))};
}

}  // namespace sendmail
