// Only the version macros of the libraries are used here, none of their code.
#include "app/version.h"

#include <google/protobuf/stubs/common.h>
#include <openssl/opensslv.h>
#include <rocksdb/version.h>
#include <boost/version.hpp>

namespace app {

namespace {
constexpr const char* kVersion = "0.1.0";

std::string dotted(int major, int minor, int patch) {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}
}  // namespace

std::string version() { return std::string("postrider ") + kVersion; }

std::string full_version() {
  std::string out = version() + "\n";
  out += std::string("compiler  ") + __VERSION__ + "\n";
  out += "Boost     " + dotted(BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100) + "\n";
  out += std::string("OpenSSL   ") + OPENSSL_VERSION_STR + "\n";
  out += "RocksDB   " + dotted(ROCKSDB_MAJOR, ROCKSDB_MINOR, ROCKSDB_PATCH) + "\n";
  out +=
      "protobuf  " +
      dotted(GOOGLE_PROTOBUF_VERSION / 1000000, GOOGLE_PROTOBUF_VERSION / 1000 % 1000, GOOGLE_PROTOBUF_VERSION % 1000) +
      "\n";
  return out;
}

}  // namespace app
