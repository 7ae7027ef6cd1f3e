// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
// Prints the world as the process sees it, as JSON. Static, so that it runs in any view.
//
//   probe                what it is and has (read by world.cc)
//   probe attempts       what the kernel answers to attempts to get out: {"name": "EPERM", …}
//   probe abstract NAME  the answer to connecting to the abstract socket NAME

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

extern char** environ;

namespace {

using nlohmann::json;
namespace fs = std::filesystem;

/// In the session keyring of the test (handover_test.cc).
constexpr const char* kSecretKey = "glovebox-secret";

/// Bytes that are not UTF-8 become U+FFFD.
std::string dump(const json& value) { return value.dump(1, ' ', false, json::error_handler_t::replace); }

std::string answer(long result) { return result < 0 ? strerrorname_np(errno) : "success"; }

bool is_number(const std::string& text)
{
    return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

/// "Name:\tvalue" lines as an object; runs of white space in a value become one space.
json read_status()
{
    json status = json::object();
    std::ifstream file("/proc/self/status");
    for (std::string line; std::getline(file, line);) {
        const std::size_t colon = line.find(':');
        std::string value;
        for (const char c : line.substr(std::min(colon + 1, line.size())))
            if (c != '\t' && c != ' ')
                value += c;
            else if (!value.empty() && value.back() != ' ')
                value += ' ';
        if (!value.empty() && value.back() == ' ')
            value.pop_back();
        status[line.substr(0, colon)] = value;
    }
    return status;
}

std::string read_text(const char* path)
{
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Names of a directory of symbolic links, with their texts.
json read_links(const char* directory)
{
    json links = json::object();
    const int fd = ::open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::string own = std::to_string(fd);
    for (const fs::directory_entry& entry : fs::directory_iterator("/proc/self/fd/" + own)) {
        const std::string name = entry.path().filename();
        std::array<char, 4096> text;
        const ssize_t size = ::readlinkat(fd, name.c_str(), text.data(), text.size());
        if (size >= 0) // not the iterator's own descriptor, which is gone by then
            links[name] = std::string(text.data(), static_cast<std::size_t>(size));
    }
    links.erase(own);
    ::close(fd);
    return links;
}

json read_descriptors()
{
    json links = json::object();
    struct ::rlimit limit = {};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const int last = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 65536));
    for (int fd = 0; fd < last; ++fd) {
        if (::fcntl(fd, F_GETFD) < 0)
            continue;
        std::array<char, 4096> text;
        const std::string path = "/proc/self/fd/" + std::to_string(fd);
        const ssize_t size = ::readlink(path.c_str(), text.data(), text.size());
        links[std::to_string(fd)] = size < 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(size));
    }
    return links;
}

json read_processes()
{
    json pids = json::array();
    for (const fs::directory_entry& entry : fs::directory_iterator("/proc"))
        if (const std::string name = entry.path().filename(); is_number(name))
            pids.push_back(std::stoi(name));
    return pids;
}

/// mountinfo octal escapes (\040) undone.
std::string unescape(const std::string& text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            out += static_cast<char>(std::stoi(text.substr(i + 1, 3), nullptr, 8));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

/// proc_pid_mountinfo(5)
json read_mounts()
{
    json mounts = json::array();
    std::ifstream file("/proc/self/mountinfo");
    for (std::string line; std::getline(file, line);) {
        std::istringstream fields(line);
        const std::vector<std::string> words(std::istream_iterator<std::string>(fields), {});
        const auto dash = std::ranges::find(words, "-");
        std::string shared;
        for (auto field = words.begin() + 6; field < dash; ++field)
            shared += *field + " ";
        mounts.push_back({{"root", unescape(words[3])}, {"target", unescape(words[4])}, {"options", words[5]},
                          {"propagation", shared}, {"type", dash[1]}, {"source", dash[2]}});
    }
    return mounts;
}

json read_interfaces()
{
    json interfaces = json::object();
    struct ::if_nameindex* const names = ::if_nameindex();
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (const auto* each = names; each != nullptr && each->if_index != 0; ++each) {
        struct ::ifreq request = {};
        std::strncpy(request.ifr_name, each->if_name, IFNAMSIZ - 1);
        ::ioctl(fd, SIOCGIFFLAGS, &request);
        interfaces[each->if_name] = (request.ifr_flags & IFF_UP) != 0;
    }
    ::close(fd);
    ::if_freenameindex(names);
    return interfaces;
}

/// Listens on `address` and connects to it.
std::string call_oneself(struct ::sockaddr* address, socklen_t size)
{
    const int listener = ::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int caller = ::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool connected = listener >= 0 && caller >= 0 && ::bind(listener, address, size) == 0 &&
                           ::listen(listener, 1) == 0 && ::getsockname(listener, address, &size) == 0 &&
                           ::connect(caller, address, size) == 0;
    std::string result = answer(connected ? 0 : -1);
    ::close(listener);
    ::close(caller);
    return result;
}

json try_networks()
{
    struct ::sockaddr_in local4 = {};
    local4.sin_family = AF_INET;
    local4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct ::sockaddr_in6 local6 = {};
    local6.sin6_family = AF_INET6;
    local6.sin6_addr = in6addr_loopback;
    struct ::sockaddr_in outside = {};
    outside.sin_family = AF_INET;
    outside.sin_port = htons(9);
    ::inet_pton(AF_INET, "192.0.2.1", &outside.sin_addr); // RFC 5737: nobody's
    const int caller = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); // a route, but no packet
    const std::string routed = answer(::connect(caller, reinterpret_cast<sockaddr*>(&outside), sizeof outside));
    ::close(caller);
    return {{"127.0.0.1", call_oneself(reinterpret_cast<sockaddr*>(&local4), sizeof local4)},
            {"::1", call_oneself(reinterpret_cast<sockaddr*>(&local6), sizeof local6)},
            {"192.0.2.1", routed}};
}

