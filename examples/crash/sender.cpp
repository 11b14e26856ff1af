#include "sender.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>

using namespace std::chrono_literals;

namespace {

rivulet::client::Options optionsFor(int port) {
    rivulet::client::Options options;
    options.port = port;
    options.name = "sender";
    options.bufferBytes = 64 << 20; // what is sent while nobody listens
    options.longestPause = 100ms;
    return options;
}

std::vector<std::string> linesOf(const std::vector<std::string>& files) {
    std::vector<std::string> lines;
    for (const std::string& file : files) {
        std::ifstream in(file);
        if (!in) throw std::runtime_error("cannot read " + file);
        for (std::string line; std::getline(in, line);) {
            while (line.ends_with('\r')) line.pop_back();
            if (!line.empty()) lines.push_back(line);
        }
    }
    if (lines.empty()) throw std::runtime_error("there is no line in any of the files");
    return lines;
}

} // namespace

Sender::Sender(const std::vector<std::string>& files, int port, long linesPerSecond)
    : linesPerSecond_(linesPerSecond),
      lines_(linesOf(files)),
      client_(optionsFor(port)),
      thread_([this](const std::stop_token& stop) {
          try {
              run(stop);
          } catch (...) {
              failure_ = std::current_exception();
          }
      }) {}

void Sender::run(const std::stop_token& stop) {
    const auto begun = std::chrono::steady_clock::now();
    for (long sent = 0; !stop.stop_requested();) {
        const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begun;
        for (; sent < long(passed.count() * double(linesPerSecond_)) && !stop.stop_requested(); ++sent) {
            const std::string& line = lines_[std::size_t(sent) % lines_.size()];
            if (!client_.send(line, 100ms)) break; // the buffer is full
            countWords(line);
        }
        std::this_thread::sleep_for(2ms);
    }
}

/// With code of its own, because the counts are compared at the end.
void Sender::countWords(const std::string& line) {
    long words = 0;
    std::string word;
    for (const char c : line + ' ') {
        if (static_cast<unsigned char>(c) > ' ') {
            word += c;
        } else if (!word.empty()) {
            ++counts_[word];
            ++words;
            word.clear();
        }
    }
    words_ += words;
}

void Sender::finish() {
    thread_.request_stop();
    thread_.join();
    if (failure_) std::rethrow_exception(failure_);
    if (!client_.close(30s)) throw std::runtime_error("lines are not acknowledged: " + client_.trouble());
}

std::vector<std::string> installedLicenses() {
    std::vector<std::string> files;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/usr/share/common-licenses", error))
        if (entry.is_regular_file()) files.push_back(entry.path().string());
    if (files.empty()) throw std::runtime_error("no texts in /usr/share/common-licenses; name some: crash FILE...");
    return files;
}
