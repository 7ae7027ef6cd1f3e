// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "case.h"

#include "cli/parse.h"
#include "fake_host.h"

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace glovebox::test {
namespace {

void apply_directive(plan::Host& host, const std::string& line)
{
    const std::size_t space = std::min(line.find(' '), line.size());
    const std::string name = line.substr(1, space - 1);
    const std::string value = line.substr(std::min(space + 1, line.size()));
    if (name == "cwd") {
        host.cwd = value;
    } else if (name == "home") {
        host.homes = {value};
    } else if (name == "terminal") {
        host.terminal = 0;
        host.foreground = value == "foreground";
    } else {
        throw std::runtime_error("unknown directive: " + line);
    }
}

} // namespace

std::vector<std::filesystem::path> golden_files()
{
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(GOLDEN_DIRECTORY))
        if (entry.path().extension() == ".args")
            files.push_back(entry.path());
    std::ranges::sort(files);
    return files;
}

Result<plan::Plan> plan_of(const std::filesystem::path& args_file)
{
    plan::Host host = make_fake_host();
    std::vector<std::string> words = {"glovebox"};
    std::ifstream in(args_file);
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with('@'))
            apply_directive(host, line);
        else if (!line.starts_with('#'))
            words.push_back(line);
    }
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    const Result<cli::Invocation> invocation = cli::parse_arguments(argv);
    return invocation ? plan::make_plan(invocation->spec, host) : std::unexpected(invocation.error());
}

} // namespace glovebox::test
