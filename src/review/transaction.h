// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// Changes to the host that happen together or not at all.
//
// What is new is made beside its place, under a hidden name, which can fail at any point and then
// leaves nothing. Only then names are exchanged, which needs no space; where even that fails, what
// was exchanged is exchanged back. What is old goes last.

#include "result.h"
#include "review/files.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace glovebox::review {

/// `name` in the directory `parent` (no symbolic link on the way) below `root`.
struct Spot {
    int root = -1;      ///< a descriptor that outlives the transaction
    std::string parent; ///< relative; "." for the root
    std::string name;
    std::string shown;  ///< in messages
    std::string from;   ///< the option behind it, in messages
};

/// The directory of a spot, open until the next one is asked for.
class Parent {
public:
    /// A descriptor, or -errno.
    int open(int root, const std::string& path);

private:
    int root_ = -1;
    std::string path_;
    sys::Fd fd_;
};

/// While it lives, the signals that end programs wait: a long copy notices them and fails.
class Transaction {
public:
    Transaction();
    /// Removes what was made for changes that were not committed.
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    /// Where, as the status of it says, nothing or something is now, will be what the caller makes
    /// beside it, under the name that this gives.
    std::string replace(Spot spot, const std::optional<struct ::stat>& now);
    void remove(Spot spot, const struct ::stat& now);
    /// Mode and extended attributes of what is there.
    void change_mode(Spot spot, const struct ::stat& now, ::mode_t mode, std::optional<Xattrs> xattrs);

    /// Does it all, or fails and has done nothing. An old tree that could not be removed whole is a
    /// failure, too, and says so: the changes are made then.
    Result<> commit();

private:
    struct Step {
        enum class Kind { replace, remove, mode };
        Kind kind = Kind::replace;
        Spot spot;
        std::optional<struct ::stat> now;
        std::string hidden; ///< what is to come, and later what was
        bool is_done = false;
        ::mode_t mode = 0;
        std::optional<Xattrs> xattrs;
        std::optional<Xattrs> old_xattrs;
    };

    std::string add(Step step);
    Result<> check();
    int perform(Step& step);
    void undo(Step& step);
    Result<> remove_old();

    std::vector<Step> steps_;
    std::string token_;
    Parent parent_;
    sys::SignalSet old_mask_ = 0;
};

} // namespace glovebox::review
