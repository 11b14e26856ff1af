#include "durable/copies/copy_maker.h"

#include "durable/files.h"
#include "rivulet/log.h"

namespace rivulet::detail {

CopyMaker::~CopyMaker() {
    if (!thread_.joinable()) return;
    thread_.request_stop(); // followed when nothing waits
    thread_.join();
}

void CopyMaker::add(Task task) {
    const std::lock_guard lock(mutex_);
    following_ += task.follows;
    waiting_.push_back(std::move(task));
    if (!thread_.joinable()) thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
    changed_.notify_all();
}

bool CopyMaker::isFollowing() const {
    const std::lock_guard lock(mutex_);
    return following_ > 0;
}

void CopyMaker::run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
        const Task task = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        std::exception_ptr failure;
        try {
            make(task);
        } catch (...) {
            failure = std::current_exception();
            before_.clear();
            beforeContents_ = {};
            giveUp(task);
        }
        lock.lock();
        following_ -= task.follows;
        lock.unlock();
        task.done(failure);
        lock.lock();
    }
}

/// The links would keep what the database deletes from being deleted.
void CopyMaker::giveUp(const Task& task) noexcept {
    try {
        if (env_.FileExists(task.source.database).ok()) removeFolder(env_, task.source.database);
    } catch (...) { // the next start does it
    }
}

void CopyMaker::make(const Task& task) {
    if (!task.folder.empty() && env_.FileExists(task.path).ok()) removeFolder(env_, task.path);
    const bool follows = task.follows && !before_.empty();
    auto contents = makeSavedCopy(env_, task.source, task.path, follows ? before_ : std::string(),
                                  follows ? beforeContents_ : SavedContents());
    if (task.follows) {
        before_ = task.path;
        beforeContents_ = std::move(contents);
    }
    if (task.folder.empty()) return;
    try {
        retainSavedCopies(env_, task.folder, task.retained);
    } catch (const std::exception& error) { // the copy itself is there
        logWarn("checkpoint: cannot delete older copies in '" + task.folder + "': " + error.what());
    }
}

} // namespace rivulet::detail
