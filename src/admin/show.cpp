// Requests and replies as the command line makes and shows them.
#include <algorithm>

#include "admin/commands.h"
#include "base/text.h"

namespace admin {

namespace {

/// Columns one beside the other need characters, not bytes.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string human_bytes(std::uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  std::uint64_t tenths = bytes;
  if (bytes < 1024) return std::to_string(bytes) + " B";
  while (tenths >= 1024 * 1024) {
    tenths /= 1024;
    ++unit;
  }
  tenths = tenths * 10 / 1024;
  ++unit;
  const std::string rest = tenths % 10 == 0 ? "" : "." + std::to_string(tenths % 10);
  return std::to_string(tenths / 10) + rest + " " + kUnits[unit];
}

/// As it is when a terminal can show it; senders and reasons come from elsewhere.
std::string shown_text(std::string_view text) {
  const bool control =
      std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  return control || !base::valid_utf8(text) ? base::printable(text, 500) : std::string(text);
}

std::string cell(const json::object& row, const Column& column) {
  const json::value* value = row.if_contains(column.key);
  if (!value || value->is_null()) return "-";
  // A quota of nothing is none.
  if (*value == 0 && std::string_view(column.key).contains("quota_")) return "none";
  if (column.kind == Column::Kind::bytes && value->is_number()) return human_bytes(value->to_number<std::uint64_t>());
  if (value->is_string()) return value->get_string().empty() ? "-" : shown_text(value->get_string());
  if (value->is_bool()) return value->get_bool() ? "yes" : "no";
  if (!value->is_array()) return json::serialize(*value);
  std::string all;
  for (const json::value& element : value->get_array()) {
    all +=
        (all.empty() ? "" : ", ") + (element.is_string() ? shown_text(element.get_string()) : json::serialize(element));
  }
  return all.empty() ? "-" : all;
}

bool has(const json::object& row, const Column& column) {
  const json::value* value = row.if_contains(column.key);
  return value && !value->is_null() && !(value->is_array() && value->get_array().empty());
}

/// One thing, a line for each column that it has.
std::string described(const Command& command, const json::object& row) {
  std::size_t widest = 0;
  for (const Column& column : command.columns) {
    if (column.title && has(row, column)) widest = std::max(widest, width(column.title));
  }
  std::string out;
  for (const Column& column : command.columns) {
    if (!column.title || !has(row, column)) continue;
    out += column.title;
    out.append(widest - width(column.title) + 2, ' ');
    out += cell(row, column) + "\n";
  }
  return out;
}

/// A list as aligned columns under their titles; columns that no row has are left out.
std::string aligned(std::span<const Column> titles, const json::array& rows) {
  std::vector<std::vector<std::string>> lines(1);
  std::vector<std::size_t> widths;
  std::vector<const Column*> columns;
  for (const Column& column : titles) {
    if (!column.key) break;
    if (!column.title) continue;
    const bool used = std::ranges::any_of(rows, [&](const json::value& row) { return has(row.as_object(), column); });
    if (!used) continue;
    columns.push_back(&column);
    lines[0].emplace_back(column.title);
    widths.push_back(width(column.title));
  }
  for (const json::value& row : rows) {
    std::vector<std::string> line;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      line.push_back(cell(row.as_object(), *columns[i]));
      widths[i] = std::max(widths[i], width(line.back()));
    }
    lines.push_back(std::move(line));
  }
  std::string out;
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      out += line[i];
      if (i + 1 < line.size()) out.append(widths[i] - width(line[i]) + 2, ' ');
    }
    out += '\n';
  }
  return out;
}

