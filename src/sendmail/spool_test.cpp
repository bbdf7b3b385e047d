#include "sendmail/spool.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "sendmail/bell.h"

using namespace sendmail;

namespace {

class TemporarySpool {
 public:
  TemporarySpool() {
    std::string name = std::filesystem::temp_directory_path() / "postrider-spool-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    spool.directory = name;
    const auto prepared = prepare(spool, "mail.example.org");
    REQUIRE_MESSAGE(prepared.has_value(), prepared.error().text);
  }
  ~TemporarySpool() { std::filesystem::remove_all(spool.directory); }

  std::string put(std::string_view message) {
    auto writer = SpoolWriter::create(spool, file());
    REQUIRE(writer.has_value());
    REQUIRE(writer->write(message).has_value());
    REQUIRE(writer->commit().has_value());
    REQUIRE(writer->sync_name().has_value());
    return writer->id();
  }
  static SpoolFile file() {
    SpoolFile file;
    file.envelope.sender = "ann@example.org";
    file.envelope.recipients.push_back({.address = "bob@example.net", .notify = {.success = true}, .orcpt = {}});
    return file;
  }
  std::string path(const std::string& id) const { return spool.incoming() + "/" + id; }
  Spool spool;
};

std::vector<std::string> listed(const Spool& spool) {
  auto ids = list(spool, std::chrono::seconds(0));
  REQUIRE(ids.has_value());
  return *std::move(ids);
}

std::string error_of(const Spool& spool, const std::string& id) {
  const auto reader = SpoolReader::open(spool, id);
  return reader ? "(fine)" : reader.error().text;
}

}  // namespace

TEST_CASE("a message in the spool is read as it was written") {
  TemporarySpool at;
  CHECK(hostname_of(at.spool) == "mail.example.org");
  std::string message = "Subject: x\r\n\r\n";
  while (message.size() < 600'000) message += "a line of some length\r\n";
  const std::string id = at.put(message);
  CHECK(listed(at.spool) == std::vector<std::string>{id});
  const auto reader = SpoolReader::open(at.spool, id);
  REQUIRE(reader.has_value());
  CHECK(reader->owner() == ::geteuid());
  CHECK(reader->file().size == message.size());
  CHECK(reader->file().envelope.recipients == TemporarySpool::file().envelope.recipients);
  CHECK(*reader->read(0, message.size() + 10) == message);
  CHECK(*reader->read(message.size(), 10) == "");
  REQUIRE(remove(at.spool, id).has_value());
  CHECK(listed(at.spool).empty());
}

TEST_CASE("everybody may put messages in, and nobody but the server sees them") {
  TemporarySpool at;
  struct stat info{};
  REQUIRE(::stat(at.spool.incoming().c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 03733);
  const std::string id = at.put("x\r\n");
  REQUIRE(::stat(at.path(id).c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0640);
}

TEST_CASE("what was not finished is not found, and young files are left to their programs") {
  TemporarySpool at;
  {
    auto writer = SpoolWriter::create(at.spool, TemporarySpool::file());
    REQUIRE(writer.has_value());
    REQUIRE(writer->write("half").has_value());
    CHECK(listed(at.spool).empty());
  }
  CHECK(std::filesystem::is_empty(at.spool.incoming()));
  const std::string id = at.put("x\r\n");
  CHECK(list(at.spool, std::chrono::seconds(5))->empty());
}

TEST_CASE("a file that is none of ours is refused, and set aside with the reason") {
  TemporarySpool at;
  const std::string id = at.put("Subject: x\r\n\r\nbody\r\n");
  SUBCASE("cut off") {
    std::filesystem::resize_file(at.path(id), std::filesystem::file_size(at.path(id)) - 1);
    CHECK(error_of(at.spool, id) == "it is not as long as its head says");
  }
  SUBCASE("another's, under a second name") {
    std::filesystem::create_hard_link(at.path(id), at.spool.directory + "/other");
    CHECK(error_of(at.spool, id) == "it is no plain file, or has a second name");
  }
  SUBCASE("a symbolic link") {
    const std::string link(32, 'a');
    std::filesystem::create_symlink("/etc/passwd", at.path(link));
    CHECK(error_of(at.spool, link) != "(fine)");
  }
  SUBCASE("a pipe") {
    const std::string pipe(32, 'b');
    REQUIRE(::mkfifo(at.path(pipe).c_str(), 0600) == 0);
    CHECK(error_of(at.spool, pipe) == "it is no plain file, or has a second name");
  }
  SUBCASE("under another name") {
    const std::string other(32, 'c');
    std::filesystem::rename(at.path(id), at.path(other));
    CHECK(error_of(at.spool, other) == "its id is not its name");
  }
  SUBCASE("set aside") {
    REQUIRE(set_aside(at.spool, id, "it is broken").has_value());
    CHECK(listed(at.spool).empty());
    std::ifstream why(at.spool.bad() + "/" + id + ".why");
    std::string text;
    std::getline(why, text);
    CHECK(text == "it is broken");
    CHECK(std::filesystem::exists(at.spool.bad() + "/" + id));
  }
}

TEST_CASE("heads say what is wrong with them") {
  const std::string good =
      "postrider-spool 1\nid 5d41402abc4b2a76b9719d911017c592\nsize 4\nfrom \nto a@b.example\n\nbody";
  REQUIRE(parse_head(good).has_value());
  CHECK(parse_head(good)->envelope.sender.empty());
  const auto error = [](std::string text) { return parse_head(text) ? "(fine)" : parse_head(text).error().text; };
  CHECK(error("nonsense") == "it does not begin as a file of the spool does");
  CHECK(error(good.substr(0, 60)) == "its head does not end");
  CHECK(error("postrider-spool 1\nfrom a@b.example\n\n") == "its head has no id, size, from or to");
  CHECK(error("postrider-spool 1\nto a@b.example\nto nobody\n\n") == "its head has the line \"to nobody\"");
  CHECK(error("postrider-spool 1\nnotify success\n\n") == "its head has the line \"notify success\"");
}

TEST_CASE("requests and answers are one line each") {
  const std::string id(32, '0');
  CHECK(format_request({.id = id}) == "take " + id + "\n");
  CHECK(parse_request("run " + id)->waits == false);
  CHECK_FALSE(parse_request("take ../../etc/passwd").has_value());
  CHECK(format_answer({Answer::Is::refused, 67, "no such\r\nuser"}) == "refused 67 no such  user\n");
  CHECK(parse_answer("refused 67 no such user")->status == 67);
  CHECK(parse_answer("taken 12")->text == "12");
  CHECK_FALSE(parse_answer("refused 0 x").has_value());
  CHECK_FALSE(parse_answer("what").has_value());
}
