// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "review/outputs.h"

#include "review/copy.h"
#include "review/transaction.h"
#include "text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

namespace glovebox::review {
namespace {

struct Output {
    const OutputRequest* request = nullptr;
    std::string source_parent;
    std::string source_name;
    struct ::stat source = {};
    bool is_whole_directory = false; ///< the source is request->directory itself
    std::string target_parent; ///< below "/"
    std::string target_name;
    std::optional<struct ::stat> target;
};

/// "a/b/c" -> "a/b" and "c"; "c" -> "." and "c".
std::pair<std::string, std::string> split_path(std::string path)
{
    while (path.ends_with('/'))
        path.pop_back();
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos)
        return {".", std::move(path)};
    return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

std::unexpected<Error> source_error(const OutputRequest& request, int error)
{
    const std::string name = "the output " + quote(request.path);
    if (error == ENOENT || error == ENOTDIR)
        return fail(name + " is missing", {}, request.from, "the command did not make it");
    if (error == EXDEV || error == ELOOP)
        return fail(name + " is behind a symbolic link that leads out of its directory", {}, request.from);
    return fail("reading " + name, std::strerror(error), request.from);
}

std::unexpected<Error> target_error(const OutputRequest& request, std::string why, std::string hint = {})
{
    return fail("writing the output " + quote(request.host), std::move(why), request.from, std::move(hint));
}

sys::Fd open_source_parent(const Output& output)
{
    return sys::Fd(sys::open_beneath(output.request->directory, output.source_parent.c_str(), O_PATH | O_DIRECTORY, sys::Links::follow));
}

Result<> find_source(Output& output)
{
    const OutputRequest& request = *output.request;
    auto [parent, name] = split_path(request.path);
    if (name.empty() || name == "." || name == "..") {
        parent = request.path.empty() ? "." : request.path;
        name = ".";
    }
    output.source_parent = parent;
    output.source_name = name;
    const sys::Fd opened = open_source_parent(output);
    const int found = opened ? sys::statat(opened.get(), name.c_str(), &output.source) : opened.error();
    if (found < 0)
        return source_error(request, -found);
    if (is_special(output.source.st_mode))
        return fail("the output " + quote(request.path) + " is a " + std::string(kind_name(output.source.st_mode)), {}, request.from);
    struct ::stat top = {};
    sys::fstat(request.directory, &top);
    output.is_whole_directory = top.st_dev == output.source.st_dev && top.st_ino == output.source.st_ino;
    return {};
}

/// Whether the process works in the directory `path`, or somewhere in it.
bool holds_working_directory(const std::string& path)
{
    std::array<char, PATH_MAX> buffer;
    if (sys::getcwd(buffer.data(), buffer.size()) < 0)
        return false;
    return (std::string(buffer.data()) + "/").starts_with(path == "/" ? path : path + "/");
}

Result<> find_target(Output& output, int root)
{
    const OutputRequest& request = *output.request;
    auto [parent, name] = split_path(request.host);
    if (name.empty() || name == "." || name == "..")
        return target_error(request, "it is no name of a file or directory");
    output.target_parent = parent == "/" ? "." : parent.substr(1);
    output.target_name = name;
    Parent opener;
    const int opened = opener.open(root, output.target_parent);
    if (opened == -ENOENT)
        return target_error(request, "there is no directory " + quote(parent), "make it before: mkdir -p " + quote(parent));
    if (opened == -ELOOP)
        return target_error(request, "a symbolic link has come into its path");
    if (opened < 0)
        return target_error(request, std::strerror(-opened));
    if (const int allowed = sys::accessat(opened, ".", W_OK | X_OK); allowed < 0)
        return target_error(request, std::strerror(-allowed));
    struct ::stat status = {};
    const int found = sys::statat(opened, name.c_str(), &status);
    if (found < 0)
        return found == -ENOENT ? Result<>() : target_error(request, std::strerror(-found));
    output.target = status;
    if (S_ISDIR(status.st_mode) == S_ISDIR(output.source.st_mode))
        return S_ISDIR(status.st_mode) && holds_working_directory(request.host)
                   ? target_error(request, "it would replace the working directory", "name a directory in it")
                   : Result<>();
    if (S_ISDIR(status.st_mode))
        return target_error(request, "it is a directory", "name the file in it: " + quote(request.host + "/" + output.source_name));
    return target_error(request, "the output is a directory, and a " + std::string(kind_name(status.st_mode)) + " is there");
}

/// One target that is another, or lies in it.
Result<> check_overlap(std::span<const OutputRequest> requests)
{
    std::vector<const OutputRequest*> sorted;
    for (const OutputRequest& request : requests)
        sorted.push_back(&request);
    std::ranges::sort(sorted, {}, [](const OutputRequest* request) { return request->host + "/"; });
    for (std::size_t i = 1; i < sorted.size(); ++i)
        if ((sorted[i]->host + "/").starts_with(sorted[i - 1]->host + "/"))
            return target_error(*sorted[i], "the output " + quote(sorted[i - 1]->host) + " is written there, too");
    return {};
}

} // namespace

Result<std::vector<OutputResult>> write_outputs(std::span<const OutputRequest> requests)
{
    const sys::Fd root(sys::open("/", O_PATH | O_DIRECTORY));
    if (Result<> apart = check_overlap(requests); !apart)
        return std::unexpected(apart.error());
    std::vector<Output> outputs(requests.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        outputs[i].request = &requests[i];
        Result<> found = find_source(outputs[i]);
        if (found)
            found = find_target(outputs[i], root.get());
        if (!found)
            return std::unexpected(found.error());
    }

    std::vector<OutputResult> results;
    Transaction transaction;
    for (const Output& output : outputs) {
        const OutputRequest& request = *output.request;
        const std::string hidden =
            transaction.replace({root.get(), output.target_parent, output.target_name, request.host, request.from}, output.target);
        Parent target;
        const Result<Copied> copied =
            copy_tree(open_source_parent(output).get(), output.source_name, target.open(root.get(), output.target_parent), hidden,
                      {request.path, output.is_whole_directory ? request.without : std::string()});
        if (!copied)
            return fail(copied.error().what + " to " + quote(request.host), copied.error().why, request.from);
        results.push_back({request.path, request.host, copied->files, copied->bytes});
    }
    if (Result<> committed = transaction.commit(); !committed)
        return std::unexpected(committed.error());
    return results;
}

} // namespace glovebox::review
