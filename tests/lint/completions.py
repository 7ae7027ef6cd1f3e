#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the glovebox authors
"""The renderings of the option table against each other, and the completions in the real shells.

completions.py RENDER GLOVEBOX table    --help, man page and completions name the same options
completions.py RENDER GLOVEBOX SHELL    bash, zsh or fish completes what it should
"""

import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile

# A program that only this test knows, with a completion of its own.
COMMAND = "gbx-only-command"
COMMAND_WORD = "alpha-word"

# What is typed before Tab, and what the last word then is; None: stays as it was.
CASES = [
    ("--hostn", "--hostname"),
    ("-q --keep-e", "--keep-env"),
    ("explain --js", "--json"),
    ("--net h", "host"),
    ("--net=h", "--net=host"),
    ("--ro /etc/os-rel", "/etc/os-release"),
    ("-w /etc/os-rel", "/etc/os-release"),
    ("--chdir /et", "/etc/"),
    ("expl", "explain"),
    (f"-- {COMMAND[:-3]}", COMMAND),
    (f"-q -r /usr {COMMAND[:-3]}", COMMAND),
    (f"--net=host {COMMAND[:-3]}", COMMAND),
    (f"-r /usr:/mnt {COMMAND[:-3]}", COMMAND),
    (f"explain --net none -- {COMMAND[:-3]}", COMMAND),
    (f"-q -- {COMMAND} {COMMAND_WORD[:3]}", COMMAND_WORD),
    (f"--ro /usr {COMMAND} {COMMAND_WORD[:3]}", COMMAND_WORD),
    (f"-- {COMMAND} --hostn", None),
]

BASH = """
PS1='READY> '
bind 'set enable-bracketed-paste off'
bind 'set bell-style none'
for file in /usr/share/bash-completion/bash_completion /etc/bash_completion; do
    [[ -r $file ]] && source "$file" && break
done
complete -W '{word}' {command}
source {folder}/completion
glovebox() {{ local IFS='|'; printf 'GOT[%s]\\n' "$*"; }}
"""

ZSH = """
PS1='READY> '
setopt no_auto_remove_slash no_beep no_prompt_cr no_prompt_sp
unset zle_bracketed_paste
fpath=({folder} $fpath)
autoload -Uz compinit && compinit -u -D
_gbx() {{ compadd {word} }}
compdef _gbx {command}
glovebox() {{ print -r -- "GOT[${{(j:|:)@}}]" }}
"""

FISH = """
complete -c {command} -f -a {word}
source {folder}/completion
complete -C {line}
"""


class Terminal:
    """An interactive shell on a pseudo-terminal."""

    def __init__(self, arguments, environment):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(arguments[0], arguments, environment)
        self.seen = ""

    def wait_for(self, pattern):
        """Reads until `pattern` comes, and gives the match; None if a minute passes without a word."""
        while not (match := re.search(pattern, self.seen)):
            ready, _, _ = select.select([self.fd], [], [], 60)
            try:
                data = os.read(self.fd, 65536) if ready else b""
            except OSError:
                data = b""
            if not data:
                return None
            self.seen += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\r", "", data.decode("utf-8", "replace"))
        self.seen = self.seen[match.end() :]
        return match

    def type(self, text):
        os.write(self.fd, text.encode())

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def interactive(shell, folder, environment):
    """Completes on a command line, and lets a function of the name glovebox say what came of it."""
    if shell == "bash":
        arguments = ["bash", "--noprofile", "--rcfile", f"{folder}/rc", "-i"]
    else:
        environment = environment | {"ZDOTDIR": folder}
        arguments = ["zsh", "-d", "-i"]
    terminal = Terminal(arguments, environment)

    def complete(line):
        if not terminal.wait_for("READY> "):
            return "(no prompt)"
        terminal.type(f"glovebox {line}\t\n")
        match = terminal.wait_for(r"\nGOT\[([^\]]*)\]")
        return match[1].split("|")[-1] if match else "(no answer)"

    return complete, terminal.close


