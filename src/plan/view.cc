// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "plan/view.h"

#include "text.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <optional>

namespace glovebox::plan {
namespace {

/// ELOOP after as many links as the kernel follows (path_resolution(7)).
constexpr int kMaxLinks = 40;

/// A place in the view.
struct Node {
    enum class Kind : std::uint8_t { directory, file, symlink };
    Kind kind = Kind::directory;
    bool ours = true;      ///< in a file system that we made: entries can be added
    bool closed = false;   ///< procfs and the like: nothing can be mounted inside
    bool made = false;     ///< the place itself is made by us, not found on the host
    bool grows = false;    ///< not `ours`, but entries can be added all the same
    std::string host;      ///< the host path that is seen here, where not `ours`
    std::string link;      ///< text of the symlink
    const Request* request = nullptr; ///< what is mounted or made here; none: an implied directory
    const Request* cause = nullptr;   ///< the request that an implied directory was made for
    std::map<std::string, std::unique_ptr<Node>, std::less<>> children;
};

template <class... Fs>
struct Overloaded : Fs... {
    using Fs::operator()...;
};

class Tree {
public:
    explicit Tree(const Host& host) : host_(host) {}

    /// As try_place, but what is only asked for where possible may fail.
    Result<> place(const Request& request)
    {
        Result<> placed = try_place(request);
        return request.if_possible ? Result<>() : placed;
    }
    std::vector<Step> steps() const;

private:
    Result<> try_place(const Request& request);
    Result<Node*> walk(const Request& request, bool follow_last);
    Node* child(Node& parent, std::string_view name);
    Result<> fill(Node& node, const Request& request);
    static void emit(const Node& node, const std::string& path, std::vector<Step>& out);
    static void emit_request(const Node& node, const std::string& path, std::vector<Step>& out);