json read_limits()
{
    struct Row {
        const char* name;
        int resource;
    };
    constexpr Row kRows[] = {{"as", RLIMIT_AS}, {"core", RLIMIT_CORE}, {"cpu", RLIMIT_CPU}, {"nofile", RLIMIT_NOFILE},
                             {"nproc", RLIMIT_NPROC}, {"stack", RLIMIT_STACK}};
    json limits = json::object();
    for (const Row& row : kRows) {
        struct ::rlimit limit = {};
        ::getrlimit(static_cast<__rlimit_resource_t>(row.resource), &limit);
        limits[row.name] = {limit.rlim_cur, limit.rlim_max};
    }
    return limits;
}

json describe_world(int argc, char** argv)
{
    json world;
    world["descriptors"] = read_descriptors(); // first: before anything else is opened
    world["status"] = read_status();
    world["namespaces"] = read_links("/proc/self/ns");
    world["pid"] = ::getpid();
    world["ppid"] = ::getppid();
    world["sid"] = ::getsid(0);
    world["pgid"] = ::getpgid(0);
    world["uid_map"] = read_text("/proc/self/uid_map");
    world["gid_map"] = read_text("/proc/self/gid_map");
    world["setgroups"] = read_text("/proc/self/setgroups");
    std::array<char, 4096> buffer = {};
    world["cwd"] = ::getcwd(buffer.data(), buffer.size()) == nullptr ? "" : buffer.data();
    world["hostname"] = ::gethostname(buffer.data(), buffer.size()) < 0 ? "" : buffer.data();
    world["argv"] = std::vector<std::string>(argv, argv + argc);
    world["env"] = json::array();
    for (char** entry = environ; *entry != nullptr; ++entry)
        world["env"].push_back(*entry);
    world["mounts"] = read_mounts();
    world["processes"] = read_processes();
    world["interfaces"] = read_interfaces();
    world["networks"] = try_networks();
    world["limits"] = read_limits();
    return world;
}

std::string try_open(const char* path, int flags)
{
    const int fd = ::open(path, flags | O_CLOEXEC);
    return answer(fd);
}

std::string try_readlink(const char* path)
{
    std::array<char, 4096> text;
    return answer(::readlink(path, text.data(), text.size()));
}

/// To read where any of the descriptors leads.
std::string try_descriptors(const std::string& directory)
{
    std::string result = "ENOENT";
    for (int fd = 0; fd < 64 && result == "ENOENT"; ++fd)
        result = try_readlink((directory + std::to_string(fd)).c_str());
    return result;
}

json try_to_get_out()
{
    json out;
    out["mount"] = answer(::mount("none", "/mnt", "tmpfs", 0, nullptr));
    out["remount /usr"] = answer(::mount(nullptr, "/usr", nullptr, MS_REMOUNT | MS_BIND, nullptr));
    out["remount /"] = answer(::mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND, nullptr));
    struct ::mount_attr writable = {};
    writable.attr_clr = MOUNT_ATTR_RDONLY;
    out["mount_setattr /usr"] = answer(::syscall(SYS_mount_setattr, AT_FDCWD, "/usr", 0, &writable, sizeof writable));
    out["umount /tmp"] = answer(::umount2("/tmp", MNT_DETACH));
    out["umount /home"] = answer(::umount2("/home", MNT_DETACH));
    out["pivot_root"] = answer(::syscall(SYS_pivot_root, ".", "."));
    out["open_tree"] = answer(::syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE));
    out["unshare user"] = answer(::unshare(CLONE_NEWUSER));
    out["unshare mount"] = answer(::unshare(CLONE_NEWNS));
    out["unshare net"] = answer(::unshare(CLONE_NEWNET));
    out["sethostname"] = answer(::sethostname("other", 5));
    out["setgroups"] = answer(::setgroups(0, nullptr));
    out["mknod"] = answer(::mknod("/build/device", S_IFBLK | 0600, 0x800));
    out["chown"] = answer(::chown("/build", 1, 1));
    out["/proc/1/environ"] = try_open("/proc/1/environ", O_RDONLY);
    out["/proc/1/mem"] = try_open("/proc/1/mem", O_RDWR);
    out["/proc/1/maps"] = try_open("/proc/1/maps", O_RDONLY);
    out["/proc/1/fd"] = try_descriptors("/proc/1/fd/");
    out["/proc/1/exe"] = try_readlink("/proc/1/exe");
    out["/proc/1/cwd"] = try_readlink("/proc/1/cwd");
    out["/proc/1/root"] = try_readlink("/proc/1/root");
    out["/proc/1/ns/mnt"] = try_open("/proc/1/ns/mnt", O_RDONLY);
    out["max_user_namespaces"] = try_open("/proc/sys/user/max_user_namespaces", O_WRONLY);
    out["session key"] = answer(::syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", kSecretKey, 0));
    return out;
}

std::string connect_abstract(const std::string& name)
{
    struct ::sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data(), std::min(name.size(), sizeof address.sun_path - 1));
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    const int caller = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return answer(::connect(caller, reinterpret_cast<sockaddr*>(&address), size));
}

} // namespace

int main(int argc, char** argv)
{
    const std::string mode = argc > 1 ? argv[1] : "";
    if (mode == "attempts")
        std::cout << dump(try_to_get_out()) << "\n";
    else if (mode == "abstract" && argc > 2)
        std::cout << connect_abstract(argv[2]) << "\n";
    else
        std::cout << dump(describe_world(argc, argv)) << "\n";
    return 0;
}
