#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the glovebox authors
"""The form of the files: header, white space, line ends; and for C++ what clang-format says.

format.py ROOT [CLANG-FORMAT]
"""

import pathlib
import re
import subprocess
import sys

FOLDERS = ("src", "tests", "man", "completions")
CODE = {".cc": "// ", ".h": "// ", ".py": "# ", ".sh": "# "}
TEXT = set(CODE) | {".md", ".build", ".scd", ".wrap"}
HEADER = ("SPDX-License-Identifier: Apache-2.0", "SPDX-FileCopyrightText: the glovebox authors")
# clang-format aims at 120; a raw string or a message may go beyond.
LONGEST = 180


def complaints(path, text):
    found = []
    lines = text.splitlines()
    if path.suffix in CODE:
        start = 1 if lines and lines[0].startswith("#!") else 0
        if tuple(line.removeprefix(CODE[path.suffix]) for line in lines[start : start + 2]) != HEADER:
            found.append("does not begin with the two SPDX lines")
        found += [f"{n}: longer than {LONGEST} columns" for n, line in enumerate(lines, 1) if len(line) > LONGEST]
    if text and not text.endswith("\n"):
        found.append("does not end with a newline")
    if text.endswith("\n\n"):
        found.append("ends with an empty line")
    for number, line in enumerate(lines, 1):
        if re.search(r"[ \t]+$", line) and not (path.suffix == ".md" and line.endswith("  ")):
            found.append(f"{number}: white space at the end")
        if "\t" in line and path.suffix != ".scd":
            found.append(f"{number}: a tab")
    return found


def files(root):
    for path in sorted(root.iterdir()):
        if path.is_file() and (path.suffix in TEXT or path.name == "dev"):
            yield path
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and path.suffix in TEXT:
                yield path


def main():
    root = pathlib.Path(sys.argv[1])
    found = []
    checked = list(files(root))
    for path in checked:
        for complaint in complaints(path, path.read_text(encoding="utf-8")):
            found.append(f"{path.relative_to(root)}:{complaint}")
    print("\n".join(found) or f"{len(checked)} files are in form")
    failed = bool(found) or len(checked) < 20
    if len(sys.argv) > 2:
        sources = [str(path) for path in checked if path.suffix in (".cc", ".h")]
        failed |= subprocess.run([sys.argv[2], "--dry-run", "-Werror", "--style=file", *sources]).returncode != 0
    sys.exit(failed)


main()
