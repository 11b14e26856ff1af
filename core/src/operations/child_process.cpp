#include "rivulet/rdd/operations/child_process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace rivulet::detail {
namespace {

constexpr std::size_t kMostWaiting = 64 << 10, kBlock = 64 << 10, kMostSaid = 2 << 10;
constexpr int kPatience = 20; // ms in which nothing moves until the task looks whether it is cancelled

[[noreturn]] void throwFailed(const std::string& what, int error) {
    throw IoError("pipe: " + what + ": " + std::system_category().message(error) + " (errno " + std::to_string(error) +
                  ")");
}

class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int value) : value_(value) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~Descriptor() { close(); }
    int get() const { return value_; }
    bool isOpen() const { return value_ >= 0; }
    void close() {
        if (value_ >= 0) ::close(value_);
        value_ = -1;
    }

  private:
    int value_ = -1;
};

struct PipeEnds {
    Descriptor read, write;
    PipeEnds() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) throwFailed("cannot make a pipe", errno);
        read = Descriptor(ends[0]);
        write = Descriptor(ends[1]);
    }
};

/// Writes, and is not killed where nobody reads any more: SIGPIPE is held back on this thread alone.
ssize_t writeWithoutSignal(int to, const char* bytes, std::size_t size) {
    sigset_t pipes, before, pending;
    sigemptyset(&pipes);
    sigaddset(&pipes, SIGPIPE);
    sigpending(&pending);
    const bool wasPending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipes, &before);
    const ssize_t written = ::write(to, bytes, size);
    const int error = errno;
    if (written < 0 && error == EPIPE && !wasPending) {
        const timespec now{};
        while (sigtimedwait(&pipes, nullptr, &now) < 0 && errno == EINTR) {}
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    return written;
}

void withoutBlocking(const Descriptor& descriptor) {
    ::fcntl(descriptor.get(), F_SETFL, ::fcntl(descriptor.get(), F_GETFL) | O_NONBLOCK);
}

} // namespace

std::string Command::text() const {
    std::string all;
    for (const std::string& word : words) all += (all.empty() ? "" : " ") + word;
    return all;
}

void requireCommand(const std::vector<std::string>& words, std::source_location where) {
    if (words.empty() || words.front().empty())
        throw UsageError("pipe: the command is empty: give a program and its arguments", where);
}

std::vector<std::string> commandWords(std::string_view line, std::source_location where) {
    std::vector<std::string> words;
    constexpr std::string_view kSpace = " \t\r\n";
    for (auto at = line.find_first_not_of(kSpace); at != line.npos;) {
        const auto end = std::min(line.find_first_of(kSpace, at), line.size());
        words.emplace_back(line.substr(at, end - at));
        at = line.find_first_not_of(kSpace, end);
    }
    requireCommand(words, where);
    return words;
}

struct ChildProcess::State {
    std::string command;
    int partition = 0;
    pid_t process = -1;
    Descriptor input, output, errors;
    std::string waiting; // input, from `written` on
    std::size_t written = 0;
    bool inputEnded = false;
    std::string held; // output; before `given` it was handed out
    std::size_t given = 0;
    std::string said; // the end of its standard error

