// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the glovebox authors
#include "review/apply.h"

#include "review/copy.h"
#include "review/transaction.h"
#include "text.h"

#include <cerrno>
#include <cstring>
#include <map>
#include <ranges>

#include <fcntl.h>

namespace glovebox::review {
namespace {

struct Split {
    std::string parent;
    std::string name;
};

Split split(const std::string& path)
{
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? Split{".", path} : Split{path.substr(0, slash), path.substr(slash + 1)};
}

/// Prepares the changes to one place.
class Stager {
public:
    Stager(const Place& place, Transaction& transaction) : place_(place), transaction_(transaction) {}

    Result<> stage(const std::vector<Change>& changes);

private:
    /// A new directory, whose mode, times and attributes come when all is in it.
    struct NewDirectory {
        std::string path;   ///< in the scratch
        std::string staged; ///< on the host
        struct ::stat status;
    };

    OrErrno<> stage_one(const Change& change);
    OrErrno<> stage_mode(const Change& change);
    OrErrno<> make(const Change& change, const std::string& staged);
    OrErrno<> make_file(const Change& change, const std::string& staged);
    OrErrno<> finish_directories();
    [[nodiscard]] Spot spot_of(const Change& change) const;

    const Place& place_;
    Transaction& transaction_;
    sys::Fd host_;
    sys::Fd upper_;
    Parent host_parent_;
    Parent upper_parent_;
    std::string removed_; ///< the directory that goes with all in it; "" for none
    std::string new_;     ///< the directory that comes with all in it, and where it is until then
    std::string new_staged_;
    std::vector<NewDirectory> directories_;
    std::map<std::string, std::string> linked_; ///< first path of a file -> where it is on the host
};

Result<> Stager::stage(const std::vector<Change>& changes)
{
    const auto failed = [&](const std::string& path, std::string why) {
        return fail("applying " + quote(path), std::move(why));
    };
    host_.reset(sys::open(place_.source.c_str(), O_RDONLY | O_DIRECTORY));
    if (!host_)
        return failed(place_.source, std::strerror(-host_.error()));
    upper_.reset(sys::open(place_.upper().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (!upper_)
        return failed(place_.upper(), std::strerror(-upper_.error()));
    for (const Change& change : changes) {
        const std::string shown = place_.source + "/" + change.path;
        if (!change.conflict.empty())
            return fail(quote(shown) + " " + change.conflict);
        if (is_special(change.after.st_mode) && change.kind != Change::Kind::mode)
            return failed(shown, "it is a " + std::string(kind_name(change.after.st_mode)));
        const OrErrno<> staged = sys::is_interrupted() ? std::unexpected(EINTR) : stage_one(change);
        if (!staged)
            return failed(shown, std::strerror(staged.error()));
    }
    if (const OrErrno<> finished = finish_directories(); !finished)
        return failed(place_.source, std::strerror(finished.error()));
    return {};
}

Spot Stager::spot_of(const Change& change) const
{
    auto [parent, name] = split(change.path);
    return {host_.get(), std::move(parent), std::move(name), place_.source + "/" + change.path, {}};
}

OrErrno<> Stager::stage_one(const Change& change)
{
    using Kind = Change::Kind;
    if (change.kind == Kind::removed) {
        if (!removed_.empty() && is_below(change.path, removed_))
            return {};
        transaction_.remove(spot_of(change), change.before);
        if (S_ISDIR(change.before.st_mode))
            removed_ = change.path;
        return {};
    }
    // A file with several paths cannot change its mode at one of them alone.
    const bool is_in_place = !S_ISREG(change.before.st_mode) || (change.before.st_nlink == 1 && !change.is_linked);
    if (change.kind == Kind::mode && is_in_place)
        return stage_mode(change);
    if (!new_.empty() && is_below(change.path, new_))
        return make(change, new_staged_ + change.path.substr(new_.size()));
    if (S_ISDIR(change.before.st_mode))
        removed_ = change.path;
    const std::string hidden =
        transaction_.replace(spot_of(change), change.before.st_mode == 0 ? std::nullopt : std::optional(change.before));
    const std::string parent = split(change.path).parent;
    const std::string staged = parent == "." ? hidden : parent + "/" + hidden;
    if (S_ISDIR(change.after.st_mode)) {
        new_ = change.path;
        new_staged_ = staged;
    }
    return make(change, staged);
}

OrErrno<> Stager::stage_mode(const Change& change)
{
    std::optional<Xattrs> xattrs;
    if (S_ISREG(change.after.st_mode) || S_ISDIR(change.after.st_mode)) {
        const sys::Fd file(sys::open_beneath(upper_.get(), change.path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK, sys::Links::refuse));
        OrErrno<Xattrs> found = file ? read_xattrs(file.get()) : std::unexpected(-file.error());
        if (!found)
            return std::unexpected(found.error());
        xattrs = std::move(*found);
    }
    transaction_.change_mode(spot_of(change), change.before, change.after.st_mode & 07777, std::move(xattrs));
    return {};
}

OrErrno<> Stager::make(const Change& change, const std::string& staged)
{
    if (!S_ISDIR(change.after.st_mode))
        return make_file(change, staged);
    directories_.push_back({change.path, staged, change.after});
    const auto [parent, name] = split(staged);
    const int dir = host_parent_.open(host_.get(), parent);
    return checked(dir < 0 ? dir : sys::mkdirat(dir, name.c_str(), 0700));
}

OrErrno<> Stager::make_file(const Change& change, const std::string& staged)
{
    const auto [target_parent, target_name] = split(staged);
    const int target = host_parent_.open(host_.get(), target_parent);
    if (target < 0)
        return checked(target);
    if (change.is_linked) {
        const std::string& first = change.link_to.empty() ? change.path : change.link_to;
        const auto [known, is_new] = linked_.try_emplace(first, change.link_is_unchanged ? first : staged);
        if (!is_new || change.link_is_unchanged) {
            const auto [parent, name] = split(known->second);
            Parent opener;
            const int source = opener.open(host_.get(), parent);
            return checked(source < 0 ? source : sys::linkat(source, name.c_str(), target, target_name.c_str()));
        }
    }
    const auto [parent, name] = split(change.path);
    const int source = upper_parent_.open(upper_.get(), parent);
    return source < 0 ? checked(source) : copy_node(source, name, target, target_name);
}

OrErrno<> Stager::finish_directories()
{
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    for (const NewDirectory& directory : directories_ | std::views::reverse) {
        const sys::Fd source(sys::open_beneath(upper_.get(), directory.path.c_str(), kFlags, sys::Links::refuse));
        const sys::Fd target(sys::open_beneath(host_.get(), directory.staged.c_str(), kFlags, sys::Links::refuse));
        if (!source || !target)
            return checked(source ? target.error() : source.error());
        if (OrErrno<> copied = copy_attributes(source.get(), directory.status, target.get()); !copied)
            return copied;
    }
    return {};
}

} // namespace

Result<> apply_changes(std::span<const Selection> selections)
{
    std::vector<std::unique_ptr<Stager>> stagers; // their descriptors are the transaction's, too
    Transaction transaction;
    for (const Selection& selection : selections) {
        stagers.push_back(std::make_unique<Stager>(*selection.place, transaction));
        if (Result<> staged = stagers.back()->stage(selection.changes); !staged)
            return staged;
    }
    return transaction.commit();
}

} // namespace glovebox::review
