#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: the glovebox authors
"""Programs that must run under a filter: compilers, interpreters and tools, each doing real work.

survivors.py UNDER default|strict
"""

import os
import shutil
import subprocess
import sys
import tempfile

# Name; the program and its Debian package; the policies that it survives; a shell script that prints "fine".
BOTH = "default strict"
SURVIVORS = [
    ("shell", "sh", "dash", BOTH, "seq 1 1000 | sort -r | tail -n 1 | grep -qx 1 && (sleep 0.01 & wait) && echo fine"),
    ("coreutils", "cp", "coreutils", BOTH,
     "cp -a /etc/passwd a && cp --reflink=auto a b && mv b c && ln c d && ln -s d e && touch -d yesterday e && cat e | cmp - a"
     " && install -m 755 a f && mkdir -p g/h && rm -r g && df . >df && echo fine"),
    ("gcc", "gcc", "gcc", BOTH,
     "printf '#include <stdio.h>\\nint main(void) { puts(\"fine\"); }\\n' >a.c && gcc -O2 -pipe a.c -o a && ./a"),
    ("g++", "g++", "g++", BOTH,
     "printf '#include <iostream>\\n#include <thread>\\nint main() { std::thread([] { std::cout << \"fine\\\\n\"; }).join(); }\\n' >a.cc"
     " && g++ -O2 -pthread a.cc -o a && ./a"),
    ("clang", "clang", "clang", BOTH,
     "printf '#include <stdio.h>\\nint main(void) { puts(\"fine\"); }\\n' >a.c && clang -O2 a.c -o a && ./a"),
    ("python", "python3", "python3", BOTH,
     """python3 -c '
import concurrent.futures, multiprocessing, socket, subprocess, tempfile, threading, time
assert subprocess.run(["true"]).returncode == 0
with tempfile.NamedTemporaryFile() as file: file.write(b"x")
with concurrent.futures.ThreadPoolExecutor() as pool: assert sum(pool.map(int, "123")) == 6
with multiprocessing.Pool(2) as pool: assert pool.map(abs, [-1, -2]) == [1, 2]
a, b = socket.socketpair(); a.send(b"x"); assert b.recv(1) == b"x"
server = socket.create_server(("127.0.0.1", 0)); socket.create_connection(server.getsockname())
socket.getaddrinfo("localhost", 80); socket.if_nameindex(); time.sleep(0.01)
print("fine")'"""),
    ("java", "javac", "openjdk-17-jdk-headless", BOTH,
     "printf 'public class A { public static void main(String[] a) throws Exception {"
     " new ProcessBuilder(\"true\").start().waitFor(); System.gc(); System.out.println(\"fine\"); } }' >A.java"
     " && javac -J-Xmx256m A.java && java -Xmx256m A"),
    ("node", "node", "nodejs", BOTH,
     """node -e '
const {execSync} = require("child_process"), fs = require("fs"), {Worker} = require("worker_threads"), http = require("http");
execSync("true"); fs.writeFileSync("a", "x"); fs.watch(".").close();
const server = http.createServer((_, answer) => answer.end("x")).listen(0, "127.0.0.1", () =>
  http.get("http://127.0.0.1:" + server.address().port, answer => answer.on("data", () => {}).on("end", () => { server.close();
    new Worker("0", {eval: true}).on("exit", () => console.log("fine")); })));'"""),
    ("go", "go", "golang-go", BOTH,
     "mkdir m && cd m && printf 'package main\\nimport (\"net\"; \"os/exec\"; \"fmt\")\\nfunc main() {"
     " l, err := net.Listen(\"tcp\", \"127.0.0.1:0\"); if err != nil { panic(err) }; l.Close();"
     " if exec.Command(\"true\").Run() == nil { fmt.Println(\"fine\") } }\\n' >a.go && printf 'module m\\n' >go.mod"
     " && GOCACHE=$PWD/../cache GOPATH=$PWD/../path GOFLAGS=-p=2 go build -o a . && ./a"),
    ("rust", "rustc", "rustc", BOTH,
     "printf 'fn main() { std::thread::spawn(|| println!(\"fine\")).join().unwrap(); assert!(std::process::Command::new(\"true\")"
     ".status().unwrap().success()); }' >a.rs && rustc -O a.rs && ./a"),
    ("git", "git", "git", BOTH,
     "git init -q r && cd r && echo x >a && git add a && git -c user.name=a -c user.email=a@b commit -qm x && git gc -q"
     " && git clone -q . ../s && git -C ../s log --oneline >log && git -C ../s status --short && echo fine"),
    ("make", "make", "make", BOTH, "printf 'all: a b\\n\\t@echo fine\\na b:\\n\\t@touch $@\\n' >Makefile && make -s -j4"),
    ("cmake", "cmake", "cmake", BOTH,
     "printf 'cmake_minimum_required(VERSION 3.10)\\nproject(a C)\\nfind_package(Threads)\\nadd_executable(a a.c)\\n' >CMakeLists.txt"
     " && printf '#include <stdio.h>\\nint main(void) { puts(\"fine\"); }\\n' >a.c && cmake -S . -B b >log && cmake --build b >log && b/a"),
    ("meson", "meson", "meson", BOTH,
     "printf \"project('a', 'c')\\nexecutable('a', 'a.c')\\n\" >meson.build"
     " && printf '#include <stdio.h>\\nint main(void) { puts(\"fine\"); }\\n' >a.c && meson setup b >log && ninja -C b >log && b/a"),
    ("tar", "tar", "tar", BOTH,
     "mkdir a && echo x >a/b && ln a/b a/c && ln -s b a/d && tar -czf a.tar.gz a && mkdir e && tar -xzpf a.tar.gz -C e && cmp a/b e/a/d && echo fine"),
    ("fakeroot", "fakeroot", "fakeroot", BOTH,
     "fakeroot sh -c 'touch a && chown 7:8 a && mknod b c 1 3 && chmod 4755 a && stat -c %u:%g:%a a' | grep -qx 7:8:4755 && echo fine"),
    ("strace", "strace", "strace", "default", "strace -f -o log sh -c 'true; true' && grep -q execve log && echo fine"),
    ("gdb", "gdb", "gdb", "default",
     "printf 'int main(void) { return 7; }\\n' >a.c && gcc -g a.c -o a && gdb -nx -batch -ex 'break main' -ex run -ex continue ./a >log 2>&1"
     " && grep -q 'exited with code 07' log && echo fine"),
    ("ASan with its leak checker", "gcc", "gcc", "default",
     "printf '#include <stdio.h>\\n#include <stdlib.h>\\nint main(void) { free(malloc(9)); puts(\"fine\"); }\\n' >a.c"
     " && gcc -fsanitize=address a.c -o a && ASAN_OPTIONS=detect_leaks=1 ./a"),
    ("ASan", "gcc", "gcc", "strict",
     "printf '#include <stdio.h>\\n#include <stdlib.h>\\nint main(void) { free(malloc(9)); puts(\"fine\"); }\\n' >a.c"
     " && gcc -fsanitize=address a.c -o a && ASAN_OPTIONS=detect_leaks=0 ./a"),
    ("valgrind", "valgrind", "valgrind", BOTH, "valgrind -q true && echo fine"),
    ("setarch", "setarch", "util-linux", BOTH, "setarch -R echo fine"),
]

