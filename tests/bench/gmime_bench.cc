// GMime's parser on the same message, from memory. Its headers are decoded when they are asked for, and so they are
// not.

#include <gmime/gmime.h>

#include <cstddef>
#include <string>

#include "mime_clock.h"

namespace {

void count(GMimeObject*, GMimeObject*, gpointer parts) { ++*static_cast<std::size_t*>(parts); }

std::size_t parse(const std::string& message) {
  GMimeStream* stream = g_mime_stream_mem_new_with_buffer(message.data(), message.size());
  GMimeParser* parser = g_mime_parser_new_with_stream(stream);
  g_object_unref(stream);
  GMimeMessage* parsed = g_mime_parser_construct_message(parser, nullptr);
  std::size_t parts = 0;
  if (parsed) {
    g_mime_message_foreach(parsed, count, &parts);
    g_object_unref(parsed);
  }
  g_object_unref(parser);
  return parts;
}

}  // namespace

int main(int argc, char** argv) {
  g_mime_init();
  return run_mime_bench(argc, argv, parse);
}
