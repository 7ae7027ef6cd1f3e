// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// A kernel that does nothing: linked in the place of src/sys/calls.cc. Every call is recorded and
// succeeds, unless the test answers otherwise.

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace glovebox::test {

struct Call {
    std::string name;
    std::string arguments; ///< "7, /usr/bin, 0"
    std::size_t index = 0; ///< the first call is 0
};

/// The result of a call, or nothing where it is to succeed.
using Answer = std::function<std::optional<long>(const Call&)>;

constexpr int kCommandPid = 42;
constexpr int kNothingYet = -1;

struct FakeKernel {
    Answer answer;
    std::map<std::string, std::string> files; ///< what open() and read() find; others are empty
    std::string cwd = "/";
    std::vector<int> wait_statuses = {0}; ///< of the command, one for each wait4(); kNothingYet for none
    std::vector<std::string> messages;    ///< what receive() finds, one after the other; "" is the end

    std::set<int> open_descriptors;

    std::vector<Call> calls;       ///< made so far
    std::vector<std::string> sent; ///< bytes of each send() and send_descriptor()
};

/// The one that the calls go to from now on.
FakeKernel& install(FakeKernel fresh = {});
FakeKernel& kernel();

/// Every call named `name` (with these `arguments`, if given) fails with `error`.
FakeKernel refusing(std::string name, int error, std::string arguments = {});

/// Runs `body` until it calls sys::exit; gives the status. A child of sys::spawn ends with exit, or
/// with an execve that succeeds, and its parent goes on then.
int run_until_exit(const std::function<void()>& body);

} // namespace glovebox::test
