// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "plan/view.h"

#include "text.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <tuple>
#include <utility>

namespace glovebox::plan {
namespace {

/// ELOOP after as many links as the kernel follows (path_resolution(7)).
constexpr int kMaxLinks = 40;

/// What becomes of an entry that is asked for but missing.
enum class Room : std::uint8_t {
    own,     ///< the file system is ours: it is made there
    layered, ///< the host's, shown read-only or copy-on-write: it is added by an overlay
    none,    ///< the host's, written through: nothing of ours may appear there
};

/// A place in the view.
struct Node {
    enum class Kind : std::uint8_t { directory, file, symlink };
    Kind kind = Kind::directory;
    Room room = Room::own;
    bool closed = false;   ///< procfs and the like: nothing can be mounted inside
    bool made = false;     ///< the place itself is made by us, not found on the host
    bool extended = false; ///< a directory of the host to which a layer adds entries
    std::string host;      ///< the host path that is seen here; "" where there is none
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
    Result<Node*> make_child(Node& parent, const std::string& name, const Request& request);
    static void emit(const Node& node, const std::string& path, bool in_layer, std::vector<Step>& out);
    static void emit_request(const Node& node, const std::string& path, bool in_layer, std::vector<Step>& out);

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
    if (parent.host.empty())
        return nullptr;
    std::string path = parent.host == "/" ? "/" : parent.host + "/";
    path += name;
    PathFacts facts = host_.look(path);
    if (facts.type == FileType::missing)
        return nullptr;
    auto node = std::make_unique<Node>();
    node->room = parent.room;
    node->host = std::move(path);
    node->link = std::move(facts.link);
    node->kind = facts.type == FileType::directory ? Node::Kind::directory
                 : facts.type == FileType::symlink ? Node::Kind::symlink
                                                   : Node::Kind::file;
    return (parent.children[std::string(name)] = std::move(node)).get();
}

/// The entry `name` that `parent` does not have yet.
Result<Node*> Tree::make_child(Node& parent, const std::string& name, const Request& request)
{
    if (parent.room == Room::none)
        return cannot_place(request, quote(parent.host) + " on the host has no entry " + quote(name) + ", and is written through",
                            "make it on the host, or choose a destination that exists");
    if (parent.room == Room::layered && !parent.host.empty())
        parent.extended = true;
    auto node = std::make_unique<Node>();
    node->made = true;
    node->room = parent.room;
    node->cause = &request;
    return (parent.children[name] = std::move(node)).get();
}

/// The node at the request's target, made (with its parents) where it is missing.
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
        if (next == nullptr) {
            const Result<Node*> made = make_child(parent, name, request);
            if (!made)
                return made;
            next = *made;
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

/// What is seen at a place, for the checks and for what is mounted deeper.
struct Shape {
    Node::Kind kind = Node::Kind::directory;
    Room room = Room::own;
    bool closed = false;
    std::string host;
    std::string link;
};

Node::Kind kind_of(FileType type)
{
    return type == FileType::directory ? Node::Kind::directory : Node::Kind::file;
}

Shape shape_of(const Content& content)
{
    return std::visit(
        Overloaded{
            [](const Symlink& symlink) { return Shape{.kind = Node::Kind::symlink, .link = symlink.target}; },
            [](const Text&) { return Shape{.kind = Node::Kind::file}; },
            [](const HostPath& bind) {
                const Room room = bind.grows ? Room::own : bind.read_only ? Room::layered : Room::none;
                return Shape{.kind = kind_of(bind.type), .room = room, .host = bind.source};
            },
            [](const CopyOnWrite& cow) {
                return Shape{.kind = kind_of(cow.type), .room = Room::layered, .host = cow.source};
            },
            [](const Sealed&) { return Shape{.closed = true}; },
            [](const Procfs&) { return Shape{.closed = true}; },
            [](const NewFilesystem& fs) { return Shape{.closed = fs.closed}; },
            [](const auto&) { return Shape{}; },
        },
        content);
}

/// Checks that the kind of `request` fits what is there, and puts it there.
Result<> Tree::fill(Node& node, const Request& request)
{
    Shape shape = shape_of(request.content);
    const bool implied = node.made && node.request == nullptr && node.children.empty();
    const bool replaces_symlink = node.kind == Node::Kind::symlink && node.made;
    if (!implied && !replaces_symlink && node.kind != shape.kind)
        return cannot_place(request,
                            node.kind == Node::Kind::directory ? "a directory is there" : "a file is there",
                            shape.kind == Node::Kind::symlink ? "choose a place that does not exist yet"
                                                              : "a file can only cover a file, a directory only a directory");
    node.request = &request;
    node.kind = shape.kind;
    node.room = shape.room;
    node.closed = shape.closed;
    node.extended = false;
    node.host = std::move(shape.host);
    node.link = std::move(shape.link);
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

/// The entries that a layer must add below `node`, which is at `path` relative to it.
void collect_entries(const Node& node, const std::string& path, std::vector<LayerEntry>& out)
{
    for (const auto& [name, below] : node.children) {
        if (!below->made)
            continue;
        std::string place = path.empty() ? name : path + "/" + name;
        const auto kind = below->kind == Node::Kind::symlink ? LayerEntry::Kind::symlink
                          : below->kind == Node::Kind::file  ? LayerEntry::Kind::file
                                                             : LayerEntry::Kind::directory;
        out.push_back({kind, place, below->link});
        if (below->request == nullptr)
            collect_entries(*below, place, out);
    }
}

std::vector<LayerEntry> entries_of(const Node& node)
{
    std::vector<LayerEntry> entries;
    collect_entries(node, {}, entries);
    return entries;
}

/// "/a/b" in its directory "/a" and its name "b".
std::pair<std::string, std::string> split_name(const std::string& path)
{
    const std::size_t slash = path.rfind('/');
    return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

/// The request for which a layer is needed: that of the first entry it adds.
spec::Origin first_cause(const Node& node)
{
    for (const auto& [name, below] : node.children)
        if (below->made)
            return below->cause->origin;
    return {};
}

void emit_bind(const Node& node, const HostPath& bind, const std::string& path, MountPoint point, std::vector<Step>& out)
{
    Op op = Bind{bind.source, path, point, bind.read_only, bind.devices, bind.type == FileType::directory};
    if (node.extended)
        op = Layer{bind.source, path, point, entries_of(node), {}, {}};
    out.push_back({std::move(op), node.request->origin});
}

void emit_cow(const Node& node, const CopyOnWrite& cow, const std::string& path, MountPoint point, std::vector<Step>& out)
{
    Layer layer = {cow.source, path, point, entries_of(node), cow.changes, {}, cow.export_as};
    if (cow.type != FileType::directory)
        std::tie(layer.source, layer.file) = split_name(cow.source);
    out.push_back({std::move(layer), node.request->origin});
}

void Tree::emit_request(const Node& node, const std::string& path, bool in_layer, std::vector<Step>& out)
{
    const Request& request = *node.request;
    const auto add = [&](Op op) { out.push_back({std::move(op), request.origin}); };
    const bool existing = !node.made || in_layer;
    const MountPoint point = existing                          ? MountPoint::existing
                             : node.kind == Node::Kind::file ? MountPoint::new_file
                                                             : MountPoint::new_directory;
    std::visit(
        Overloaded{
            [&](const Directory&) {
                if (!existing)
                    add(MakeDirectory{path, 0755});
            },
            [&](const Symlink& symlink) {
                if (!existing)
                    add(MakeSymlink{symlink.target, path});
            },
            [&](const Text& text) { add(MakeFile{path, text.text, point}); },
            [&](const HostPath& bind) { emit_bind(node, bind, path, point, out); },
            [&](const CopyOnWrite& cow) { emit_cow(node, cow, path, point, out); },
            [&](const PrivateDirectory& directory) {
                if (existing) {
                    add(MountNew{"tmpfs", path, {{"mode", "0755"}}, kPlainAttributes, point, false});
                    return;
                }
                add(MakeDirectory{path, directory.mode});
                add(MakePrivate{path});
            },
            [&](const Sealed&) {
                add(MountNew{"tmpfs", path, {{"mode", "0000"}}, kPlainAttributes | MOUNT_ATTR_RDONLY, MountPoint::existing, false});
            },
            [&](const Procfs&) { add(AttachProc{path, point}); },
            [&](const NewFilesystem& fs) {
                add(MountNew{fs.type, path, fs.options, fs.attributes, point, fs.optional});
            },
        },
        request.content);
}

/// `in_layer`: the place is one of the entries that a layer above has added.
void Tree::emit(const Node& node, const std::string& path, bool in_layer, std::vector<Step>& out)
{
    if (node.request != nullptr)
        emit_request(node, path, in_layer, out);
    else if (node.extended)
        out.push_back({Layer{node.host, path, MountPoint::existing, entries_of(node), {}, {}}, first_cause(node)});
    else if (node.made && !in_layer)
        out.push_back({MakeDirectory{path, 0755}, node.cause->origin});
    for (const auto& [name, below] : node.children) {
        const bool layered = below->made && (node.extended || (in_layer && node.request == nullptr));
        emit(*below, path + "/" + name, layered, out);
    }
}

std::vector<Step> Tree::steps() const
{
    std::vector<Step> out;
    emit(root_, "", false, out);
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
