#include "signal_stop.h"

#include "rivulet/log.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

namespace rivulet::detail {
namespace {

int wakeUp = -1; // written by the handlers, read by the watcher; what is written adds up

constexpr std::uint64_t kStop = 1, kSavepoint = std::uint64_t(1) << 32;

void wake(std::uint64_t what) {
    const int error = errno;
    static_cast<void>(!::write(wakeUp, &what, sizeof what));
    errno = error;
}

extern "C" void onStopSignal(int signal) {
    std::signal(signal, SIG_DFL); // the next one ends the process
    wake(kStop);
}
extern "C" void onSavepointSignal(int) { wake(kSavepoint); }

std::mutex mutex;
std::weak_ptr<StreamCore> stopped; // guarded by mutex
std::weak_ptr<StreamCore> saved;   // guarded by mutex
bool stopGracefully = true;        // guarded by mutex

void askForSavepoint(StreamCore& core) {
    try {
        core.savepoint({}, false, std::source_location::current());
    } catch (const std::exception& error) {
        logError(std::string("could not make a savepoint at a signal: ") + error.what());
    }
}

void waitForSignal() {
    for (;;) {
        std::uint64_t count;
        if (::read(wakeUp, &count, sizeof count) != sizeof count) {
            if (errno == EINTR) continue;
            return;
        }
        std::shared_ptr<StreamCore> core, toSave;
        bool graceful;
        {
            std::lock_guard lock(mutex);
            if (count % kSavepoint > 0) core = stopped.lock();
            if (count >= kSavepoint) toSave = saved.lock();
            graceful = stopGracefully;
        }
        if (toSave) askForSavepoint(*toSave);
        toSave.reset();
        if (!core) continue;
        logInfo("stopping because of a signal");
        try {
            core->stop(true, graceful);
        } catch (const std::exception& error) {
            logError(std::string("could not stop after a signal: ") + error.what());
        }
    }
}

/// With `mutex` held.
void startWatcher() {
    if (wakeUp >= 0) return;
    wakeUp = ::eventfd(0, EFD_CLOEXEC);
    if (wakeUp < 0) throw IoError(std::string("stopOnSignal: cannot make an eventfd: ") + std::strerror(errno));
    std::thread(waitForSignal).detach(); // waits in read(2) for the rest of the process's life
}

} // namespace

void stopOnSignal(const std::shared_ptr<StreamCore>& core, bool gracefully) {
    std::lock_guard lock(mutex);
    stopped = core;
    stopGracefully = gracefully;
    startWatcher();
    std::signal(SIGINT, onStopSignal);
    std::signal(SIGTERM, onStopSignal);
}

void savepointOnSignal(const std::shared_ptr<StreamCore>& core, const std::string& signal) {
    std::lock_guard lock(mutex);
    saved = core;
    startWatcher();
    std::signal(signal == "USR2" ? SIGUSR2 : SIGUSR1, onSavepointSignal);
}

} // namespace rivulet::detail
