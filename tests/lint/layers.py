#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the glovebox authors
"""Who may know whom: checks the #include lines of src/ against the table below.

layers.py SRC
"""

import pathlib
import re
import sys

# Each layer and the layers whose headers it may include. `base` is src/result.h and src/text.*.
KNOWS = {
    "base": {"base"},
    "sys": {"base", "sys"},
    "spec": {"base", "spec"},
    "cli": {"base", "spec", "cli"},
    "filter": {"base", "filter"},
    "plan": {"base", "spec", "filter", "plan"},
    "review": {"base", "sys", "review"},
    "run": {"base", "sys", "plan", "review", "run"},
    "verbs": {"base", "sys", "spec", "cli", "filter", "plan", "review", "run", "verbs"},
    "main": {"base", "sys", "cli", "verbs"},
}

# Files that may know more than their layer.
ALSO_KNOWS = {"plan/host.cc": {"sys"}}

# Headers of libraries and of the kernel's doors that only one layer may open.
RESERVED = {
    r"boost/": "cli",
    r"seccomp\.h|nlohmann/": "filter",
    r"sys/syscall\.h|linux/(openat2|sched|keyctl|landlock)\.h": "sys",
}
RESERVED_EXCEPTIONS = {
    # RESOLVE_* flags, which are part of openat2's typed interface.
    ("run/mounts.cc", "linux/openat2.h"),
}


def layer_of(path):
    folder, _, _ = path.rpartition("/")
    if folder:
        return folder.partition("/")[0]
    return "main" if path == "main.cc" else "base"


def violations(files):
    """`files` maps a path below src/ to its text. Gives one line for each forbidden include."""
    found = []
    for path, text in sorted(files.items()):
        layer = layer_of(path)
        if layer not in KNOWS:
            found.append(f"{path}: the folder {layer} is in no row of the table")
            continue
        allowed = KNOWS[layer] | ALSO_KNOWS.get(path, set())
        for line, content in enumerate(text.splitlines(), 1):
            include = re.match(r'\s*#\s*include\s*(["<])([^">]+)', content)
            if not include:
                if re.search(r"\bsyscall\s*\(", content) and layer != "sys":
                    found.append(f"{path}:{line}: a raw system call outside sys")
                continue
            kind, header = include.groups()
            if kind == '"' and layer_of(header) not in allowed:
                found.append(f"{path}:{line}: {layer} must not know {header}")
            for pattern, owner in RESERVED.items():
                if re.match(pattern, header) and layer != owner and (path, header) not in RESERVED_EXCEPTIONS:
                    found.append(f"{path}:{line}: <{header}> is for {owner} alone")
    return found


def check_the_check():
    """A lint that finds nothing must be able to find something."""
    bad = {
        "run/a.cc": '#include "spec/spec.h"\n',
        "plan/plan.cc": '#include "sys/calls.h"\n',
        "cli/b.cc": '#include "plan/plan.h"\n',
        "spec/c.cc": "#include <boost/any.hpp>\n",
        "plan/d.cc": "long x = ::syscall(1);\n",
        "new/e.cc": "\n",
    }
    good = {"plan/host.cc": '#include "sys/calls.h"\n#include "text.h"\n', "main.cc": '#include "verbs/verbs.h"\n'}
    assert len(violations(bad)) == len(bad), violations(bad)
    assert not violations(good), violations(good)


def main():
    check_the_check()
    source = pathlib.Path(sys.argv[1])
    files = {
        path.relative_to(source).as_posix(): path.read_text(encoding="utf-8")
        for path in source.rglob("*")
        if path.suffix in (".cc", ".h")
    }
    found = violations(files)
    print("\n".join(found) or f"{len(files)} files keep to their layers")
    sys.exit(1 if found or len(files) < 10 else 0)


main()
