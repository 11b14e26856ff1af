// crash_client DIRECTORY RECORDS: sends the numbers from 0 to RECORDS to the crash_subject whose port is in
// DIRECTORY/port, and goes on after what was stored of an earlier process. Ends with 0 when all are acknowledged, with
// 74 where something failed.

#include <rivulet/client.h>

#include <cstdlib>
#include <fstream>
#include <iostream>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
    if (argc != 3) return 64;
    try {
        int port = 0;
        std::ifstream(argv[1] + std::string("/port")) >> port;
        rivulet::client::Options options;
        options.port = port;
        options.name = "numbers";
        options.firstPause = 1ms;
        options.longestPause = 10ms;
        rivulet::client::Client client(options);
        const auto records = std::uint64_t(std::atol(argv[2]));
        for (std::uint64_t n = client.stored(); n < records; ++n) client.send(std::to_string(n));
        return client.close(rivulet::client::Client::kForever) ? 0 : 74;
    } catch (const std::exception& error) {
        std::cerr << error.what() << "\n";
        return 74;
    }
}
