// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "cli/render.h"

#include "cli/options.h"

#include <algorithm>

namespace glovebox::cli {
namespace {

constexpr std::size_t kHelpColumn = 26;

std::string replace_all(std::string_view text, std::string_view what, std::string_view by)
{
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        if (text.substr(at).starts_with(what)) {
            out += by;
            at += what.size();
        } else {
            out += text[at++];
        }
    }
    return out;
}

/// Calls `visit(option)` for each option of `group`.
template <class F>
void for_each_in(Group group, F visit)
{
    for (const Option& option : option_table())
        if (option.group == group)
            visit(option);
}

std::string help_line(std::string left, std::string_view help)
{
    if (left.size() + 2 > kHelpColumn)
        left += '\n' + std::string(kHelpColumn, ' ');
    else
        left.resize(kHelpColumn, ' ');
    return (left += help) += '\n';
}

/// `text` with what scdoc(5) would take for markup made plain.
std::string scdoc_plain(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        if (c == '*' || c == '_' || c == '\\' || c == '#' || c == '[' || c == ']' || c == '<')
            out += '\\';
        out += c;
    }
    return out;
}

/// All option words (long and short) of `verbs`, separated by spaces.
std::string option_words(Verbs verbs, bool with_operand_only)
{
    std::string out;
    for (const Option& option : option_table()) {
        if ((option.verbs & verbs) == 0 || (with_operand_only && option.operand.empty()))
            continue;
        ((out += out.empty() ? "--" : " --") += option.name);
        if (option.letter != '\0')
            (out += " -") += option.letter;
    }
    return out;
}

std::string verb_words(char separator)
{
    std::string out;
    for (const VerbRow& row : verb_table()) {
        if (!out.empty())
            out += separator;
        out += row.name;
    }
    return out;
}

std::string bash_case(const Option& option)
{
    std::string out = "        --" + std::string(option.name);
    if (option.letter != '\0')
        (out += "|-") += option.letter;
    out += ") ";
    switch (option.completion) {
    case Completion::file:
        return out + "_glovebox_paths -f; return ;;\n";
    case Completion::directory:
        return out + "_glovebox_paths -d; return ;;\n";
    case Completion::values:
        return out + "mapfile -t COMPREPLY < <(compgen -W '" + std::string(option.values) + "' -- \"$cur\"); return ;;\n";
    case Completion::none:
        break;
    }
    return out + "return ;;\n";
}

std::string zsh_spec(const Option& option)
{
    std::string help = replace_all(option.help, "'", "'\\''");
    for (const std::string_view special : {"[", "]", ":"})
        help = replace_all(help, special, "\\" + std::string(special));
    std::string action;
    if (!option.operand.empty()) {
        action = ":" + replace_all(option.operand, ":", "\\:") + ":";
        action += option.completion == Completion::file        ? "_files"
                  : option.completion == Completion::directory ? "_files -/"
                  : option.completion == Completion::values    ? "(" + std::string(option.values) + ")"
                                                               : "";
    }
    const std::string_view assign = option.operand.empty() ? "" : "=";
    std::string out = "        '*--" + std::string(option.name) + std::string(assign) + "[" + help + "]" + action + "'\n";
    if (option.letter != '\0')
        out += "        '*-" + std::string(1, option.letter) + (option.operand.empty() ? "" : "+") + "[" + help + "]" + action + "'\n";
    return out;
}

std::string fish_line(const Option& option)
{
    std::string out = "complete -c glovebox -n __glovebox_before_command -l " + std::string(option.name);
    if (option.letter != '\0')
        (out += " -s ") += option.letter;
    if (!option.operand.empty())
        out += option.completion == Completion::file        ? " -r -F"
               : option.completion == Completion::directory ? " -x -a '(__fish_complete_directories)'"
               : option.completion == Completion::values    ? " -x -a '" + std::string(option.values) + "'"
                                                            : " -x";
    return out + " -d '" + replace_all(option.help, "'", "\\'") + "'\n";
}

} // namespace

std::string render_help()
{
    std::string out = "Usage: glovebox [run] [OPTIONS] [--] COMMAND [ARG...]\n"
                      "       glovebox VERB ...\n\n"
                      "Runs COMMAND in a sealed sandbox: the host is seen read-only, homes and network are\n"
                      "not, and what is written lands in a scratch directory, /build inside.\n\nVerbs:\n";
    for (const VerbRow& row : verb_table())
        out += help_line("  " + std::string(row.name), row.help);
    for (const GroupRow& group : group_table()) {
        ((out += '\n') += group.title) += ":\n";
        for_each_in(group.group, [&](const Option& option) {
            std::string left = option.letter == '\0' ? "      --" : std::string("  -") + option.letter + ", --";
            left += option.name;
            if (!option.operand.empty())
                (left += ' ') += option.operand;
            out += help_line(std::move(left), option.help);
        });
    }
    return out + "\nExit status: the command's own; 128+N when signal N ended it; 125 when glovebox failed,\n"
                 "126 when the command cannot be executed, 127 when it is not found. See glovebox(1).\n";
}

