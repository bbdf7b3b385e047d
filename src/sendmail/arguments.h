#pragma once
// The command line of sendmail: the flags that programs pass to it, most of which mean nothing here and are taken all
// the same. Options end at the first operand or "--", so that a recipient is never taken for one. Pure, total, linear.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "smtp/host.h"

namespace sendmail {

enum class Task {
  send,        // a message from standard input
  smtp,        // -bs: SMTP on standard input and output
  queue_list,  // -bp, or called as mailq
  queue_run,   // -q
  aliases,     // -bi, or called as newaliases: there is no file to be built
  help,
};

struct Arguments {
  Task task = Task::send;
  std::optional<std::string> sender;        // -f or -r; "" is the null sender
  std::string full_name;                    // -F
  bool from_header = false;                 // -t
  bool dot_ends = true;                     // false with -i and -oi
  smtp::Notify notify;                      // -N (RFC 3461 §4.1)
  smtp::Return ret = smtp::Return::unsaid;  // -R (§4.3)
  std::string envid;                        // -V, in xtext (§4.4)
  std::string config_file;                  // -C or --config
  std::string directory;                    // --dir: the data directory
  std::vector<std::string> recipients;
};

/// `called_as` is the last part of the program's name. invalid with a sentence for the caller.
base::Result<Arguments> parse_arguments(std::string_view called_as, const std::vector<std::string>& words);

/// What --help prints.
std::string_view usage();

}  // namespace sendmail
