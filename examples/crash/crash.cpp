// crash: counts the words of texts that a client sends, in a process that is killed before your eyes, and compares.
// `crash --help` tells more.
#include "counter.h"
#include "process.h"
#include "sender.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>

using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

using Steady = std::chrono::steady_clock;

struct Options {
    int kills = 3;
    double between = 2; // seconds
    long rate = 20'000; // lines per second
    std::vector<std::string> files;
    std::string serve; // the directory of the process that counts
    int port = 0;
};

std::string withSeparators(long number) {
    std::string text = std::to_string(number);
    for (int at = int(text.size()) - 3; at > 0; at -= 3) text.insert(std::size_t(at), ",");
    return text;
}

/// A directory that goes with the program.
class Directory {
  public:
    Directory() {
        std::string name = (fs::temp_directory_path() / "rivulet-crash-XXXXXX").string();
        if (!::mkdtemp(name.data())) throw std::runtime_error("cannot make a directory: " + name);
        path_ = name;
    }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    ~Directory() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

/// The process that counts, and what it says of itself: "port N", then "total WORDS DISTINCT" after each batch.
class Server {
  public:
    explicit Server(std::string directory) : directory_(std::move(directory)) {
        start();
        while (port_ == 0) read(10s);
    }
    /// Kills it and starts it again; returns how long it was until it counted.
    std::chrono::milliseconds killAndRestart() {
        process_->kill();
        const auto begun = Steady::now();
        start();
        while (!hasCounted_) read(10s);
        return std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - begun);
    }
    /// Takes in what it says in this time.
    void readFor(std::chrono::duration<double> time) {
        const auto end = Steady::now() + std::chrono::duration_cast<Steady::duration>(time);
        for (auto now = Steady::now(); now < end; now = Steady::now())
            if (const auto line = process_->readLine(std::chrono::ceil<std::chrono::milliseconds>(end - now)))
                take(*line);
    }
    /// Has it write all counts, and end.
    std::map<std::string, long> finish() {
        std::ofstream(directory_ + "/finish") << '\n';
        if (process_->wait() != 0) throw std::runtime_error("the process that counts has failed");
        std::map<std::string, long> counts;
        std::ifstream in(directory_ + "/totals");
        std::string word;
        for (long n = 0; in >> word >> n;) counts[word] = n;
        return counts;
    }
    int port() const { return port_; }
    int id() const { return process_->id(); }
    long words() const { return words_; }

  private:
    void start() {
        process_.emplace(
            std::vector<std::string>{"/proc/self/exe", "--serve", directory_, "--port", std::to_string(port_)});
        hasCounted_ = false;
    }
    void read(std::chrono::milliseconds patience) {
        const auto line = process_->readLine(patience);
        if (!line) throw std::runtime_error("the process that counts says nothing");
        take(*line);
    }
    void take(const std::string& line) {
        if (std::sscanf(line.c_str(), "port %d", &port_) == 1) return;
        if (std::sscanf(line.c_str(), "total %ld", &words_) == 1) hasCounted_ = true;
    }

    const std::string directory_;
    int port_ = 0;
    long words_ = 0;
    bool hasCounted_ = false;
    std::optional<Process> process_;
};

int run(const Options& options) {
    const Directory directory;
    Server server(directory.path());
    Sender sender(options.files.empty() ? installedLicenses() : options.files, server.port(), options.rate);
    const auto begun = Steady::now();
    const auto say = [&](const std::string& text) {
        std::printf("%6.1f s  %s\n", std::chrono::duration<double>(Steady::now() - begun).count(), text.c_str());
        std::fflush(stdout);
    };
    const auto state = [&] {
        return "sent " + withSeparators(sender.words()) + " words; process " + std::to_string(server.id()) +
               " has counted " + withSeparators(server.words()) + "; " + withSeparators(sender.pending()) +
               " lines not acknowledged";
    };
    say("a client sends to port " + std::to_string(server.port()) + ", process " + std::to_string(server.id()) +
        " counts, its checkpoint is in " + directory.path());
    for (int kill = 0; kill <= options.kills; ++kill) {
        const int parts = 4;
        for (int part = 0; part < parts; ++part) {
            server.readFor(std::chrono::duration<double>(options.between / parts));
            say(state());
        }
        if (kill == options.kills) break;
        say("kill -9 " + std::to_string(server.id()));
        const auto took = server.killAndRestart();
        say("process " + std::to_string(server.id()) + " goes on after " + std::to_string(took.count()) + " ms, with " +
            withSeparators(server.words()) + " words");
    }
    sender.finish();
    say("the client has ended: all of its lines are acknowledged");
    const auto deadline = Steady::now() + 30s;
    while (server.words() < sender.words() && Steady::now() < deadline) server.readFor(100ms);
    const auto counted = server.finish();
    long words = 0;
    for (const auto& [word, count] : counted) words += count;
    const bool equal = std::map<std::string, long>(sender.counts().begin(), sender.counts().end()) == counted;
    say("sent " + withSeparators(sender.words()) + " words, " + withSeparators(long(sender.counts().size())) +
        " different ones; counted " + withSeparators(words) + ", " + withSeparators(long(counted.size())) +
        " different ones, through " + std::to_string(options.kills) +
        " kills: " + (equal ? "equal, each of them" : "NOT EQUAL"));
    return equal ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app("Counts the words of texts that a client sends, in a process that is killed with SIGKILL and started "
                 "again, and compares the counts with the client's own.",
                 "crash");
    app.add_option("files", options.files, "Texts to send, over and over (default: the licenses that Debian installs)");
    app.add_option("--kills", options.kills, "How often it is killed")
        ->check(CLI::Range(0, 1000))
        ->capture_default_str();
    app.add_option("--between", options.between, "Seconds from one kill to the next")
        ->check(CLI::Range(0.1, 3600.0))
        ->capture_default_str();
    app.add_option("--rate", options.rate, "Lines per second")->check(CLI::Range(1, 10'000'000))->capture_default_str();
    app.add_option("--serve", options.serve)->group(""); // what it starts itself with
    app.add_option("--port", options.port)->group("");
    CLI11_PARSE(app, argc, argv);
    try {
        return options.serve.empty() ? run(options) : count(options.serve, options.port);
    } catch (const std::exception& error) {
        std::cerr << "crash: " << error.what() << '\n';
        return 1;
    }
}
