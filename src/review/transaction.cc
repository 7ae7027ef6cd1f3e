// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "review/transaction.h"

#include "review/remove.h"
#include "text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ranges>

#include <fcntl.h>

namespace glovebox::review {
namespace {

constexpr sys::SignalSet kEnding =
    sys::signal_bit(SIGINT) | sys::signal_bit(SIGTERM) | sys::signal_bit(SIGHUP) | sys::signal_bit(SIGQUIT);

/// A name has at most 255 bytes, and the hidden one is longer.
constexpr std::size_t kMaxVisible = 200;

std::string random_token()
{
    std::array<unsigned char, 6> bytes = {};
    sys::getrandom(bytes.data(), bytes.size());
    std::string out;
    for (const unsigned char byte : bytes) {
        char hex[3];
        std::snprintf(hex, sizeof hex, "%02x", byte);
        out += hex;
    }
    return out;
}

/// What a change of content, kind or mode would change. A change of links alone goes unnoticed:
/// our own steps make some.
bool is_unchanged(const struct ::stat& before, const struct ::stat& now)
{
    return before.st_ino == now.st_ino && before.st_dev == now.st_dev && before.st_mode == now.st_mode &&
           (S_ISDIR(now.st_mode) || (before.st_size == now.st_size && before.st_mtim == now.st_mtim));
}

/// `hidden` and `name` change places. 0 or -errno.
int exchange(int dir, const std::string& hidden, const std::string& name)
{
    const int exchanged = sys::renameat2(dir, hidden.c_str(), dir, name.c_str(), RENAME_EXCHANGE);
    if (exchanged != -EINVAL)
        return exchanged;
    // A file system without this flag: for a moment, nothing is there.
    const std::string aside = hidden + "~";
    int moved = rename_new(dir, name, dir, aside);
    if (moved < 0)
        return moved;
    moved = rename_new(dir, hidden, dir, name);
    if (moved < 0) {
        rename_new(dir, aside, dir, name);
        return moved;
    }
    rename_new(dir, aside, dir, hidden);
    return 0;
}

} // namespace

int Parent::open(int root, const std::string& path)
{
    if (root != root_ || path != path_ || !fd_) {
        root_ = root;
        path_ = path;
        fd_.reset(sys::open_beneath(root, path.c_str(), O_PATH | O_DIRECTORY, sys::Links::refuse));
    }
    return fd_ ? fd_.get() : fd_.error();
}

Transaction::Transaction() : token_(random_token())
{
    sys::set_signal_mask(sys::kAllSignals, &old_mask_);
    sys::set_signal_mask(old_mask_ | kEnding, nullptr);
}

Transaction::~Transaction()
{
    for (const Step& step : steps_)
        if (step.kind == Step::Kind::replace && !step.is_done)
            if (const int parent = parent_.open(step.spot.root, step.spot.parent); parent >= 0)
                remove_entry(parent, step.hidden);
    sys::set_signal_mask(old_mask_, nullptr);
}

std::string Transaction::add(Step step)
{
    step.hidden = "." + step.spot.name.substr(0, kMaxVisible) + ".glovebox-" + token_ + "-" + std::to_string(steps_.size());
    steps_.push_back(std::move(step));
    return steps_.back().hidden;
}

std::string Transaction::replace(Spot spot, const std::optional<struct ::stat>& now)
{
    return add({Step::Kind::replace, std::move(spot), now});
}

void Transaction::remove(Spot spot, const struct ::stat& now) { add({Step::Kind::remove, std::move(spot), now}); }

void Transaction::change_mode(Spot spot, const struct ::stat& now, ::mode_t mode, std::optional<Xattrs> xattrs)
{
    Step step = {Step::Kind::mode, std::move(spot), now};
    step.mode = mode;
    step.xattrs = std::move(xattrs);
    add(std::move(step));
}

Result<> Transaction::commit()
{
    if (Result<> checked = check(); !checked)
        return checked;
    // Modes last: they may forbid what is still to be done in a directory.
    std::ranges::stable_partition(steps_, [](const Step& step) { return step.kind != Step::Kind::mode; });
    for (Step& step : steps_) {
        const int result = perform(step);
        step.is_done = result == 0;
        if (result < 0) {
            for (Step& done : steps_ | std::views::reverse)
                if (done.is_done)
                    undo(done);
            return fail("writing " + quote(step.spot.shown), std::strerror(-result), step.spot.from);
        }
    }
    return remove_old();
}

Result<> Transaction::check()
{
    for (const Step& step : steps_) {
        struct ::stat status = {};
        int found = parent_.open(step.spot.root, step.spot.parent);
        if (found >= 0)
            found = sys::statat(found, step.spot.name.c_str(), &status);
        const bool as_expected = step.now ? found == 0 && is_unchanged(*step.now, status) : found == -ENOENT;
        if (!as_expected)
            return fail("writing " + quote(step.spot.shown), "it has changed meanwhile", step.spot.from);
    }
    return {};
}

int Transaction::perform(Step& step)
{
    const int parent = parent_.open(step.spot.root, step.spot.parent);
    if (parent < 0)
        return parent;
    const std::string& name = step.spot.name;
    if (step.kind == Step::Kind::replace)
        return step.now ? exchange(parent, step.hidden, name) : rename_new(parent, step.hidden, parent, name);
    if (step.kind == Step::Kind::remove)
        return rename_new(parent, name, parent, step.hidden);
    if (step.xattrs) {
        const sys::Fd file(sys::openat(parent, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
        if (!file)
            return file.error();
        OrErrno<Xattrs> old = read_xattrs(file.get());
        if (!old)
            return -old.error();
        step.old_xattrs = std::move(*old);
        if (const OrErrno<> written = write_xattrs(file.get(), *step.xattrs); !written)
            return -written.error();
    }
    const sys::Fd file(sys::openat(parent, name.c_str(), O_PATH | O_NOFOLLOW));
    return file ? sys::chmod(file.get(), step.mode) : file.error();
}

/// Where this fails, too, what was there stays under its hidden name.
void Transaction::undo(Step& step)
{
    const int parent = parent_.open(step.spot.root, step.spot.parent);
    const std::string& name = step.spot.name;
    int undone = parent;
    if (step.kind == Step::Kind::replace) {
        undone = step.now ? exchange(parent, step.hidden, name) : rename_new(parent, name, parent, step.hidden);
    } else if (step.kind == Step::Kind::remove) {
        undone = rename_new(parent, step.hidden, parent, name);
    } else {
        const sys::Fd file(sys::openat(parent, name.c_str(), O_PATH | O_NOFOLLOW));
        undone = sys::chmod(file.get(), step.now->st_mode & 07777);
        if (step.old_xattrs) {
            const sys::Fd readable(sys::openat(parent, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
            static_cast<void>(write_xattrs(readable.get(), *step.old_xattrs));
        }
    }
    step.is_done = undone < 0;
}

Result<> Transaction::remove_old()
{
    Result<> result;
    for (const Step& step : steps_) {
        if (step.kind == Step::Kind::mode || !step.now)
            continue;
        int removed = parent_.open(step.spot.root, step.spot.parent);
        if (removed >= 0)
            removed = remove_entry(removed, step.hidden);
        if (removed < 0 && result)
            result = fail("everything is written, but removing the old " + quote(step.spot.shown) + ", now " +
                              quote(step.spot.parent + "/" + step.hidden) + ",",
                          std::strerror(-removed), step.spot.from);
    }
    return result;
}

} // namespace glovebox::review
