// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// What the sandbox is, as a plain value. Every front end makes one of these and nothing else;
// no system call is made to build it. Strings are bytes as the user gave them.

#include "result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace glovebox::spec {

/// Where a setting came from. The views refer to text that lives as long as the program.
struct Origin {
    enum class Source : std::uint8_t { profile, argument };
    Source source = Source::profile;
    std::string_view option;     ///< without dashes; "" where the profile as a whole asks for it
    std::string_view profile;    ///< the profile's name, for Source::profile
    std::uint32_t position = 0;  ///< index in argv, for Source::argument

    bool operator==(const Origin&) const = default;
};

/// "--ro, argument 3" or "--hide, profile build": the text after "from" in messages and `explain`.
std::string render_origin(const Origin& origin);

/// A value together with who set it.
template <class T>
struct Setting {
    T value{};
    Origin origin{};

    bool operator==(const Setting&) const = default;
};

/// One entry of the view: what is seen at `target`.
struct ViewEntry {
    enum class Kind : std::uint8_t {
        ro,      ///< the host's `source`, read-only
        rw,      ///< the host's `source`, written through
        cow,     ///< the host's `source`, changes land in the scratch
        dev,     ///< the host's device (or directory of devices) `source`
        hide,    ///< an empty private directory (or file, where a file is there)
        tmpfs,   ///< a tmpfs of its own
        symlink, ///< a symbolic link to `source`, which is not looked at
        file,    ///< a file with the text `source`
    };
    Kind kind = Kind::ro;
    std::string source; ///< ro, rw, cow, dev: host path, relative to the working directory
    std::string target; ///< path inside; "" means: the same absolute path as the source
    bool optional = false; ///< dropped where the source does not exist
    Origin origin;

    bool operator==(const ViewEntry&) const = default;
};

/// What is seen where no entry says otherwise.
enum class View : std::uint8_t {
    host,    ///< the host's tree, homes and temporary directories empty
    minimal, ///< /usr with its links, and what programs need of /etc
    empty,   ///< nothing but /dev, /proc, /tmp and a generated /etc
};

/// A result that is copied to the host when the command has succeeded.
struct Output {
    std::string path; ///< inside; relative to where the command starts
    std::string host; ///< on the host, relative to the working directory; "" means: as `path` says
    Origin origin;

    bool operator==(const Output&) const = default;
};

enum class Network : std::uint8_t { none, host };

/// Landlock, the second layer of the file system.
enum class Landlock : std::uint8_t {
    automatic, ///< where the kernel has it
    required,
    off,
};

/// A change to the capabilities that uid 0 has inside; applied in order.
struct CapabilityRule {
    bool add = false;
    std::string name; ///< as in capabilities(7), or "ALL"
    Origin origin;

    bool operator==(const CapabilityRule&) const = default;
};

/// setrlimit(2). `kUnlimited` is RLIM_INFINITY.
struct Limit {
    std::string name; ///< as in prlimit(1): nofile, nproc, ...
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
    Origin origin;

    bool operator==(const Limit&) const = default;
};
constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};

/// A change to the environment of the command; applied in order.
struct EnvironmentRule {
    enum class Kind : std::uint8_t {
        set,      ///< NAME=VALUE
        pass,     ///< the host's NAME, if it has one; a trailing * matches any ending
        keep_all, ///< the host's whole environment
        clear,    ///< forget all rules before this one
    };
    Kind kind = Kind::set;
    std::string name;
    std::string value;
    Origin origin;

    bool operator==(const EnvironmentRule&) const = default;
};

struct Spec {
    std::string_view profile; ///< its name, for what it asks for as a whole
    Setting<View> view;
    Setting<std::optional<std::string>> root; ///< a host directory that is seen as "/" in place of the view
    std::vector<ViewEntry> entries; ///< in the order given: later wins at the same place
    std::vector<Output> outputs;
    Setting<std::optional<std::string>> scratch; ///< a host directory; unset: a fresh one
    Setting<bool> keep;
    Setting<std::optional<std::string>> chdir;

    Setting<std::uint32_t> uid;
    Setting<std::uint32_t> gid;
    Setting<std::string> hostname;

    std::vector<EnvironmentRule> environment;

    Setting<Network> network;
    bool share_ipc = false;    ///< the host's IPC namespace
    bool share_uts = false;    ///< the host's UTS namespace
    bool share_cgroup = false; ///< the host's cgroup namespace
    Setting<std::string> seccomp; ///< "default", "strict", "off", or a file
    Setting<Landlock> landlock;
    std::vector<CapabilityRule> capabilities;
    Setting<bool> allow_nesting; ///< user namespaces inside
    Setting<bool> new_session;   ///< also with a terminal
    std::vector<Setting<int>> pass_fds;
    std::vector<Limit> limits;
    Setting<std::uint64_t> timeout; ///< milliseconds; 0: none
    Setting<std::optional<std::uint32_t>> umask;

    bool quiet = false;
    bool verbose = false;

    std::vector<std::string> command; ///< at least one word for `run`

    bool operator==(const Spec&) const = default;
};

/// Checks what can be checked without the host: lengths, characters, contradictions.
Result<> validate(const Spec& spec);

} // namespace glovebox::spec
