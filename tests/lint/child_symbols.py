#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the glovebox authors
"""What the code between clone and exec links: only the calls of src/sys, which only make system
calls, and functions on memory. No allocation, no exception, no stdio, no name service.

child_symbols.py NM LIBCHILD LIBSYS
"""

import re
import subprocess
import sys

MEMORY = r"mem(cpy|set|cmp|move|chr)|str(len|cmp|ncmp|cpy|cat)|__(mem|str)(cpy|cat|set|move)_chk"
COMPILER = r"__stack_chk_fail|_GLOBAL_OFFSET_TABLE_"
CHILD = r"apply_layer|apply_setup|attach|close_staging|make_filesystem|make_point|open_inside|open_parent|write_proc"
ALLOWED = {
    # run/child.cc, layer.cc, mounts.cc, setup.cc: sys, each other, and what the compiler puts in.
    "child": rf"glovebox::sys::\w+\(.*|glovebox::run::({CHILD})\(.*|{MEMORY}|{COMPILER}",
    # sys: each other, and wrappers without a lock, a buffer or a cache.
    "sys": rf"glovebox::sys::\w+\(.*|syscall|vfork|clock_gettime|getpgrp|l?stat(64)?|fstat(64)?|__errno_location|{MEMORY}|{COMPILER}",
}


def undefined(nm, library):
    """Undefined symbols of each object of a static library, demangled."""
    listing = subprocess.run([nm, "-u", "-C", library], check=True, capture_output=True, text=True).stdout
    return [line.split(maxsplit=1)[1] for line in listing.splitlines() if re.match(r"\s+[Uw] ", line)]


def main():
    nm, child, system = sys.argv[1:]
    failed = False
    for name, library in (("child", child), ("sys", system)):
        symbols = undefined(nm, library)
        wrong = [symbol for symbol in symbols if not re.fullmatch(ALLOWED[name], symbol)]
        for symbol in wrong:
            print(f"{name}: {symbol} may not be used between clone and exec")
        print(f"{name}: {len(symbols)} undefined symbols, {len(wrong)} not allowed")
        # Next to none would mean that the listing was not understood.
        failed |= bool(wrong) or len(symbols) < 5
    sys.exit(failed)


main()
