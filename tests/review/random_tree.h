// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#pragma once
// Random trees, and random things that commands do to trees.

#include "tree.h"

#include <cstdint>
#include <random>
#include <map>
#include <string>
#include <vector>

namespace glovebox::test {

using Random = std::mt19937;

/// Fills the empty directory `top` with directories, files, several names of files, symbolic links,
/// holes, modes and extended attributes.
void make_random_tree(const fs::path& top, Random& random);

/// One thing that a command does. Paths are relative to the tree.
struct Operation {
    enum class Kind {
        create,            ///< or write anew
        append,
        make_hole,         ///< at the end
        rename,            ///< a file or link, also over another one
        link,
        symlink,
        chmod,
        set_xattr,
        remove,            ///< also a whole directory
        mkdir,
        copy_directory,    ///< as mv does with a directory that overlayfs does not rename
        rename_directory,  ///< one that is new
        file_to_directory,
        directory_to_file, ///< or to a symbolic link
        remake_directory,  ///< removed, and made again with other things in it
        touch,
    };
    Kind kind = Kind::create;
    std::string path;
    std::string other;
    std::string text;
    unsigned mode = 0;
};

std::string describe(const Operation& operation);
void perform(const Operation& operation, const fs::path& top);

/// Thinks up operations that are possible in the tree `top`, and performs them there. In a tree that
/// overlayfs shows they come to the same, since this knows what overlayfs does to files of the host
/// with several names: the first change parts the name from the others.
class Actor {
public:
    Actor(fs::path top, Random& random);

    Operation act();

private:
    bool think(Operation& operation);
    [[nodiscard]] std::string pick(bool (*wanted)(const fs::path&));
    [[nodiscard]] std::string pick_file();
    [[nodiscard]] std::string pick_directory();
    [[nodiscard]] std::string new_name();
    void part(const std::string& path);
    std::size_t below(std::size_t limit) { return random_() % limit; }

    fs::path top_;
    Random& random_;
    /// Files of the host with several names, held open so that no new file gets their number.
    std::map<::ino_t, sys::Fd> shared_;
    int count_ = 0;
};

} // namespace glovebox::test
