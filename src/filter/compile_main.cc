// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// Writes builtin.cc, the policies as text and as programs for each machine; run by the build:
//
//   compile_policies kDefaultPolicy=default.policy kStrictPolicy=strict.policy

#include "filter/compile.h"

#include <cstdio>
#include <fstream>
#include <sstream>

namespace {

using namespace glovebox;

Result<> write_program(const filter::PolicyTable& table, const char* machine, bool allow_nesting, const std::string& name)
{
    const auto program = filter::compile_policy(table, machine, allow_nesting);
    if (!program)
        return std::unexpected(program.error());
    std::printf("constexpr struct ::sock_filter %s[] = {\n", name.c_str());
    for (const struct ::sock_filter& step : *program)
        std::printf("    {0x%02x, %u, %u, 0x%08x},\n", step.code, step.jt, step.jf, step.k);
    std::printf("};\n");
    return {};
}

Result<> write_policy(const std::string& name, const std::string& path)
{
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    const auto table = filter::parse_policy(text.str(), path);
    if (!table)
        return std::unexpected(table.error());
    for (const char* machine : {"x86_64", "aarch64"}) {
        std::printf("\n#if defined(__%s__)\nnamespace {\n", machine);
        for (const bool allow_nesting : {false, true})
            if (auto written =
                    write_program(*table, machine, allow_nesting, name + (allow_nesting ? "Nesting" : "Plain"));
                !written)
                return written;
        std::printf("} // namespace\n#endif\n");
    }
    std::printf("\nconstinit const Builtin %s = {R\"policy(%s)policy\", %sPlain, %sNesting};\n", name.c_str(),
                text.str().c_str(), name.c_str(), name.c_str());
    return {};
}

} // namespace

int main(int argc, char** argv)
{
    std::printf("// Made by the build.\n#include \"filter/builtin.h\"\n\nnamespace glovebox::filter {\n");
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        const std::size_t equals = argument.find('=');
        if (const auto written = write_policy(argument.substr(0, equals), argument.substr(equals + 1)); !written) {
            std::fprintf(stderr, "%s: %s\n", written.error().what.c_str(), written.error().why.c_str());
            return 1;
        }
    }
    std::printf("\n} // namespace glovebox::filter\n");
    return 0;
}
