#include "sendmail/arguments.h"

#include <doctest/doctest.h>

using namespace sendmail;

namespace {

Arguments parsed(const std::vector<std::string>& words, std::string_view called_as = "sendmail") {
  auto arguments = parse_arguments(called_as, words);
  REQUIRE_MESSAGE(arguments.has_value(), arguments.error().text);
  return *std::move(arguments);
}

std::string refusal(const std::vector<std::string>& words) {
  const auto arguments = parse_arguments("sendmail", words);
  return arguments ? "(taken)" : arguments.error().text;
}

}  // namespace

TEST_CASE("what programs pass is understood") {
  SUBCASE("PHP") {
    const Arguments php = parsed({"-t", "-i", "-fshop@example.org"});
    CHECK(php.from_header);
    CHECK_FALSE(php.dot_ends);
    CHECK(php.sender == "shop@example.org");
  }
  SUBCASE("mutt") {
    const Arguments mutt = parsed({"-oem", "-oi", "-f", "ann@example.org", "-N", "failure,delay", "-R", "hdrs",
                                   "-B8BITMIME", "--", "-bob@example.org"});
    CHECK(mutt.sender == "ann@example.org");
    CHECK(mutt.notify.failure);
    CHECK(mutt.notify.delay);
    CHECK_FALSE(mutt.notify.success);
    CHECK(mutt.ret == smtp::Return::headers);
    CHECK(mutt.recipients == std::vector<std::string>{"-bob@example.org"});
  }
  SUBCASE("cron") {
    const Arguments cron = parsed({"-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root"});
    CHECK(cron.full_name == "CronDaemon");
    CHECK(cron.recipients == std::vector<std::string>{"root"});
    CHECK_FALSE(cron.sender.has_value());
  }
  SUBCASE("all the others") {
    const Arguments all = parsed(
        {"-v", "-odb", "-o", "i",  "-om", "-O", "DeliveryMode=b", "-bm", "-X", "/tmp/x", "-L",   "tag",         "-h",
         "3",  "-Ac",  "-G", "-U", "-n",  "-m", "-d0.1",          "-r",  "<>", "-V",     "id=1", "a@b.example", "-t"});
    CHECK(all.sender == "");
    CHECK(all.envid == "id+3D1");
    CHECK_FALSE(all.dot_ends);
    // Behind the first recipient nothing is an option, whoever it may come from.
    CHECK(all.recipients == std::vector<std::string>{"a@b.example", "-t"});
    CHECK_FALSE(all.from_header);
  }
}

TEST_CASE("what is to be done follows from -b, -q and the name") {
  CHECK(parsed({"-bs"}).task == Task::smtp);
  CHECK(parsed({"-bp"}).task == Task::queue_list);
  CHECK(parsed({}, "mailq").task == Task::queue_list);
  CHECK(parsed({"-q"}).task == Task::queue_run);
  CHECK(parsed({"-q15m"}).task == Task::queue_run);
  CHECK(parsed({"-bi"}).task == Task::aliases);
  CHECK(parsed({"-I"}).task == Task::aliases);
  CHECK(parsed({}, "newaliases").task == Task::aliases);
  CHECK(parsed({"--help"}).task == Task::help);
  CHECK(parsed({"--dir", "/d", "--config=/c"}).directory == "/d");
  CHECK(parsed({"-C", "/c"}).config_file == "/c");
}

TEST_CASE("what cannot be done is refused in words") {
  CHECK(refusal({"-bd"}).starts_with("-bd is not offered"));
  CHECK(refusal({"-y"}) == "there is no option -y");
  CHECK(refusal({"--frobnicate"}) == "there is no option --frobnicate");
  CHECK(refusal({"-f"}) == "a value is missing behind -f");
  CHECK(refusal({"-N", "often"}) == "-N takes never, or success, failure and delay");
  CHECK(refusal({"-N", "never,success"}) == "-N takes never, or success, failure and delay");
  CHECK(refusal({"-R", "some"}) == "-R takes full or hdrs");
}
