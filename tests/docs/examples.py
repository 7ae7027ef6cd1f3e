#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the glovebox authors
"""Runs the examples of a document, and compares what they print with what it says.

examples.py DOCUMENT GLOVEBOX

An example is a fenced block whose first line begins with "$ ": commands, each followed by what it
prints on standard output and standard error. "> " continues a command, "..." stands for any text,
alone on a line for any lines. All examples of a document run in one fresh directory in the home of
an ordinary user: as root, that of GLOVEBOX_TEST_USER (glovebox-test).
"""

import difflib
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys
import tempfile


def examples(text):
    """Gives (line number, command, expected output) of each command in each example."""
    found = []
    for block in re.finditer(r"^```.*\n([\s\S]*?)^```", text, re.M):
        first = text.count("\n", 0, block.start(1)) + 1
        lines = block[1].splitlines()
        if not lines or not lines[0].startswith("$ "):
            continue
        for number, line in enumerate(lines, first):
            if line.startswith("$ "):
                found.append((number, [line[2:]], []))
            elif line.startswith("> ") and not found[-1][2]:
                found[-1][1].append(line[2:])
            else:
                found[-1][2].append(line)
    return [(number, "\n".join(command), "\n".join(output).rstrip("\n")) for number, command, output in found]


def matches(expected, actual):
    pattern = "\n".join(
        r"(.*)" if line == "..." else re.escape(line).replace(re.escape("..."), "[^\n]*")
        for line in expected.split("\n")
    )
    return re.fullmatch(pattern, actual, re.DOTALL) is not None


def ordinary_user():
    """Keyword arguments for subprocess, home and name of who runs the examples."""
    entry = pwd.getpwuid(os.getuid())
    if os.getuid() != 0:
        return {}, entry
    name = os.environ.get("GLOVEBOX_TEST_USER", "glovebox-test")
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        sys.exit(f"there is no user {name} to run the examples as: useradd --create-home {name}")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}, entry


def main():
    document, glovebox = map(pathlib.Path, sys.argv[1:])
    identity, user = ordinary_user()
    found = examples(document.read_text(encoding="utf-8"))
    if not found:
        sys.exit(f"{document.name} has no examples")
    directory = tempfile.mkdtemp(prefix="example-", dir=user.pw_dir)
    os.chown(directory, user.pw_uid, user.pw_gid)
    environment = {
        "HOME": user.pw_dir,
        "USER": user.pw_name,
        "PATH": f"{glovebox.resolve().parent}:/usr/local/bin:/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
    }
    status, failures = 0, 0
    for number, command, expected in found:
        run = subprocess.run(
            ["sh", "-c", f"(exit {status})\n{command}"],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            **identity,
        )
        status = run.returncode
        actual = run.stdout.rstrip("\n")
        if not matches(expected, actual):
            failures += 1
            print(f"{document.name}:{number}: $ {command}")
            print("\n".join(difflib.unified_diff(expected.split("\n"), actual.split("\n"), "document", "here", lineterm="")))
    shutil.rmtree(directory)
    print(f"{document.name}: {len(found)} commands, {failures} print something else")
    sys.exit(failures > 0)


main()