def fish(folder, environment):
    def complete(line):
        script = FISH.format(folder=folder, command=COMMAND, word=COMMAND_WORD, line=f"'glovebox {line}'")
        out = subprocess.run(["fish", "--no-config", "-c", script], env=environment, capture_output=True, text=True)
        words = [entry.split("\t")[0] for entry in out.stdout.splitlines()]
        return words[0] if len(words) == 1 else line.split()[-1] if not words else f"one of {words}"

    return complete, lambda: None


def check_shell(shell, render):
    if not shutil.which(shell):
        print(f"SKIP: there is no {shell} here")
        sys.exit(1 if os.environ.get("GLOVEBOX_TEST_NO_SKIP") == "1" else 77)
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        command = pathlib.Path(folder, "bin", COMMAND)
        command.parent.mkdir()
        command.write_text("#!/bin/sh\n", encoding="utf-8")
        command.chmod(0o755)
        name = "_glovebox" if shell == "zsh" else "completion"
        pathlib.Path(folder, name).write_bytes(subprocess.run([render, shell], check=True, capture_output=True).stdout)
        texts = {"bash": ("rc", BASH), "zsh": (".zshrc", ZSH)}
        if shell in texts:
            file, text = texts[shell]
            pathlib.Path(folder, file).write_text(
                text.format(folder=folder, command=COMMAND, word=COMMAND_WORD), encoding="utf-8"
            )
        environment = os.environ | {
            "HOME": folder,
            "TERM": "xterm",
            "LC_ALL": "C.UTF-8",
            "PATH": f"{command.parent}:/usr/bin:/bin",
        }
        environment.pop("BASH_ENV", None)
        complete, close = fish(folder, environment) if shell == "fish" else interactive(shell, folder, environment)
        for line, wanted in CASES:
            got = complete(line)
            wanted = line.split()[-1] if wanted is None else wanted
            # zsh leaves the "=" that an operand would follow.
            good = got == wanted or shell == "zsh" and got == wanted + "="
            failures += not good
            print(f"{'ok' if good else 'NOT OK'}: {shell}: glovebox {line}<Tab> gives {got!r}, wanted {wanted!r}")
        close()
    sys.exit(failures > 0)


def check_table(render, glovebox):
    def text(*arguments):
        return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout

    renderings = {
        "--help": re.findall(r"^ +(?:-\w, )?--([a-z-]+)", text(glovebox, "--help"), re.M),
        "man page": re.findall(r"^(?:\*-\w\*, )?\*--([a-z-]+)\*", text(render, "scdoc"), re.M),
        "bash": re.findall(r"--([a-z-]+)", re.search(r"cur == -\*.*?_glovebox_words '([^']*)'", text(render, "bash"), re.S)[1]),
        "zsh": re.findall(r"^ +'\*--([a-z-]+)", text(render, "zsh"), re.M),
        "fish": re.findall(r"^complete .* -l ([a-z-]+)", text(render, "fish"), re.M),
    }
    reference = renderings["--help"]
    failed = len(reference) < 10 or len(set(reference)) != len(reference)
    for name, options in renderings.items():
        lacking, extra = set(reference) - set(options), set(options) - set(reference)
        print(f"{name}: {len(options)} options, lacking {sorted(lacking)}, beyond --help {sorted(extra)}")
        failed |= bool(lacking or extra)
    # And the parser knows them all: none is called unknown.
    for option in reference:
        out = subprocess.run([glovebox, "explain", f"--{option}=x", "--", "true"], capture_output=True, text=True)
        if "unknown option" in out.stderr:
            print(f"the parser does not know --{option}")
            failed = True
    sys.exit(failed)


def main():
    render, glovebox, what = sys.argv[1:]
    if what == "table":
        check_table(render, glovebox)
    else:
        check_shell(what, render)


main()
