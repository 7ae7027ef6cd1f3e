// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// Times programs that compete at the same work, one after the other in rounds, so that what slows
// the machine down for a while slows all of them down.

#include <optional>
#include <string>
#include <vector>

namespace glovebox::bench {

struct Contestant {
    std::string name;
    std::vector<std::string> command; ///< absolute path of the program first
    int args_fd = -1;                 ///< a file that the program reads from its beginning, or none
};

struct Quartiles {
    double q1 = 0;
    double median = 0;
    double q3 = 0;
};

struct Timing {
    std::string name;
    Quartiles milliseconds;
    /// The first contestant's time over this one's, taken within each round. None for the first.
    std::optional<Quartiles> ratio;
};

/// Rounds of one launch each, in alternating order, after a few that do not count. A launch lasts
/// from posix_spawn to the end of the program that was started; std::runtime_error when that fails.
std::vector<Timing> measure(const std::vector<Contestant>& contestants, int rounds);

/// Runs it once: "" when it exits with 0, else how it ended and what it wrote to standard error.
std::string try_once(const Contestant& contestant);

} // namespace glovebox::bench
