// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// A scratch on the host: who holds it, what is in it, how it goes.
//
//   SCRATCH/                        seen as /build inside; flock()ed by whoever uses it
//   SCRATCH/.glovebox/lock          says that the scratch is kept, and the holder's PID
//   SCRATCH/.glovebox/cow/N/source  the place that the changes are to; its mtime is the start of the first run
//   SCRATCH/.glovebox/cow/N/upper   the changes, as overlayfs keeps them
//
// A scratch without the file "lock" is for one run; where nobody holds it, its run was killed.

#include "result.h"
#include "review/files.h"

#include <string>
#include <vector>

namespace glovebox::review {

/// Makes the directory `path` (0700) and holds it while the descriptor is open. EEXIST where it is
/// there already. On a file system without locks it is held by nobody, and stale for nobody.
OrErrno<sys::Fd> make_held(const std::string& path);

/// From now on the scratch, which this process holds, is kept. 0 or -errno.
int mark_kept(const std::string& path);

/// Takes a scratch that is there, or is to be one, for this process alone, and marks it kept. Says
/// who has it where another does.
Result<sys::Fd> lock_scratch(const std::string& path);

/// A directory that was seen copy-on-write.
struct Place {
    std::string directory; ///< SCRATCH/.glovebox/cow/N
    std::string source;    ///< absolute path on the host
    struct ::timespec since = {};

    [[nodiscard]] std::string upper() const { return directory + "/upper"; }
};

struct Scratch {
    sys::Fd lock;
    std::string path;
    std::vector<Place> places;
};

/// Locks a kept scratch for a review.
Result<Scratch> open_scratch(const std::string& path);

/// The host as it is now is what later changes are compared with.
Result<> restart_place(const Place& place);

/// Removes a scratch with all in it. Refuses what is none, and what another process holds.
Result<> discard_scratch(const std::string& path);

/// Removes the scratches that killed runs of this user left in `directory`, as far as that is
/// quickly done; a failure is left to the next one.
void remove_stale(const std::string& directory);

struct Stale {
    std::size_t removed = 0;
    std::vector<Error> failures;
};
/// The same, to the end.
Stale discard_stale(const std::string& directory);

} // namespace glovebox::review