    const Host& host_;
    Node root_;
};

std::vector<std::string> components(std::string_view path)
{
    std::vector<std::string> parts;
    while (!path.empty()) {
        const std::size_t slash = std::min(path.find('/'), path.size());
        if (slash > 0)
            parts.emplace_back(path.substr(0, slash));
        path.remove_prefix(std::min(slash + 1, path.size()));
    }
    return parts;
}

std::size_t depth(std::string_view path)
{
    return path == "/" ? 0 : static_cast<std::size_t>(std::ranges::count(path, '/'));
}

std::unexpected<Error> cannot_place(const Request& request, std::string why, std::string hint)
{
    return fail("placing " + quote(request.target), std::move(why),
                spec::render_origin(request.origin), std::move(hint));
}

/// The entry `name` of `parent`, as known so far or as the host has it; null when there is none.
Node* Tree::child(Node& parent, std::string_view name)
{
    if (const auto found = parent.children.find(name); found != parent.children.end())
        return found->second.get();
    if (parent.ours)
        return nullptr;
    std::string path = parent.host == "/" ? "/" : parent.host + "/";
    path += name;
    PathFacts facts = host_.look(path);
    if (facts.type == FileType::missing)
        return nullptr;
    auto node = std::make_unique<Node>();
    node->ours = false;
    node->grows = parent.grows;
    node->host = std::move(path);
    node->link = std::move(facts.link);
    node->kind = facts.type == FileType::directory ? Node::Kind::directory
                 : facts.type == FileType::symlink ? Node::Kind::symlink
                                                   : Node::Kind::file;
    return (parent.children[std::string(name)] = std::move(node)).get();
}

/// The node at the request's target, made (with its parents) where the file system is ours.
Result<Node*> Tree::walk(const Request& request, bool follow_last)
{
    std::vector<std::string> rest = components(request.target);
    std::ranges::reverse(rest);
    std::vector<Node*> trail = {&root_}; // for ".." in symlinks
    int links = 0;
    while (!rest.empty()) {
        const std::string name = std::move(rest.back());
        rest.pop_back();
        if (name == ".")
            continue;
        if (name == "..") {
            if (trail.size() > 1)
                trail.pop_back();
            continue;
        }
        Node& parent = *trail.back();
        if (parent.kind != Node::Kind::directory)
            return cannot_place(request, "a component of the path is not a directory", {});
        if (parent.closed)
            return cannot_place(request, "nothing can be mounted inside /proc or a device file system",
                                "choose another destination");
        Node* next = child(parent, name);
        if (next == nullptr && !parent.ours && !parent.grows)
            return cannot_place(
                request, quote(parent.host) + " on the host has no entry " + quote(name),
                "make it on the host, choose a destination that exists, or one at the top of the tree");
        if (next == nullptr) {
            auto node = std::make_unique<Node>();
            node->made = true;
            node->cause = &request;
            next = (parent.children[name] = std::move(node)).get();
        }
        if (next->kind == Node::Kind::symlink && (follow_last || !rest.empty())) {
            if (++links > kMaxLinks)
                return cannot_place(request, std::strerror(ELOOP), {});
            if (next->link.starts_with('/'))
                trail.resize(1);
            std::vector<std::string> target = components(next->link);
            rest.insert(rest.end(), std::make_move_iterator(target.rbegin()),
                        std::make_move_iterator(target.rend()));
            continue;
        }
        trail.push_back(next);
    }
    return trail.back();
}

/// Checks that the kind of `request` fits what is there, and puts it there.
Result<> Tree::fill(Node& node, const Request& request)
{
    const auto* bind = std::get_if<HostPath>(&request.content);
    const bool is_symlink = std::holds_alternative<Symlink>(request.content);
    const bool is_file = std::holds_alternative<Text>(request.content) ||
                         (bind != nullptr && bind->type != FileType::directory);
    const bool implied = node.made && node.request == nullptr && node.children.empty();
    const Node::Kind kind = is_symlink ? Node::Kind::symlink
                            : is_file  ? Node::Kind::file
                                       : Node::Kind::directory;
    const bool replaces_symlink = node.kind == Node::Kind::symlink && node.made;
    if (!implied && !replaces_symlink && node.kind != kind)
        return cannot_place(request,
                            node.kind == Node::Kind::directory ? "a directory is there" : "a file is there",
                            is_symlink ? "choose a place that does not exist yet"
                                       : "a file can only cover a file, a directory only a directory");
    node.kind = kind;
    node.request = &request;
    node.link = is_symlink ? std::get<Symlink>(request.content).target : std::string();
    node.ours = bind == nullptr;
    node.grows = bind != nullptr && bind->grows;
    node.host = bind != nullptr ? bind->source : std::string();
    const auto* filesystem = std::get_if<NewFilesystem>(&request.content);
    node.closed = std::holds_alternative<Procfs>(request.content) ||
                  (filesystem != nullptr && filesystem->closed);
    return {};
}

Result<> Tree::try_place(const Request& request)
{
    const bool is_symlink = std::holds_alternative<Symlink>(request.content);
    const Result<Node*> node = walk(request, !is_symlink);
    if (!node)
        return std::unexpected(node.error());
    if (*node == &root_)
        return cannot_place(request, "the root itself cannot be covered", "choose a deeper destination");

    // What is mounted deeper already (the way there led through a symlink) was judged by what was
    // here before, so it has to find its place again on top of the newcomer.
    std::vector<const Request*> again;
    const auto collect = [&again](const auto& self, const Node& at) -> void {
        for (const auto& [name, below] : at.children) {
            if (below->request != nullptr)
                again.push_back(below->request);
            self(self, *below);
        }
    };
    collect(collect, **node);
    (*node)->children.clear();
    if (Result<> filled = fill(**node, request); !filled)
        return filled;
    for (const Request* deeper : again)
        if (Result<> placed = place(*deeper); !placed)
            return placed;
    return {};
}

void Tree::emit_request(const Node& node, const std::string& path, std::vector<Step>& out)
{
    const Request& request = *node.request;
    const auto add = [&](Op op) { out.push_back({std::move(op), request.origin}); };
    const bool is_file = node.kind == Node::Kind::file;
    const MountPoint point = !node.made ? MountPoint::existing
                             : is_file  ? MountPoint::new_file
                                        : MountPoint::new_directory;
    std::visit(
        Overloaded{
            [&](const Directory&) { add(MakeDirectory{path, 0755}); },
            [&](const Symlink& symlink) { add(MakeSymlink{symlink.target, path}); },
            [&](const Text& text) { add(MakeFile{path, text.text, point}); },
            [&](const HostPath& bind) {
                add(Bind{bind.source, path, point, bind.read_only, bind.devices,
                         bind.type == FileType::directory});
            },
            [&](const PrivateDirectory& directory) {
                if (!node.made) {
                    add(MountNew{"tmpfs", path, {{"mode", "0755"}}, kPlainAttributes, point, false});
                    return;
                }
                add(MakeDirectory{path, directory.mode});
                add(MakePrivate{path});
            },
            [&](const Procfs&) { add(AttachProc{path, point}); },
            [&](const NewFilesystem& fs) {
                add(MountNew{fs.type, path, fs.options, fs.attributes, point, fs.optional});
            },
        },
        request.content);
}

void Tree::emit(const Node& node, const std::string& path, std::vector<Step>& out)
{
    if (node.request != nullptr)
        emit_request(node, path, out);
    else if (node.made)
        out.push_back({MakeDirectory{path, 0755}, node.cause->origin});
    for (const auto& [name, below] : node.children)
        emit(*below, path + "/" + name, out);
}

std::vector<Step> Tree::steps() const
{
    std::vector<Step> out;
    emit(root_, "", out);
    return out;
}

} // namespace

Result<std::vector<Step>> make_view(std::vector<Request> requests, const Host& host)
{
    std::ranges::stable_sort(requests, {}, [](const Request& r) { return depth(r.target); });
    Tree tree(host);
    for (const Request& request : requests)
        if (Result<> placed = tree.place(request); !placed)
            return std::unexpected(placed.error());
    return tree.steps();
}

} // namespace glovebox::plan
