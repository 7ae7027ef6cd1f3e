// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// The steps of a Plan: one struct per kernel operation, in ready-made strings and numbers, so that
// the child between clone and exec only reads. What each does is told in run/child.cc, in the
// words of the user by describe() (plan/explain.h).

#include "spec/spec.h"

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <sys/mount.h>

namespace glovebox::plan {

/// What every mount that holds no devices gets.
constexpr std::uint64_t kPlainAttributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

/// How a mount point comes to be. `existing` ones are resolved beneath the new root; the others
/// are made by us just before, in a file system of our own.
enum class MountPoint : std::uint8_t { existing, new_directory, new_file };

// -- set-up: by PID 1, in the first user namespace --------------------------------------------

/// A procfs of the new PID namespace, not attached yet; WriteProc goes through it.
struct MakeProc {};

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
};

struct ForbidNewPrivileges {};

/// close_range on everything above 2.
struct CloseDescriptors {};

/// Signal mask empty, every disposition the default.
struct ResetSignals {};

using Op = std::variant<MakeProc, WriteProc, MakeRoot, MakeDirectory, MakeSymlink, MakeFile, Bind, Layer,
                        MakePrivate, MountNew, AttachProc, SealRoot, PivotRoot, RaiseLoopback,
                        SetHostname, JoinNewKeyring, NewSession, NewGroup, EnterUserNamespace,
                        ChangeDirectory, CutCapabilities, ForbidNewPrivileges, CloseDescriptors,
                        ResetSignals>;

struct Step {
    Op op;
    spec::Origin origin;
};

} // namespace glovebox::plan