std::string text_of(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::uint64_t number_of(const json::object& object, const char* key) {
  return object.at(key).to_number<std::uint64_t>();
}

void show_health(const json::object& result, Shown& shown) {
  shown.out = text_of(result, "hostname") + ": " + text_of(result, "status") + "\n";
  for (const json::value& row : result.at("certificates").as_array()) {
    const json::object& one = row.as_object();
    const std::string until = text_of(one, "not_after");
    shown.out += "certificate " + text_of(one, "name") + " " + shown_text(text_of(one, "file")) + ": " +
                 text_of(one, "state") + (until.empty() ? "" : ", valid until " + until) + "\n";
  }
  const json::object& store = result.at("store").as_object();
  shown.out += std::string("store: ") + (store.at("writes").as_bool() ? "takes writes, " : "takes no writes, ") +
               human_bytes(number_of(store, "free_bytes")) + " free\n";
  if (const json::value* value = result.if_contains("queue")) {
    const json::object& queue = value->as_object();
    const std::string oldest = text_of(queue, "oldest");
    shown.out += "queue: " + std::to_string(number_of(queue, "messages")) + " waiting" +
                 (oldest.empty() ? "" : ", the oldest since " + oldest) + "\n";
  }
  const json::array& problems = result.at("problems").as_array();
  for (std::size_t i = 1; i < problems.size(); ++i) shown.out += std::string(problems[i].as_string()) + "\n";
}

void show_stats(const json::object& result, Shown& shown) {
  static constexpr Column kTables[] = {
      {"table", "TABLE"}, {"records", "RECORDS"}, {"size", "SIZE", Column::Kind::bytes}};
  static constexpr Column kAccounts[] = {{"address", "ADDRESS"},
                                         {"messages", "MESSAGES"},
                                         {"size", "SIZE", Column::Kind::bytes},
                                         {"record_bytes", "RECORDS", Column::Kind::bytes}};
  static constexpr Column kAges[] = {{"age", "AGE"}, {"messages", "MESSAGES"}, {"size", "SIZE", Column::Kind::bytes}};
  const json::object& disk = result.at("disk").as_object();
  const auto bytes = [&disk](const char* key) { return human_bytes(number_of(disk, key)); };
  shown.out = "records " + bytes("records_bytes") + ", messages " + bytes("bodies_bytes") + " (" +
              bytes("garbage_bytes") + " of them garbage), in memory " + bytes("memory_bytes") + ", free " +
              bytes("free_bytes") + "\n";
  shown.out += "\n" + aligned(kTables, result.at("tables").as_array());
  shown.out += "\n" + aligned(kAccounts, result.at("accounts").as_array());
  shown.out += "\n" + aligned(kAges, result.at("ages").as_array());
}

void show_compacted(const json::object& result, Shown& shown) {
  shown.out = text_of(result, "done") + ": " + human_bytes(number_of(result, "before_bytes")) + " before, " +
              human_bytes(number_of(result, "after_bytes")) + " after\n";
}

void show_check(const json::object& result, Shown& shown) {
  const auto bodies = result.at("bodies").to_number<std::uint64_t>();
  const auto problems = result.at("problem_count").to_number<std::uint64_t>();
  for (const json::value& problem : result.at("problems").as_array()) {
    const json::object& row = problem.as_object();
    shown.out += text_of(row, "room") + ": " + text_of(row, "where") + ": " + text_of(row, "what") + "\n";
  }
  shown.out += "checked " + std::to_string(bodies) + (bodies == 1 ? " message" : " messages") + " and all records: ";
  shown.out += problems == 0 ? "clean\n" : std::to_string(problems) + (problems == 1 ? " problem\n" : " problems\n");
}

/// What is said of the message, and then its recipients.
void show_queued(const Command& command, const json::object& result, Shown& shown) {
  static constexpr Column kMessage[] = {{"id", "ID"},
                                        {"state", "STATE"},
                                        {"created", "SINCE"},
                                        {"expires", "EXPIRES"},
                                        {"size", "SIZE", Column::Kind::bytes},
                                        {"priority", "PRIORITY"},
                                        {"sender", "SENDER"},
                                        {"submitter", "SUBMITTED BY"},
                                        {"reason", "REASON"}};
  for (const Column& column : kMessage) {
    if (has(result, column)) shown.out += std::string(column.title) + ": " + cell(result, column) + "\n";
  }
  shown.out += "\n" + aligned(command.columns, result.at("recipients").as_array());
}

void show_queue_stats(const Command& command, const json::object& result, Shown& shown) {
  const auto number = [&result](const char* key) { return std::to_string(number_of(result, key)); };
  shown.out = number("messages") + " messages, " + human_bytes(number_of(result, "bytes")) +
              "; recipients: " + number("active") + " active, " + number("ready") + " ready, " + number("waiting") +
              " waiting, " + number("held") + " held; " + number("broken") + " messages set aside; " +
              number("paused_destinations") + " destinations paused\n";
  const json::array& domains = result.at("domains").as_array();
  if (!domains.empty()) shown.out += "\n" + aligned(command.columns, domains);
}

/// Exit status by what the result says: something is wrong although the command was carried out.
int status_of(std::string_view command, const json::object& result, Shown& shown) {
  if (command == "health" && text_of(result, "status") != "ok") {
    shown.error = text_of(result, "why");
    return 1;
  }
  if (command == "store check" && result.at("problem_count").to_number<std::uint64_t>() > 0) return 1;
  return 0;
}

Shown show_result(std::string_view name, const json::object& result, bool as_json) {
  Shown shown;
  const Command* command = find_command(name);
  if (as_json) {
    shown.out = json::serialize(result) + "\n";
  } else if (name == "store check") {
    show_check(result, shown);
  } else if (name == "store stats") {
    show_stats(result, shown);
  } else if (name == "store compact") {
    show_compacted(result, shown);
  } else if (name == "queue show") {
    show_queued(*command, result, shown);
  } else if (name == "queue stats") {
    show_queue_stats(*command, result, shown);
  } else {
    if (name == "health") show_health(result, shown);
    if (command && command->list) {
      const json::array& rows = result.at(command->list).as_array();
      if (!rows.empty()) shown.out += aligned(command->columns, rows);
    } else if (command && command->columns[0].key) {
      shown.out = described(*command, result);
    } else {
      shown.out = text_of(result, "done") + "\n";
    }
  }
  shown.status = status_of(name, result, shown);
  return shown;
}

}  // namespace

