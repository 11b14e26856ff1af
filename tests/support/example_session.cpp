// example_session PROGRAM SESSION: tests an example that reads lines from a TCP server and runs until it is
// interrupted.
//
// The first line of the file SESSION is the example's command line, "$ name argument...", where PORT and PORT2 stand
// for the ports of two servers that this program opens on the loopback. Lines that begin with "> " are sent by the
// first, in one piece, those with "2> " by the second. All others are lines that the example must print, in any order
// and among others; when it has, it is interrupted and must end with status 0.

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iostream>
#include <poll.h>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr std::size_t kServers = 2;
constexpr int kPatienceMs = 50'000; // below the time-out of the test, so that this program tells what is missing

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

int checked(int result, const char* call) {
    if (result < 0) fail(std::string(call) + ": " + std::strerror(errno));
    return result;
}

struct Session {
    std::vector<std::string> arguments;
    std::array<std::string, kServers> sent;
    std::vector<std::string> expected;
};

Session readSession(const std::string& path) {
    std::ifstream file(path);
    if (!file) fail("cannot read " + path);
    Session session;
    std::string line;
    while (std::getline(file, line)) {
        if (line.starts_with("$ ")) {
            std::istringstream words(line.substr(2));
            for (std::string word; words >> word;) session.arguments.push_back(word);
        } else if (line.starts_with("> ")) {
            session.sent[0] += line.substr(2) + '\n';
        } else if (line.starts_with("2> ")) {
            session.sent[1] += line.substr(3) + '\n';
        } else {
            session.expected.push_back(line);
        }
    }
    if (session.arguments.empty() || session.expected.empty()) fail(path + ": no command line, or nothing is expected");
    return session;
}

struct Server {
    int socket;
    std::string port;
};

Server listenOnLoopback() {
    const int socket = checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    checked(::bind(socket, generic, size), "bind");
    checked(::listen(socket, 1), "listen");
    checked(::getsockname(socket, generic, &size), "getsockname");
    return {socket, std::to_string(ntohs(address.sin_port))};
}

struct Child {
    pid_t id;
    int output;
};

Child run(const char* program, const std::vector<std::string>& arguments) {
    int ends[2];
    checked(::pipe2(ends, O_CLOEXEC), "pipe2");
    const pid_t id = checked(::fork(), "fork");
    if (id == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL); // never outlives the test
        ::dup2(ends[1], STDOUT_FILENO);
        std::vector<char*> argv;
        for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
        argv.push_back(nullptr);
        ::execv(program, argv.data());
        ::_exit(127);
    }
    ::close(ends[1]);
    return {id, ends[0]};
}

void sendAll(int socket, std::string_view text) {
    while (!text.empty())
        text.remove_prefix(std::size_t(checked(int(::send(socket, text.data(), text.size(), MSG_NOSIGNAL)), "send")));
}

bool printedAll(const std::string& printed, std::vector<std::string>& missing) {
    std::istringstream lines(printed);
    for (std::string line; std::getline(lines, line);) std::erase(missing, line);
    return missing.empty();
}

void check(const char* program, Session session) {
    const std::array<Server, kServers> servers{listenOnLoopback(), listenOnLoopback()};
    std::ranges::replace(session.arguments, "PORT", servers[0].port);
    std::ranges::replace(session.arguments, "PORT2", servers[1].port);
    const Child child = run(program, session.arguments);

    std::string printed;
    bool interrupted = false;
    // A server accepts one connection, which stays open to the end: losing it would be an event of its own.
    std::array<pollfd, kServers + 1> waited{
        {{servers[0].socket, POLLIN, 0}, {servers[1].socket, POLLIN, 0}, {child.output, POLLIN, 0}}};
    for (;;) {
        if (checked(::poll(waited.data(), waited.size(), kPatienceMs), "poll") == 0)
            fail("nothing happens; so far it printed\n" + printed);
        for (std::size_t i = 0; i < kServers; ++i) {
            if (!waited[i].revents) continue;
            sendAll(checked(::accept4(servers[i].socket, nullptr, nullptr, SOCK_CLOEXEC), "accept4"), session.sent[i]);
            waited[i] = {-1, 0, 0};
        }
        if (waited[kServers].revents) {
            char bytes[4096];
            const ssize_t size = ::read(child.output, bytes, sizeof bytes);
            if (size <= 0) break;
            printed.append(bytes, std::size_t(size));
            if (!interrupted && printedAll(printed, session.expected)) {
                checked(::kill(child.id, SIGINT), "kill");
                interrupted = true;
            }
        }
    }
    int status = 0;
    checked(::waitpid(child.id, &status, 0), "waitpid");
    if (!interrupted) fail("it ended without printing \"" + session.expected.front() + "\"; it printed\n" + printed);
    if (status != 0) fail("it ended with wait status " + std::to_string(status) + " after the interrupt");
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: example_session PROGRAM SESSION\n";
        return 2;
    }
    try {
        check(argv[1], readSession(argv[2]));
        return 0;
    } catch (const std::exception& error) {
        std::cerr << argv[1] << ": " << error.what() << '\n';
        return 1;
    }
}
