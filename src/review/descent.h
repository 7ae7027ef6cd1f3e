// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// The way down into a tree of any depth, with few descriptors.

#include "review/files.h"

#include <string>
#include <vector>

namespace glovebox::review {

class Descent {
public:
    explicit Descent(sys::Fd top) { push(std::move(top)); }

    /// The directory where we are.
    [[nodiscard]] int fd() const { return levels_.back().fd.get(); }
    /// 0 is the top.
    [[nodiscard]] std::size_t depth() const { return levels_.size() - 1; }

    OrErrno<> enter(const std::string& name);
    /// Goes up, and gives the directory that was left.
    OrErrno<sys::Fd> leave();

private:
    struct Level {
        sys::Fd fd; ///< closed in what lies far above
        ::dev_t device;
        ::ino_t inode;
    };
    void push(sys::Fd fd);

    std::vector<Level> levels_;
};

} // namespace glovebox::review