std::string encode_request(std::string_view command, const Arguments& arguments, std::string_view claim) {
  json::object values;
  for (const auto& [name, argument] : arguments) {
    json::value& value = values[name];
    if (const auto* text = std::get_if<std::string>(&argument)) {
      value = *text;
    } else if (const auto* number = std::get_if<std::uint64_t>(&argument)) {
      value = *number;
    } else if (const auto* flag = std::get_if<bool>(&argument)) {
      value = *flag;
    } else {
      const auto& list = std::get<std::vector<std::string>>(argument);
      value = json::array(list.begin(), list.end());
    }
  }
  json::object request{{"command", command}, {"arguments", std::move(values)}};
  if (!claim.empty()) request["claim"] = claim;
  return json::serialize(request);
}

Fields fields(std::string_view name) {
  Fields found;
  const Command* command = find_command(name);
  if (!command || !command->list) return found;
  found.list = command->list;
  for (const Column& column : command->columns) {
    if (column.key) found.members.emplace_back(column.key);
  }
  return found;
}

std::string show_line(std::string_view line) {
  boost::system::error_code error;
  const json::value value = json::parse(line, error);
  const json::object* object = value.if_object();
  if (error || !object) return shown_text(line);
  const std::string event = text_of(*object, "event");
  base::LogLine parts{.event = event};
  for (const auto& [key, field] : *object) {
    if (key == "time" || key == "level" || key == "event" || !field.is_string()) continue;
    parts.fields.emplace_back(key, field.get_string());
  }
  return shown_text(text_of(*object, "time")) + " " + shown_text(text_of(*object, "level")) + " " +
         base::log_message(parts);
}

Shown show(std::string_view command, std::string_view reply, bool as_json) {
  try {
    boost::system::error_code error;
    const json::value value = json::parse(reply, error);
    if (error) return {.out = {}, .error = "the server's answer is not JSON", .status = 1};
    const json::object& object = value.as_object();
    if (object.at("ok").as_bool()) return show_result(command, object.at("result").as_object(), as_json);
    return {.out = {}, .error = text_of(object, "error"), .status = 1};
  } catch (const std::exception&) {
    // Another version of the server may answer with less than this one expects.
    return {.out = {},
            .error = "the server's answer lacks what this program expects: do their versions differ?",
            .status = 1};
  }
}

}  // namespace admin