    void start(const Command& given) {
        PipeEnds in, out, err;
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, in.read.get(), STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, out.write.get(), STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions, err.write.get(), STDERR_FILENO);
        std::vector<std::string> words = given.words, variables;
        for (char** at = environ; *at; ++at) {
            const std::string_view variable = *at;
            const auto isReplaced = [&](const auto& other) {
                return other.first == variable.substr(0, variable.find('='));
            };
            if (std::none_of(given.environment.begin(), given.environment.end(), isReplaced))
                variables.emplace_back(variable);
        }
        for (const auto& [name, value] : given.environment) variables.push_back(name + "=" + value);
        std::vector<char*> arguments, environment;
        for (std::string& word : words) arguments.push_back(word.data());
        for (std::string& variable : variables) environment.push_back(variable.data());
        arguments.push_back(nullptr);
        environment.push_back(nullptr);
        const int error =
            ::posix_spawnp(&process, arguments[0], &actions, nullptr, arguments.data(), environment.data());
        posix_spawn_file_actions_destroy(&actions);
        if (error != 0) {
            process = -1;
            throwFailed("cannot start the command '" + command + "'", error);
        }
        input = std::move(in.write);
        output = std::move(out.read);
        errors = std::move(err.read);
        for (const Descriptor* end : {&input, &output, &errors}) withoutBlocking(*end);
    }

    void write() {
        while (written < waiting.size()) {
            const ssize_t n = writeWithoutSignal(input.get(), waiting.data() + written, waiting.size() - written);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0 && errno == EAGAIN) return;
            if (n < 0) { // it wants no more: what is left is not for anybody
                input.close();
                break;
            }
            written += std::size_t(n);
        }
        waiting.clear();
        written = 0;
        if (inputEnded) input.close();
    }

    /// Appends what there is to read; closes at the end.
    static void read(Descriptor& from, std::string& to) {
        char bytes[4096];
        for (std::size_t all = 0; all < kBlock;) {
            const ssize_t n = ::read(from.get(), bytes, sizeof bytes);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0 && errno == EAGAIN) return;
            if (n <= 0) return from.close();
            to.append(bytes, std::size_t(n));
            all += std::size_t(n);
        }
    }

    void move() {
        std::array<pollfd, 3> ends{{{output.get(), POLLIN, 0},
                                    {errors.get(), POLLIN, 0},
                                    {waiting.size() > written || inputEnded ? input.get() : -1, POLLOUT, 0}}};
        const bool canWait = !input.isOpen() || inputEnded || waiting.size() - written >= kMostWaiting;
        ::poll(ends.data(), ends.size(), canWait ? kPatience : 0);
        if (ends[2].revents) write();
        if (ends[0].revents) read(output, held);
        if (ends[1].revents) {
            read(errors, said);
            if (said.size() > kMostSaid) said.erase(0, said.size() - kMostSaid);
        }
    }

    /// Whether it has ended; throws where it has not succeeded.
    bool ended() {
        int status = 0;
        const pid_t done = ::waitpid(process, &status, WNOHANG);
        if (done == 0 || (done < 0 && errno == EINTR)) {
            ::poll(nullptr, 0, 1);
            return false;
        }
        process = -1;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
        while (!said.empty() && said.back() == '\n') said.pop_back();
        throw IoError("pipe: the command '" + command + "' of partition " + std::to_string(partition) +
                      (WIFEXITED(status) ? " ended with status " + std::to_string(WEXITSTATUS(status))
                                         : " was ended by signal " + std::to_string(WTERMSIG(status))) +
                      (said.empty() ? "" : "; it wrote: " + said));
    }
};

ChildProcess::ChildProcess(const Command& command, int partition) : state_(std::make_unique<State>()) {
    state_->command = command.text();
    state_->partition = partition;
    state_->start(command);
}

ChildProcess::~ChildProcess() {
    if (state_->process < 0) return;
    ::kill(state_->process, SIGKILL);
    while (::waitpid(state_->process, nullptr, 0) < 0 && errno == EINTR) {}
}

bool ChildProcess::wantsInput() const {
    return state_->input.isOpen() && state_->waiting.size() - state_->written < kMostWaiting;
}
std::string& ChildProcess::input() { return state_->waiting; }
void ChildProcess::endInput() { state_->inputEnded = true; }

bool ChildProcess::exchange(std::string_view& lines) {
    State& state = *state_;
    state.held.erase(0, state.given);
    state.given = 0;
    lines = {};
    if (!state.output.isOpen() && !state.errors.isOpen()) return !state.ended();
    state.move();
    const auto newline = state.held.rfind('\n');
    state.given = !state.output.isOpen() ? state.held.size() : newline == state.held.npos ? 0 : newline + 1;
    lines = std::string_view(state.held).substr(0, state.given);
    return true;
}

} // namespace rivulet::detail
