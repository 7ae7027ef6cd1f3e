// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "cli/render.h"

#include "cli/options.h"

#include <initializer_list>
#include <utility>

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

/// `text` with each placeholder replaced by its value.
std::string fill(std::string text, std::initializer_list<std::pair<std::string_view, std::string>> values)
{
    for (const auto& [placeholder, value] : values)
        text = replace_all(text, placeholder, value);
    return text;
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
        return out + "_glovebox_words '" + std::string(option.values) + "'; return ;;\n";
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
    return out + "\nExit status: the command's own; 128+N when signal N ended it; 124 when --timeout did;\n"
                 "125 when glovebox failed, 126 when the command cannot be executed, 127 when it is not\n"
                 "found. See glovebox(1).\n";
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
    std::string cases;
    for (const Option& option : option_table())
        if (!option.operand.empty())
            cases += bash_case(option);
    return fill(R"(# bash completion for glovebox, made from its option table.

_glovebox_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

# A path, or DEST of SRC:DEST.
_glovebox_paths() {
    cur=${cur##*:}
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
}

_glovebox() {
    # Bash breaks words at "=" and ":" as well: `words` has them whole, `starts` where each begins.
    local words=() starts=() glue='' i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        if [[ -n $glue || ${COMP_WORDS[i]} == [=:] ]]; then
            words[-1]+=${COMP_WORDS[i]}
        else
            words+=("${COMP_WORDS[i]}")
            starts+=("$i")
        fi
        glue=''
        [[ ${COMP_WORDS[i]} != [=:] ]] || glue=1
    done
    local cur=${words[-1]} option=''
    COMPREPLY=()
    # Where the command begins, its own completion goes on.
    for ((i = 1; i < ${#words[@]} - 1; i++)); do
        local word=${words[i]}
        if [[ $word == -- ]]; then
            i=$((i + 1))
        elif [[ $word == -* ]]; then
            if [[ ' @WITH_OPERAND@ ' == *" $word "* ]]; then
                i=$((i + 1))
                option=$word
            fi
            continue
        elif [[ $i -eq 1 && ' @VERBS@ ' == *" $word "* ]]; then
            continue
        fi
        if declare -F _command_offset >/dev/null; then
            _command_offset "${starts[i]}"
        else
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -c -f -- "$cur")
        fi
        return
    done
    if [[ $i -lt ${#words[@]} ]]; then
        option=''
        if [[ $cur == --*=* ]]; then
            option=${cur%%=*}
            cur=${cur#*=}
        fi
    fi
    case $option in
@CASES@    esac
    if [[ $cur == -* ]]; then
        _glovebox_words '@OPTIONS@'
    elif [[ ${#words[@]} -eq 2 ]]; then
        _glovebox_words '@VERBS@'
    else
        mapfile -t COMPREPLY < <(compgen -c -- "$cur")
    fi
}
complete -F _glovebox glovebox
)",
                {{"@WITH_OPERAND@", option_words(kRunning, true)},
                 {"@OPTIONS@", option_words(kRunning, false)},
                 {"@VERBS@", verb_words(' ')},
                 {"@CASES@", cases}});
}

std::string render_zsh()
{
    std::string options;
    for (const Option& option : option_table())
        options += zsh_spec(option);
    return fill(R"(#compdef glovebox
# zsh completion for glovebox, made from its option table.

_glovebox() {
    local -a verbs options
    verbs=(@VERBS@)
    options=(
@OPTIONS@    )
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
)",
                {{"@VERBS@", verb_words(' ')}, {"@OPTIONS@", options}});
}

std::string render_fish()
{
    std::string verbs;
    for (const VerbRow& row : verb_table())
        verbs += "complete -c glovebox -n 'test (count (commandline -opc)) -eq 1' -a " + std::string(row.name) + " -d '" +
                 replace_all(row.help, "'", "\\'") + "'\n";
    std::string options;
    for (const Option& option : option_table())
        options += fish_line(option);
    return fill(R"(# fish completion for glovebox, made from its option table.

# The words from the command on, ended by NUL; fails where the command has not begun.
function __glovebox_command
    set -l words (commandline -opc)
    set -e words[1]
    if contains -- "$words[1]" @VERBS@
        set -e words[1]
    end
    while set -q words[1]
        if not string match -q -- '-*' $words[1]
            string join0 -- $words (commandline -ct)
            return 0
        end
        set -l word $words[1]
        set -e words[1]
        if test "$word" = --
            string join0 -- $words (commandline -ct)
            return 0
        end
        contains -- $word @WITH_OPERAND@; and set -e words[1]
    end
    return 1
end

function __glovebox_before_command
    not __glovebox_command >/dev/null
end

function __glovebox_complete_command
    __fish_complete_subcommand --commandline (__glovebox_command | string split0)
end

complete -c glovebox -f
complete -c glovebox -x -n 'not __glovebox_before_command' -a '(__glovebox_complete_command)'
complete -c glovebox -n __glovebox_before_command -a '(__fish_complete_command)'
@VERBS_HELP@@OPTIONS@)",
                {{"@WITH_OPERAND@", option_words(kRunning, true)},
                 {"@VERBS@", verb_words(' ')},
                 {"@VERBS_HELP@", verbs},
                 {"@OPTIONS@", options}});
}

} // namespace glovebox::cli