std::string render_scdoc()
{
    std::string out = "# VERBS\n\n";
    for (const VerbRow& row : verb_table())
        out += "*" + std::string(row.name) + "*\n\t" + scdoc_plain(row.help) + "\n\n";
    out += "# OPTIONS\n\n";
    for (const GroupRow& group : group_table()) {
        out += "## " + std::string(group.title) + "\n\n";
        for_each_in(group.group, [&](const Option& option) {
            out += option.letter == '\0' ? "" : "*-" + std::string(1, option.letter) + "*, ";
            out += "*--" + std::string(option.name) + "*";
            out += option.operand.empty() ? "" : " " + scdoc_plain(option.operand);
            out += "\n\t" + scdoc_plain(option.help) + "\n\n";
        });
    }
    return out;
}

std::string render_bash()
{
    std::string out = R"(# bash completion for glovebox, made from its option table.

# Completes the operand SRC[:DEST] and plain paths.
_glovebox_paths() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
}

_glovebox() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} i word
    COMPREPLY=()
)";
    out += "    local with_operand=' " + option_words(kRunning, true) + " '\n";
    out += R"(    # Where the command begins, its own completion goes on.
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == -- ]]; then
            i=$((i + 1))
        elif [[ $word == -* ]]; then
            [[ $with_operand == *" $word "* ]] && i=$((i + 1))
            continue
        elif [[ $i -eq 1 && " )" + verb_words(' ') + R"( " == *" $word "* ]]; then
            continue
        fi
        if declare -F _command_offset >/dev/null; then
            _command_offset "$i"
        else
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -c -f -- "$cur")
        fi
        return
    done
    case $prev in
)";
    for (const Option& option : option_table())
        if (!option.operand.empty())
            out += bash_case(option);
    out += "    esac\n    if [[ $cur == -* ]]; then\n        mapfile -t COMPREPLY < <(compgen -W '" + option_words(kRunning, false) +
           "' -- \"$cur\")\n    elif [[ $COMP_CWORD -eq 1 ]]; then\n        mapfile -t COMPREPLY < <(compgen -W '" + verb_words(' ') +
           "' -- \"$cur\")\n    else\n        mapfile -t COMPREPLY < <(compgen -c -- \"$cur\")\n    fi\n}\ncomplete -F _glovebox glovebox\n";
    return out;
}

std::string render_zsh()
{
    std::string out = "#compdef glovebox\n# zsh completion for glovebox, made from its option table.\n\n_glovebox() {\n";
    out += "    local -a verbs options\n    verbs=(";
    out += verb_words(' ') + ")\n    options=(\n";
    for (const Option& option : option_table())
        out += zsh_spec(option);
    return out + R"(    )
    if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
        compadd -- $verbs
        return
    fi
    if (( ${verbs[(Ie)$words[2]]} )); then
        shift words
        (( CURRENT-- ))
    fi
    _arguments -s -S $options '(-)1:command: _command_names -e' '*::arguments: _normal'
}

_glovebox "$@"
)";
}

std::string render_fish()
{
    std::string out = "# fish completion for glovebox, made from its option table.\n\n";
    out += "function __glovebox_before_command\n    set -l words (commandline -opc)\n    set -l with_operand " +
           option_words(kRunning, true) + "\n    set -l skip 1\n";
    out += "    for i in (seq (count $words))\n        if test $skip -gt 0\n            set skip (math $skip - 1)\n            continue\n        end\n"
           "        set -l word $words[$i]\n        if test \"$word\" = --\n            return 1\n        end\n"
           "        if string match -q -- '-*' $word\n            contains -- $word $with_operand; and set skip 1\n            continue\n        end\n"
           "        if test $i -eq 2; and contains -- $word " + verb_words(' ') + "\n            continue\n        end\n        return 1\n    end\n    return 0\nend\n\n";
    out += "complete -c glovebox -f\ncomplete -c glovebox -n 'not __glovebox_before_command' -F\n";
    for (const VerbRow& row : verb_table())
        out += "complete -c glovebox -n 'test (count (commandline -opc)) -eq 1' -a " + std::string(row.name) + " -d '" +
               replace_all(row.help, "'", "\\'") + "'\n";
    out += "complete -c glovebox -n __glovebox_before_command -a '(__fish_complete_command)'\n";
    for (const Option& option : option_table())
        out += fish_line(option);
    return out;
}

} // namespace glovebox::cli
