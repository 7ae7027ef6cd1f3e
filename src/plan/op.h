// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// The steps of a Plan: one struct per kernel operation, in ready-made strings and numbers, so that
// the child between clone and exec only reads. What each does is told in run/child.cc, in the
// words of the user by describe() (plan/explain.h).

#include "spec/spec.h"

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <linux/filter.h>
#include <sys/mount.h>

namespace glovebox::plan {

/// What every mount that holds no devices gets.
constexpr std::uint64_t kPlainAttributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

/// How a mount point comes to be. `existing` ones are resolved beneath the new root; the others
/// are made by us just before, in a file system of our own.
enum class MountPoint : std::uint8_t { existing, new_directory, new_file };

// -- set-up: by PID 1, in the first user namespace --------------------------------------------

/// A procfs of the new PID namespace, not attached yet; WriteProc goes through it.
struct MakeProc {
    bool processes_only = false; ///< subset=pid (kernel 5.8)
};

/// Writes `text` to `file` (relative) of the private procfs: id maps and sysctls.
struct WriteProc {
    std::string file;
    std::string text;
};

/// An empty tmpfs over the old root; later steps build the view in it.
struct MakeRoot {};

struct MakeDirectory {
    std::string path;
    unsigned mode = 0755;
};

struct MakeSymlink {
    std::string target;
    std::string path;
};

/// A file with this text at `target`: read-only, or private and writable.
struct MakeFile {
    std::string target;
    std::string text;
    MountPoint point = MountPoint::new_file;
};

/// The host's `source` at `target`: always nosuid, nodev unless `devices`, and private.
struct Bind {
    std::string source;
    std::string target;
    MountPoint point = MountPoint::existing;
    bool read_only = true;
    bool devices = false;
    bool recursive = true;
};

/// An entry that a Layer adds to its source, as a mount point or a link: path relative to the source.
struct LayerEntry {
    enum class Kind : std::uint8_t { directory, file, symlink };
    Kind kind = Kind::directory;
    std::string path;
    std::string link; ///< text of the symlink
};

/// The host's directory `source` at `target` as an overlay: with `entries` on top, and with changes
/// going to `changes` on the host (which holds "upper" and "work"); read-only where that is empty.
/// Where the kernel refuses that upper, a tmpfs takes the changes; where it refuses that, too, the
/// source is bound read-only, unless entries are needed.
struct Layer {
    std::string source;
    std::string target;
    MountPoint point = MountPoint::existing;
    std::vector<LayerEntry> entries;
    std::string changes;
    std::string file;      ///< show this file of `source` alone, at `target`
    std::int32_t export_as = -1; ///< send the mount to the supervisor under this number
};

/// Makes the directory `path` of the root tmpfs a mount of its own, so that it stays writable
/// when the root becomes read-only.
struct MakePrivate {
    std::string path;
};

/// A new instance of a file system: tmpfs, devpts, sysfs.
struct MountNew {
    std::string type;
    std::string target;
    std::vector<std::pair<std::string, std::string>> options; ///< value "" is a flag
    std::uint64_t attributes = 0;                             ///< MOUNT_ATTR_*
    MountPoint point = MountPoint::existing;
    bool optional = false; ///< a refusal (EPERM) leaves the empty mount point
};

/// Attaches the private procfs at `target`.
struct AttachProc {
    std::string target;
    MountPoint point = MountPoint::new_directory;
};

/// A part of our procfs over itself, read-only: what root on the host could change through it.
struct ProtectProc {
    std::string path;
};

/// An empty unreadable file over a part of our procfs.
struct MaskProc {
    std::string path;
};

struct SealRoot {};  ///< the root tmpfs read-only
struct PivotRoot {}; ///< the view becomes "/", the host's tree is gone
struct RaiseLoopback {};
struct SetHostname {
    std::string name;
};
struct JoinNewKeyring {}; ///< a session keyring of its own

// -- hand-over: by the command's own process -----------------------------------------------------

struct NewSession {}; ///< setsid: no terminal is attached
/// A process group of its own in the session of the terminal.
struct NewGroup {
    int terminal = -1;       ///< descriptor of the controlling terminal
    bool foreground = false; ///< give the terminal to the group at once
};

/// The second user namespace, with the same ids: from here the view cannot be changed.
struct EnterUserNamespace {
    std::string uid_map;
    std::string gid_map;
};

struct ChangeDirectory {
    std::string path;
};

/// Cuts the capabilities to `keep` (a mask of CAP_* bits) for good: bounding set, securebits, all sets.
struct CutCapabilities {
    std::uint64_t keep = 0;
    bool as_root = false; ///< uid 0 inside: exec gives them; else they go along as ambient ones
};

struct SetUmask {
    unsigned mask = 0;
};

struct ForbidNewPrivileges {};

/// setrlimit(2); soft and hard. A limit of a profile gives way where the caller's own is lower.
struct SetLimit {
    int resource = 0;
    std::string name; ///< as in --rlimit
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
    bool at_most = false;
};

/// A place where the command may write, for Landlock.
struct WritablePlace {
    enum class Kind : std::uint8_t {
        directory, ///< anything below it may change
        files,     ///< files at or below it may be written to, but none made or removed
    };
    std::string path;
    Kind kind = Kind::directory;
};

/// Landlock as second layer: files can be changed below `places` only, abstract sockets and signals
/// stay inside. Needs ABI 2 (kernel 5.19): the first ABI would forbid all renames between directories.
struct RestrictWrites {
    std::vector<WritablePlace> places;
    bool required = false; ///< else passed over where the kernel has no Landlock
};

/// close_range on everything above 2, but for `keep` (sorted).
struct CloseDescriptors {
    std::vector<int> keep;
};

struct InstallFilter {
    std::string name;                            ///< for messages: "default", "strict", or a file
    std::span<const struct ::sock_filter> program; ///< lives as long as the Plan
};

/// Signal mask empty, every disposition the default.
struct ResetSignals {};

using Op = std::variant<MakeProc, WriteProc, MakeRoot, MakeDirectory, MakeSymlink, MakeFile, Bind, Layer,
                        MakePrivate, MountNew, AttachProc, ProtectProc, MaskProc, SealRoot, PivotRoot, RaiseLoopback,
                        SetHostname, JoinNewKeyring, NewSession, NewGroup, EnterUserNamespace,
                        ChangeDirectory, CutCapabilities, SetUmask, ForbidNewPrivileges, SetLimit, RestrictWrites,
                        CloseDescriptors, ResetSignals, InstallFilter>;

struct Step {
    Op op;
    spec::Origin origin;
};

} // namespace glovebox::plan
