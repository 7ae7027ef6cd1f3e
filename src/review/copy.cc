// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "review/copy.h"

#include "review/descent.h"
#include "text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace glovebox::review {
namespace {

/// In one call; between two of them a signal is noticed.
constexpr long kChunk = 64L << 20;

long write_fully(int fd, const char* data, long size)
{
    for (long done = 0; done < size;) {
        const long written = sys::write(fd, data + done, static_cast<std::size_t>(size - done));
        if (written < 0)
            return written;
        done += written;
    }
    return size;
}

/// Bytes [offset, end) by reading and writing. 0 or -errno.
long copy_through_memory(int from, int to, long offset, long end)
{
    std::array<char, 65536> buffer;
    long result = std::min(sys::seek(from, offset, SEEK_SET), sys::seek(to, offset, SEEK_SET));
    while (result >= 0 && offset < end) {
        result = sys::read(from, buffer.data(), std::min<std::size_t>(buffer.size(), static_cast<std::size_t>(end - offset)));
        if (result == 0)
            return 0; // the file has become shorter
        if (result > 0)
            result = write_fully(to, buffer.data(), result);
        offset += std::max(result, 0L);
    }
    return std::min(result, 0L);
}

/// Bytes [offset, end). 0 or -errno.
long copy_extent(int from, int to, long offset, long end)
{
    while (offset < end) {
        if (sys::is_interrupted())
            return -EINTR;
        const long copied = sys::copy_range(from, to, &offset, static_cast<std::size_t>(std::min(end - offset, kChunk)));
        if (copied == -ENOSPC || copied == -EDQUOT || copied == -EIO || copied == -EFBIG)
            return copied;
        // Across file systems, and on some, the kernel cannot; on some it says 0.
        if (copied <= 0)
            return copy_through_memory(from, to, offset, end);
    }
    return 0;
}

/// All data, and the holes in between. `to` is empty.
long copy_data(int from, int to, long size)
{
    if (size == 0 || sys::clone_file(to, from) == 0)
        return 0;
    if (const int sized = sys::truncate(to, size); sized < 0)
        return sized;
    for (long end = 0; end < size;) {
        long start = sys::seek(from, end, SEEK_DATA);
        if (start == -ENXIO)
            return 0; // nothing but a hole is left
        if (start < 0)
            start = end; // a file system that does not tell
        end = sys::seek(from, start, SEEK_HOLE);
        if (end < 0)
            end = size;
        if (const long copied = copy_extent(from, to, start, std::min(end, size)); copied < 0)
            return copied;
    }
    return 0;
}

OrErrno<> copy_file(int source_dir, const std::string& source, int target_dir, const std::string& target)
{
    const sys::Fd from(sys::openat(source_dir, source.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    struct ::stat status = {};
    const int found = from ? sys::fstat(from.get(), &status) : from.error();
    if (found < 0)
        return checked(found);
    if (!S_ISREG(status.st_mode))
        return std::unexpected(ESTALE); // somebody replaced it meanwhile
    const sys::Fd to(sys::openat(target_dir, target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    if (!to)
        return checked(to.error());
    if (const long copied = copy_data(from.get(), to.get(), status.st_size); copied < 0)
        return checked(copied);
    return copy_attributes(from.get(), status, to.get());
}

OrErrno<> copy_link(int source_dir, const std::string& source, int target_dir, const std::string& target)
{
    const OrErrno<std::string> text = read_link(source_dir, source);
    if (!text)
        return std::unexpected(text.error());
    struct ::stat status = {};
    int result = sys::statat(source_dir, source.c_str(), &status);
    if (result == 0)
        result = sys::symlinkat(text->c_str(), target_dir, target.c_str());
    if (result == 0)
        result = sys::set_times(target_dir, target.c_str(), times_of(status).at);
    return checked(result);
}

std::unexpected<Error> copy_error(const std::string& shown, int number, ::mode_t mode)
{
    if (is_special(mode))
        return fail("copying " + quote(shown), "it is a " + std::string(kind_name(mode)));
    return fail("copying " + quote(shown), std::strerror(number));
}

/// Walks the source, and makes the target behind it.
class TreeCopier {
public:
    TreeCopier(sys::Fd source, sys::Fd target, const CopyNames& names)
        : names_(names), target_top_(sys::duplicate(target.get())), source_(std::move(source)), target_(std::move(target))
    {
        sys::fstat(target_.fd(), &top_status_);
    }

    /// From the top directory, which the target has already.
    Result<Copied> copy();

private:
    struct Frame {
        std::vector<std::string> names;
        std::size_t next = 0;
        struct ::stat status = {};
        std::size_t path_length = 0; ///< of path_, before the directory's own name
    };

    OrErrno<> push_frame(std::size_t path_length);
    OrErrno<> finish_directory();
    OrErrno<> copy_entry(const std::string& name);
    OrErrno<> enter(const std::string& name);
    [[nodiscard]] std::string shown(const std::string& name) const;

    const CopyNames& names_;
    sys::Fd target_top_;
    struct ::stat top_status_ = {};
    Descent source_;
    Descent target_;
    std::vector<Frame> frames_;
    std::string path_; ///< "a/b/", relative to the top
    std::map<std::pair<::dev_t, ::ino_t>, std::string> linked_; ///< where the first name of each is
    Copied copied_;
    ::mode_t mode_ = 0; ///< of the entry at hand
};

std::string TreeCopier::shown(const std::string& name) const
{
    std::string out = names_.shown + "/" + path_ + name;
    if (out.ends_with('/'))
        out.pop_back();
    return out;
}

Result<Copied> TreeCopier::copy()
{
    if (const OrErrno<> pushed = push_frame(0); !pushed)
        return copy_error(names_.shown, pushed.error(), 0);
    while (!frames_.empty()) {
        Frame& frame = frames_.back();
        std::string name;
        OrErrno<> done;
        mode_ = 0;
        if (frame.next == frame.names.size()) {
            done = finish_directory();
        } else {
            name = frame.names[frame.next++];
            if (frames_.size() > 1 || name != names_.without)
                done = copy_entry(name);
        }
        if (!done)
            return copy_error(shown(name), done.error(), mode_);
    }
    return copied_;
}

OrErrno<> TreeCopier::push_frame(std::size_t path_length)
{
    Frame frame;
    frame.path_length = path_length;
    if (const int found = sys::fstat(source_.fd(), &frame.status); found < 0)
        return checked(found);
    OrErrno<std::vector<std::string>> names = read_names(source_.fd());
    if (!names)
        return std::unexpected(names.error());
    frame.names = std::move(*names);
    frames_.push_back(std::move(frame));
    return {};
}

/// The mode may forbid what we still have to do in the directory, so it comes last.
OrErrno<> TreeCopier::finish_directory()
{
    const Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (frames_.empty())
        return copy_attributes(source_.fd(), frame.status, target_.fd());
    const OrErrno<sys::Fd> source = source_.leave();
    const OrErrno<sys::Fd> target = target_.leave();
    if (!source || !target)
        return std::unexpected(source ? target.error() : source.error());
    const OrErrno<> copied = copy_attributes(source->get(), frame.status, target->get());
    if (copied)
        path_.resize(frame.path_length);
    return copied;
}

OrErrno<> TreeCopier::enter(const std::string& name)
{
    if (OrErrno<> entered = source_.enter(name); !entered)
        return entered;
    if (const int made = sys::mkdirat(target_.fd(), name.c_str(), 0700); made < 0)
        return checked(made);
    if (OrErrno<> entered = target_.enter(name); !entered)
        return entered;
    const std::size_t length = path_.size();
    OrErrno<> pushed = push_frame(length);
    if (pushed)
        (path_ += name) += '/';
    return pushed;
}

OrErrno<> TreeCopier::copy_entry(const std::string& name)
{
    if (sys::is_interrupted())
        return std::unexpected(EINTR);
    struct ::stat status = {};
    if (const int found = sys::statat(source_.fd(), name.c_str(), &status); found < 0)
        return checked(found);
    mode_ = status.st_mode;
    if (status.st_dev == top_status_.st_dev && status.st_ino == top_status_.st_ino)
        return {}; // the target itself, inside its own source
    if (S_ISDIR(mode_))
        return enter(name);
    if (is_special(mode_))
        return std::unexpected(EINVAL);
    if (S_ISREG(mode_)) {
        ++copied_.files;
        copied_.bytes += static_cast<std::uint64_t>(status.st_size);
    }
    if (status.st_nlink > 1) {
        const auto [first, is_first] = linked_.try_emplace({status.st_dev, status.st_ino}, path_ + name);
        if (!is_first)
            return checked(sys::linkat(target_top_.get(), first->second.c_str(), target_.fd(), name.c_str()));
    }
    return copy_node(source_.fd(), name, target_.fd(), name);
}

} // namespace

std::string_view kind_name(::mode_t mode)
{
    return S_ISREG(mode) ? "file" : S_ISDIR(mode) ? "directory" : S_ISLNK(mode) ? "symbolic link" : S_ISFIFO(mode) ? "fifo" : S_ISSOCK(mode) ? "socket" : "device";
}

bool is_special(::mode_t mode)
{
    return S_ISFIFO(mode) || S_ISSOCK(mode) || S_ISCHR(mode) || S_ISBLK(mode);
}

OrErrno<> copy_attributes(int source, const struct ::stat& status, int target)
{
    const OrErrno<Xattrs> xattrs = read_xattrs(source);
    if (!xattrs)
        return std::unexpected(xattrs.error());
    if (OrErrno<> written = write_xattrs(target, *xattrs); !written)
        return written;
    const int changed = sys::chmod(target, status.st_mode & 07777);
    return checked(changed < 0 ? changed : sys::set_times(target, times_of(status).at));
}

OrErrno<> copy_node(int source_dir, const std::string& source, int target_dir, const std::string& target)
{
    struct ::stat status = {};
    if (const int found = sys::statat(source_dir, source.c_str(), &status); found < 0)
        return checked(found);
    return S_ISLNK(status.st_mode) ? copy_link(source_dir, source, target_dir, target) : copy_file(source_dir, source, target_dir, target);
}

Result<Copied> copy_tree(int source_dir, const std::string& source, int target_dir, const std::string& target,
                         const CopyNames& names)
{
    struct ::stat status = {};
    if (const int found = sys::statat(source_dir, source.c_str(), &status); found < 0)
        return copy_error(names.shown, -found, 0);
    if (is_special(status.st_mode))
        return copy_error(names.shown, 0, status.st_mode);
    if (!S_ISDIR(status.st_mode)) {
        if (const OrErrno<> copied = copy_node(source_dir, source, target_dir, target); !copied)
            return copy_error(names.shown, copied.error(), 0);
        return Copied{S_ISREG(status.st_mode) ? 1U : 0U, S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0};
    }
    sys::Fd from(sys::openat(source_dir, source.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (!from)
        return copy_error(names.shown, -from.error(), 0);
    if (const int made = sys::mkdirat(target_dir, target.c_str(), 0700); made < 0)
        return copy_error(names.shown, -made, 0);
    sys::Fd to(sys::openat(target_dir, target.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (!to)
        return copy_error(names.shown, -to.error(), 0);
    return TreeCopier(std::move(from), std::move(to), names).copy();
}

} // namespace glovebox::review
