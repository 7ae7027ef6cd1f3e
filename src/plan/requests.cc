// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "plan/requests.h"

#include "text.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

namespace glovebox::plan {
namespace {

using spec::Origin;
using spec::ViewEntry;

/// What a tree never shows of its own: the sandbox has these, and they are fresh.
constexpr std::string_view kFresh[] = {"/dev", "/proc", "/sys", "/run", "/tmp", "/var/tmp", kBuild};

/// Where user data lies on every host, besides the user's own homes.
constexpr std::string_view kHomes[] = {"/home", "/root"};

/// What programs of /usr read below /etc: nothing that names or authenticates anybody.
constexpr const char* kMinimalEtc[] = {
    "alternatives", "bash.bashrc", "ca-certificates", "debian_version", "fonts",      "gai.conf",
    "host.conf",    "java-17-openjdk", "ld.so.cache", "ld.so.conf",     "ld.so.conf.d", "locale.alias",
    "localtime",    "magic",       "mime.types",      "os-release",     "perl",       "pki",
    "protocols",    "python3",     "python3.11",      "rpc",            "services",   "ssl",
    "terminfo",     "timezone",    "xattr.conf",
};

constexpr std::uint64_t kSysfsAttributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

class Requests {
public:
    Requests(const spec::Spec& spec, const Host& host, Scratch& scratch)
        : spec_(spec), host_(host), scratch_(scratch)
    {
    }

    Result<Wanted> make();

private:
    void request(std::string target, Content content, const Origin& origin, bool if_possible = false)
    {
        wanted_.requests.push_back({std::move(target), std::move(content), origin, if_possible});
    }
    Result<> request_root();
    void request_tree(const std::string& base, const Origin& origin, bool is_host);
    void request_minimal();
    void request_etc();
    void request_kernel_filesystems();
    void request_devices();
    void request_homes();
    void request_scratch();
    void request_working_directory();
    Result<> request_entry(const ViewEntry& entry);
    Result<> request_host_entry(const ViewEntry& entry);
    Result<> request_hide(const ViewEntry& entry);
    CopyOnWrite copy_on_write(const std::string& source, FileType type, const std::string& target);

