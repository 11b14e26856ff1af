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

int wakeUp = -1; // written by the handler, read by the thread that stops

extern "C" void onStopSignal(int signal) {
    const int error = errno;
    std::signal(signal, SIG_DFL); // the next one ends the process
    const std::uint64_t one = 1;
    static_cast<void>(!::write(wakeUp, &one, sizeof one));
    errno = error;
}

std::mutex mutex;
std::weak_ptr<StreamCore> stopped; // guarded by mutex
bool stopGracefully = true;        // guarded by mutex

void waitForSignal() {
    for (;;) {
        std::uint64_t count;
        if (::read(wakeUp, &count, sizeof count) != sizeof count) {
            if (errno == EINTR) continue;
            return;
        }
        std::shared_ptr<StreamCore> core;
        bool graceful;
        {
            std::lock_guard lock(mutex);
            core = stopped.lock();
            graceful = stopGracefully;
        }
        if (!core) continue;
        logInfo("stopping because of a signal");
        try {
            core->stop(true, graceful);
        } catch (const std::exception& error) {
            logError(std::string("could not stop after a signal: ") + error.what());
        }
    }
}

} // namespace

void stopOnSignal(const std::shared_ptr<StreamCore>& core, bool gracefully) {
    std::lock_guard lock(mutex);
    stopped = core;
    stopGracefully = gracefully;
    if (wakeUp < 0) {
        wakeUp = ::eventfd(0, EFD_CLOEXEC);
        if (wakeUp < 0) throw IoError(std::string("stopOnSignal: cannot make an eventfd: ") + std::strerror(errno));
        std::thread(waitForSignal).detach(); // waits in read(2) for the rest of the process's life
    }
    std::signal(SIGINT, onStopSignal);
    std::signal(SIGTERM, onStopSignal);
}

} // namespace rivulet::detail
