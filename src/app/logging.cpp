#include "app/logging.h"

#include <unistd.h>

namespace app {

namespace {

std::unique_ptr<base::LogOutput> output(const Config& config) {
  LogTarget target = config.log_target;
  if (target == LogTarget::automatic && base::stderr_is_the_journal()) target = LogTarget::journal;
  if (target == LogTarget::journal) return base::journal_output();
  if (target == LogTarget::syslog) return base::syslog_output();
  return base::stream_output(STDERR_FILENO, config.log_format == LogFormat::json);
}

}  // namespace

base::Log open_log(const Config& config) { return base::Log::to(output(config), config.log_level); }

}  // namespace app