# The same for sandboxes inside, under --nesting.
NESTED = [
    ("unshare", "unshare", "util-linux", BOTH,
     "unshare -r -m -p -f -u sh -c 'hostname x && mount -t tmpfs none /mnt && mount --rbind / /mnt && echo fine'"),
    ("bubblewrap", "bwrap", "bubblewrap", BOTH, "bwrap --ro-bind / / --dev /dev --tmpfs /tmp --unshare-user --unshare-uts --hostname x echo fine"),
]

# What the policies break, so that the list above is known to be no accident.
VICTIMS = [
    ("strace", "strace", "strace", "strict", "strace -o log true; echo $?"),
    ("unshare", "unshare", "util-linux", BOTH, "unshare -r true; echo $?"),
    ("setuid program", "install", "coreutils", BOTH, "install -m 4755 /etc/passwd a; echo $?"),
]


def run(command, script):
    with tempfile.TemporaryDirectory() as place:
        environment = {**os.environ, "HOME": place, "TMPDIR": place, "LC_ALL": "C.UTF-8"}
        environment.setdefault("RUSTUP_HOME", os.path.expanduser("~/.rustup"))
        done = subprocess.run([*command, "sh", "-c", script], cwd=place, env=environment, capture_output=True, text=True, check=False)
    return done.stdout.strip(), done.stderr.strip()[-1000:]


def main():
    under, policy = os.path.abspath(sys.argv[1]), sys.argv[2]
    if run([under, policy], "echo fine")[0] != "fine":
        print("SKIP: no filter can be installed here")
        sys.exit(77)
    failures = 0
    for rows, options, is_expected in (
        (SURVIVORS, [], lambda text: text == "fine"),
        (NESTED, ["--nesting"], lambda text: text == "fine"),
        (VICTIMS, [], lambda text: text not in ("0", "")),
    ):
        for name, program, package, policies, script in rows:
            label = " ".join([name, *options])
            if policy not in policies.split():
                continue
            if not shutil.which(program):
                print(f"SKIP {label}: {program} is not installed (Debian: {package})")
                continue
            output, errors = run([under, policy, *options], script)
            if is_expected(output):
                print(f"ok   {label}")
            elif rows is not VICTIMS and run([], script)[0] != "fine":
                print(f"SKIP {label}: it does not work without a filter either")
            else:
                failures += 1
                print(f"FAIL {label}: {output!r}\n{errors}")
    sys.exit(1 if failures else 0)


main()
