// What is made from the tree of commands: completion for bash and zsh, and the page docs/cli.md.

#include <cstdio>
#include <functional>

#include "app/cli_kit.h"

namespace app {

namespace {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* sub) { return !sub->get_name().empty(); });
}

/// Options that the help shows. Hidden ones are in no group.
std::vector<const CLI::Option*> options_of(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return !option->get_group().empty(); });
}

/// Calls `use` for each command below `app`, with the way to it as "/account/add"; groups come before what is in them.
void walk(const CLI::App& app, const std::string& way, const std::function<void(const CLI::App&, std::string)>& use) {
  use(app, way);
  for (const CLI::App* sub : commands_of(app)) walk(*sub, way + "/" + sub->get_name(), use);
}

void add_word(std::string& words, const std::string& word) { words += (words.empty() ? "" : " ") + word; }

/// What can stand next: commands in a group, options in a command.
std::string words_of(const CLI::App& app) {
  std::string words;
  for (const CLI::App* sub : commands_of(app)) add_word(words, sub->get_name());
  for (const CLI::Option* option : options_of(app)) {
    for (const std::string& name : option->get_lnames()) add_word(words, "--" + name);
  }
  return words;
}

/// Whether the command takes the name of a file or directory behind its options.
bool takes_path(const CLI::App& app) {
  for (const CLI::Option* option : options_of(app)) {
    const std::string& positional = option->get_name(true, false);
    if (positional.find("FILE") != std::string::npos || positional.find("DIR") != std::string::npos) return true;
  }
  return false;
}

/// The shells' cases: for each way the words that can follow, and "path" where one can.
struct Cases {
  std::string ways;   // all, as a pattern
  std::string words;  // the body of a case
  std::string paths;  // those that take one, as a pattern
};

Cases cases_of(const CLI::App& app) {
  Cases cases;
  walk(app, "", [&cases](const CLI::App& at, const std::string& way) {
    if (!way.empty()) cases.ways += (cases.ways.empty() ? "" : "|") + way;
    cases.words += "    '" + way + "') next='" + words_of(at) + "' ;;\n";
    if (takes_path(at)) cases.paths += (cases.paths.empty() ? "" : "|") + way;
  });
  return cases;
}

/// The way to the commands in the line so far.
std::string finding_way(const Cases& cases, const char* words) {
  return std::string("  for word in ") + words +
         "; do\n"
         "    case \"$at/$word\" in\n      " +
         cases.ways + ") at=\"$at/$word\" ;;\n    esac\n  done\n  case \"$at\" in\n" + cases.words + "  esac\n";
}

std::string option_line(const CLI::Option& option) {
  return "| `" + option.get_name(true, true) + "` | " + option.get_description() + " |\n";
}

/// "`a`, `b`"
std::string quoted(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "`" : ", `") + name + "`";
  return all;
}

std::string section(const CLI::App& app, const std::string& way) {
  std::string name = way.substr(1);
  for (char& c : name) c = c == '/' ? ' ' : c;
  std::string out = "## " + name + "\n" + app.get_description() + ".\n\n";
  std::string options;
  for (const CLI::Option* option : options_of(app)) {
    if (option->get_name() != "--help") options += option_line(*option);
  }
  if (!options.empty()) out += "| | |\n|---|---|\n" + options + "\n";
  if (const auto fields = admin::fields(name); !fields.members.empty()) {
    out += "With `--json` the list `" + fields.list + "`, whose members are " + quoted(fields.members) + ".\n\n";
  }
  return out + app.get_footer() + "\n\n";
}

void add_completion(CLI::App& app, Given& given) {
  CLI::App* completion = group(app, "completion", "Completion of the command line, for a shell");
  command(*completion, "bash", "Print it for bash", "postrider completion bash > /etc/bash_completion.d/postrider")
      ->callback([&app, &given] {
        given.action = [&app] {
          std::fputs(bash_completion(app).c_str(), stdout);
          return kDone;
        };
      });
  command(*completion, "zsh", "Print it for zsh",
          "postrider completion zsh > /usr/local/share/zsh/site-functions/_postrider")
      ->callback([&app, &given] {
        given.action = [&app] {
          std::fputs(zsh_completion(app).c_str(), stdout);
          return kDone;
        };
      });
}

}  // namespace

std::string bash_completion(const CLI::App& app) {
  const Cases cases = cases_of(app);
  return "# Completion of postrider for bash; made by `postrider completion bash`.\n"
         "_postrider_paths() {\n"
         "  compopt -o filenames 2>/dev/null\n"
         "  mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen \"$1\" -- \"$2\")\n"
         "}\n"
         "_postrider() {\n"
         "  COMPREPLY=()\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} at= word next=\n" +
         finding_way(cases, "\"${COMP_WORDS[@]:1:COMP_CWORD-1}\"") +
         "  case $previous in\n"
         "    --dir|-d) _postrider_paths -d \"$current\"; return ;;\n"
         "    --config|-c|--password-file) _postrider_paths -f \"$current\"; return ;;\n"
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$next\" -- \"$current\"))\n"
         "  case \"$at\" in\n"
         "    " +
         cases.paths +
         ") [[ $current == -* ]] || _postrider_paths -f \"$current\" ;;\n"
         "  esac\n"
         "}\n"
         "complete -F _postrider postrider\n";
}

std::string zsh_completion(const CLI::App& app) {
  const Cases cases = cases_of(app);
  return "#compdef postrider\n"
         "# Completion of postrider for zsh; made by `postrider completion zsh`.\n"
         "_postrider() {\n"
         "  local at= word next=\n" +
         finding_way(cases, "${words[2,CURRENT-1]}") +
         "  case ${words[CURRENT-1]} in\n"
         "    --dir|-d) _files -/; return ;;\n"
         "    --config|-c|--password-file) _files; return ;;\n"
         "  esac\n"
         "  compadd -- ${=next}\n"
         "  case $at in\n"
         "    " +
         cases.paths +
         ") _files ;;\n"
         "  esac\n"
         "}\n"
         "if [[ $funcstack[1] == _postrider ]]; then _postrider \"$@\"; else compdef _postrider postrider; fi\n";
}

std::string reference_page(const CLI::App& app) {
  std::string page =
      "# Commands\n"
      "Made by `postrider commands > docs/cli.md`; a test compares it. `postrider COMMAND --help` says the same. The "
      "exit\n"
      "statuses are in [operations.md](operations.md).\n\n";
  walk(app, "", [&page](const CLI::App& at, const std::string& way) {
    if (commands_of(at).empty()) page += section(at, way);
  });
  page.pop_back();
  return page;
}

void add_pages(CLI::App& app, Given& given) {
  add_completion(app, given);
  command(app, "commands", "Print the page that describes all commands", "postrider commands > docs/cli.md")
      ->callback([&app, &given] {
        given.action = [&app] {
          std::fputs(reference_page(app).c_str(), stdout);
          return kDone;
        };
      });
}

}  // namespace app
