// Every line gives a value or a fault; what is accepted is an address that can be written in a path again.

#include <cstdlib>

#include "smtp/parameters.h"
#include "smtp/policy.h"

namespace {

void expect(bool condition) {
  if (!condition) std::abort();
}

void check_path(const std::string& address, bool smtputf8) {
  expect(address.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  if (address.empty() || address == "postmaster") return;
  const auto again = smtp::parse_rcpt("TO:<" + address + ">", smtputf8);
  expect(again.has_value() && again->recipient == address);
}

/// What was taken can be passed on: it is what it was, in one word, and well-formed again.
void check_parameters(std::string_view argument) {
  smtp::Mail mail;
  if (smtp::parse_parameters(argument, mail)) {
    expect(mail.envid.size() <= 100 && smtp::xtext_decode(mail.envid).has_value());
    expect(mail.priority >= -9 && mail.priority <= 9);
    expect(!mail.by || !mail.by->give_back || mail.by->interval.count() > 0);
    expect(!mail.hold || mail.hold->interval.has_value() != mail.hold->until.has_value());
  }
  smtp::Rcpt rcpt{.smtputf8 = true};
  if (smtp::parse_parameters(argument, rcpt)) {
    expect(rcpt.orcpt.size() <= 500 && rcpt.orcpt.find_first_of(" =\r\n") == std::string::npos);
    smtp::Rcpt again{.smtputf8 = true};
    expect(rcpt.orcpt.empty() || (smtp::parse_parameters("ORCPT=" + rcpt.orcpt, again) && again.orcpt == rcpt.orcpt));
  }
  if (const auto decoded = smtp::xtext_decode(argument)) expect(decoded->size() <= argument.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto command = smtp::parse_command(line);
  if (!command) return 0;
  const std::string_view argument = command->argument;
  if (const auto mail = smtp::parse_mail(argument)) check_path(mail->sender, mail->smtputf8);
  for (const bool smtputf8 : {false, true}) {
    if (const auto rcpt = smtp::parse_rcpt(argument, smtputf8)) check_path(rcpt->recipient, smtputf8);
  }
  if (const auto name = smtp::parse_hello(argument)) {
    expect(!name->empty());
    expect(!smtp::is_domain(*name) || !smtp::address_literal(*name));
  }
  if (const auto verify = smtp::parse_verify(argument)) check_path(verify->address, true);
  check_parameters(argument);
  (void)smtp::parse_bdat(argument);
  if (const auto auth = smtp::parse_auth(argument)) expect(!auth->mechanism.empty());
  return 0;
}