    const spec::Spec& spec_;
    const Host& host_;
    Scratch& scratch_;
    const Origin profile_ = {Origin::Source::profile, {}, spec_.profile, 0};
    Wanted wanted_;
};

/// The tree that the others are placed in: --root, or the --view.
Result<> Requests::request_root()
{
    if (!spec_.root.value) {
        switch (spec_.view.value) {
        case spec::View::host:
            request_tree("/", spec_.view.origin, true);
            request_homes();
            break;
        case spec::View::minimal:
            request_minimal();
            request_etc();
            break;
        case spec::View::empty:
            request_etc();
            break;
        }
        return {};
    }
    const Origin& origin = spec_.root.origin;
    const Result<std::string> base = host_path(host_, *spec_.root.value, origin);
    if (!base)
        return std::unexpected(base.error());
    if (host_.follow(*base).type != FileType::directory)
        return fail("using " + quote(*base) + " as the root", std::strerror(ENOTDIR), spec::render_origin(origin),
                    "name a directory that holds a root file system");
    request_tree(*base, origin, false);
    return {};
}

/// Every entry of the root `base`, but for those that the sandbox has of its own.
void Requests::request_tree(const std::string& base, const Origin& origin, bool is_host)
{
    for (const RootEntry& entry : host_.list(base)) {
        const std::string path = "/" + entry.name;
        if (std::ranges::find(kFresh, path) != std::end(kFresh))
            continue;
        const std::string source = is_host ? path : base + path;
        if (entry.type == FileType::symlink)
            request(path, Symlink{entry.link}, origin, true);
        else if (entry.type == FileType::directory || host_.follow(source).type != FileType::missing)
            request(path, HostPath{source, entry.type, true}, origin);
    }
}

/// /usr, the links into it at the root, and the harmless part of /etc.
void Requests::request_minimal()
{
    const Origin& origin = spec_.view.origin;
    request("/usr", HostPath{"/usr", FileType::directory, true}, origin);
    for (const RootEntry& entry : host_.list("/")) {
        const bool is_system = entry.name == "bin" || entry.name == "sbin" || entry.name.starts_with("lib");
        if (is_system && entry.type == FileType::symlink)
            request("/" + entry.name, Symlink{entry.link}, origin);
        else if (is_system && entry.type == FileType::directory && entry.name != "lost+found")
            request("/" + entry.name, HostPath{"/" + entry.name, FileType::directory, true}, origin);
    }
    for (const char* name : kMinimalEtc) {
        const std::string path = std::string("/etc/") + name;
        const PathFacts facts = host_.look(path);
        if (facts.type == FileType::symlink)
            request(path, Symlink{facts.link}, origin);
        else if (facts.type != FileType::missing)
            request(path, HostPath{path, facts.type, true}, origin);
    }
}

/// The files of /etc that name the user and the machine, made for this sandbox.
void Requests::request_etc()
{
    const Origin& origin = spec_.view.origin;
    const std::string uid = std::to_string(spec_.uid.value);
    const std::string gid = std::to_string(spec_.gid.value);
    std::string passwd = "root:x:0:0:root:/build:/bin/sh\n";
    std::string group = "root:x:0:\n";
    if (spec_.uid.value != 0)
        passwd += "build:x:" + uid + ":" + gid + ":build:/build:/bin/sh\n";
    if (spec_.gid.value != 0)
        group += "build:x:" + gid + ":\n";
    request("/etc/passwd", Text{passwd + "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"}, origin);
    request("/etc/group", Text{group + "nogroup:x:65534:\n"}, origin);
    request("/etc/nsswitch.conf", Text{"passwd: files\ngroup: files\nhosts: files dns\n"}, origin);
}

void Requests::request_kernel_filesystems()
{
    const Origin& origin = spec_.view.origin;
    request("/run", PrivateDirectory{}, origin);
    request("/proc", Procfs{}, origin);
    if (spec_.network.value == spec::Network::none)
        // Only a sysfs of its own shows this network namespace's interfaces and not the host's.
        // In a container the kernel refuses one; nothing is lost but facts about hardware.
        request("/sys", NewFilesystem{"sysfs", {}, kSysfsAttributes, true, true}, origin);
    else if (host_.follow("/sys").type == FileType::directory)
        request("/sys", HostPath{"/sys", FileType::directory, true}, origin);
}

void Requests::request_devices()
{
    const Origin& origin = spec_.view.origin;
    request("/dev", Directory{}, origin);
    for (const char* name : {"full", "null", "random", "tty", "urandom", "zero"}) {
        const std::string path = std::string("/dev/") + name;
        request(path, HostPath{path, FileType::other, false, true}, origin);
    }
    request("/dev/fd", Symlink{"/proc/self/fd"}, origin);
    request("/dev/stdin", Symlink{"/proc/self/fd/0"}, origin);
    request("/dev/stdout", Symlink{"/proc/self/fd/1"}, origin);
    request("/dev/stderr", Symlink{"/proc/self/fd/2"}, origin);
    request("/dev/ptmx", Symlink{"pts/ptmx"}, origin);
    request("/dev/pts",
            NewFilesystem{"devpts", {{"ptmxmode", "0666"}, {"mode", "0620"}}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, false, true},
            origin);
    request("/dev/shm", PrivateDirectory{01777}, origin);
}

void Requests::request_homes()
{
    const Origin& origin = spec_.view.origin;
    request("/home", PrivateDirectory{}, origin);
    request("/root", PrivateDirectory{0700}, origin);
    const auto is_covered = [](std::string_view home) {
        return std::ranges::any_of(kHomes, [&](std::string_view place) { return is_below(home, place); });
    };
    for (const std::string& home : host_.homes)
        if (!is_covered(home))
            request(home, PrivateDirectory{0700}, origin, true);
}

void Requests::request_scratch()
{
    request(kBuild, HostPath{scratch_.path, FileType::directory, false, false, true}, scratch_.origin);
    const HostPath temporary = {scratch_.path + "/tmp", FileType::directory, false, false, true};
    request("/tmp", temporary, scratch_.origin);
    request("/var/tmp", temporary, scratch_.origin, true);
}

/// A place for the changes to `target` in the scratch.
CopyOnWrite Requests::copy_on_write(const std::string& source, FileType type, const std::string& target)
{
    const std::string number = std::to_string(scratch_.changes.size());
    const std::string changes = scratch_.path + "/" + kScratchState + "/cow/" + number;
    // A file is shown out of an overlay of its directory (plan::Layer).
    const std::string directory = type == FileType::directory ? source : source.substr(0, std::max<std::size_t>(source.rfind('/'), 1));
    scratch_.changes.push_back({changes, directory, target});
    return {source, type, changes, -1};
}

/// The working directory, copy-on-write; never a home itself, nor what holds one, nor where an
/// entry of the user already says what is seen.
void Requests::request_working_directory()
{
    const std::string& cwd = host_.cwd;
    wanted_.directory = kBuild;
    const auto in_cwd = [&](std::string_view place) { return is_below(place, cwd); };
    const auto covers_cwd = [&](std::string_view place) { return is_below(cwd, place); };
    if (cwd.empty() || cwd == "/" || std::ranges::any_of(host_.homes, in_cwd) || std::ranges::any_of(kHomes, in_cwd))
        return;
    if (std::ranges::find(kFresh, cwd) != std::end(kFresh) || std::ranges::any_of(std::span(kFresh).first(3), covers_cwd))
        return;
    wanted_.directory = cwd;
    for (const ViewEntry& entry : spec_.entries) {
        const bool shows_host = entry.kind == ViewEntry::Kind::ro || entry.kind == ViewEntry::Kind::rw || entry.kind == ViewEntry::Kind::cow;
        if (shows_host && covers_cwd(absolute_path(cwd, entry.target.empty() ? entry.source : entry.target)))
            return;
    }
    request(cwd, copy_on_write(cwd, FileType::directory, cwd), profile_);
}

Result<> Requests::request_host_entry(const ViewEntry& entry)
{
    using Kind = ViewEntry::Kind;
    const Result<std::string> source = host_path(host_, entry.source, entry.origin);
    if (!source)
        return std::unexpected(source.error());
    const PathFacts facts = host_.follow(*source);
    if (facts.type == FileType::missing && facts.error == ENOENT && entry.optional)
        return {};
    if (facts.type == FileType::missing)
        return fail("reading the source " + quote(*source), std::strerror(facts.error), spec::render_origin(entry.origin),
                    facts.error == ENOENT ? "check the spelling; relative paths start at the working directory" : "");
    std::string target = entry.target.empty() ? *source : absolute_path("/", entry.target);
    if (entry.kind != Kind::rw && is_below(scratch_.path, *source) && !scratch_.fresh)
        return fail("the scratch " + quote(scratch_.path) + " lies inside the source " + quote(*source), {},
                    spec::render_origin(entry.origin), "choose a scratch outside of it");
    if (entry.kind == Kind::cow) {
        CopyOnWrite cow = copy_on_write(*source, facts.type, target);
        request(std::move(target), std::move(cow), entry.origin);
        return {};
    }
    const bool devices = entry.kind == Kind::dev;
    request(std::move(target), HostPath{*source, facts.type, entry.kind == Kind::ro, devices}, entry.origin);
    return {};
}

Result<> Requests::request_hide(const ViewEntry& entry)
{
    const Result<std::string> target = host_path(host_, entry.target, entry.origin);
    if (!target)
        return std::unexpected(target.error());
    // A path that the view does not show is hidden already; one that the host does not have is a
    // mistake, and passing over it would leave the user with a secret that is not hidden.
    const PathFacts facts = host_.follow(*target);
    if (facts.type == FileType::missing)
        return fail("hiding " + quote(*target), std::strerror(facts.error), spec::render_origin(entry.origin),
                    "check the spelling; there is nothing to hide");
    if (facts.type == FileType::directory)
        request(*target, PrivateDirectory{}, entry.origin, true);
    else
        request(*target, Text{}, entry.origin, true);
    return {};
}

Result<> Requests::request_entry(const ViewEntry& entry)
{
    using Kind = ViewEntry::Kind;
    switch (entry.kind) {
    case Kind::ro:
    case Kind::rw:
    case Kind::cow:
    case Kind::dev:
        return request_host_entry(entry);
    case Kind::hide:
        return request_hide(entry);
    case Kind::symlink:
        request(absolute_path("/", entry.target), Symlink{entry.source}, entry.origin);
        return {};
    case Kind::file:
        request(absolute_path("/", entry.target), Text{entry.source}, entry.origin);
        return {};
    case Kind::tmpfs:
        break;
    }
    const Result<std::string> target = host_path(host_, entry.target, entry.origin);
    if (!target)
        return std::unexpected(target.error());
    request(*target, NewFilesystem{"tmpfs", {{"mode", "0755"}}, kPlainAttributes, false, false}, entry.origin);
    return {};
}

Result<Wanted> Requests::make()
{
    if (Result<> requested = request_root(); !requested)
        return std::unexpected(requested.error());
    request_kernel_filesystems();
    request_devices();
    request_scratch();
    if (!spec_.root.value && spec_.view.value == spec::View::host)
        request_working_directory();
    else
        wanted_.directory = spec_.root.value ? "/" : kBuild;
    if (spec_.network.value == spec::Network::none)
        request("/etc/hosts",
                Text{"127.0.0.1 localhost\n::1 localhost\n127.0.1.1 " + spec_.hostname.value + "\n"},
                spec_.hostname.origin, true);
    for (const ViewEntry& entry : spec_.entries)
        if (Result<> requested = request_entry(entry); !requested)
            return std::unexpected(requested.error());
    if (!scratch_.changes.empty())
        request(std::string(kBuild) + "/" + kScratchState, Sealed{}, scratch_.origin);
    return std::move(wanted_);
}

} // namespace

bool is_below(std::string_view path, std::string_view directory)
{
    return directory == "/" ||
           (path.starts_with(directory) &&
            (path.size() == directory.size() || path[directory.size()] == '/'));
}

Result<std::string> host_path(const Host& host, const std::string& path, const Origin& origin)
{
    if (!path.starts_with('/') && host.cwd.empty())
        return fail("the relative path " + quote(path) + " leads nowhere: the working directory was deleted",
                    {}, spec::render_origin(origin), "change to a directory that exists");
    return absolute_path(host.cwd, path);
}

Result<Wanted> make_requests(const spec::Spec& spec, const Host& host, Scratch& scratch)
{
    return Requests(spec, host, scratch).make();
}

} // namespace glovebox::plan
