// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "difference.h"

#include <algorithm>
#include <sstream>
#include <vector>

namespace glovebox::test {
namespace {

/// " 12  binding /usr" without the number.
std::string without_number(const std::string& line)
{
    const std::size_t digits = line.find_first_not_of(' ');
    const std::size_t end = line.find_first_not_of("0123456789", digits);
    const bool numbered = digits != end && end != std::string::npos && line.compare(end, 2, "  ") == 0;
    return numbered ? line.substr(end + 2) : line;
}

std::vector<std::string> lines_of(const std::string& text)
{
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
        lines.push_back(without_number(line));
    return lines;
}

} // namespace

std::string difference(const std::string& from, const std::string& to)
{
    const std::vector<std::string> a = lines_of(from);
    const std::vector<std::string> b = lines_of(to);
    // common[i][j]: length of the longest common subsequence of what follows.
    std::vector<std::vector<int>> common(a.size() + 1, std::vector<int>(b.size() + 1, 0));
    for (std::size_t i = a.size(); i-- > 0;)
        for (std::size_t j = b.size(); j-- > 0;)
            common[i][j] = a[i] == b[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);

    std::string out;
    bool in_group = false;
    const auto show = [&](const char* sign, const std::string& line, std::size_t before) {
        if (!in_group && before > 0)
            out += "  " + a[before - 1] + "\n";
        in_group = true;
        out += sign + line + "\n";
    };
    for (std::size_t i = 0, j = 0; i < a.size() || j < b.size();) {
        if (i < a.size() && j < b.size() && a[i] == b[j]) {
            in_group = false;
            ++i;
            ++j;
        } else if (j == b.size() || (i < a.size() && common[i + 1][j] >= common[i][j + 1])) {
            show("- ", a[i], i);
            ++i;
        } else {
            show("+ ", b[j], i);
            ++j;
        }
    }
    return out;
}

} // namespace glovebox::test
