#pragma once

#include "crash/killer.h"
#include "crash/oracle.h"
#if __has_include(<libpq-fe.h>)
#include "postgres/postgres_server.h"
#endif

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

/// What a reader of each output of crash_subject sees.
namespace rivulet::test {

/// Of the file sink: what it has published.
inline std::vector<WrittenBatch> published(const std::string& directory) {
    std::map<long, std::vector<std::string>> found;
    for (const auto& batch : std::filesystem::directory_iterator(directory + "/out")) {
        const std::string name = batch.path().filename().string();
        if (!name.starts_with("out-")) continue;
        auto& lines = found[std::stol(name.substr(4))];
        for (const auto& part : std::filesystem::directory_iterator(batch.path())) {
            if (!part.path().filename().string().starts_with("part-")) continue;
            std::ifstream in(part.path());
            for (std::string line; std::getline(in, line);) lines.push_back(line);
        }
    }
    std::vector<WrittenBatch> batches;
    for (auto& [id, lines] : found) batches.push_back(withRangeInside("batch " + std::to_string(id), std::move(lines)));
    return batches;
}

/// Of foreachRDD, where files have the numbers of batches.
inline std::vector<WrittenBatch> deduplicated(const std::string& directory) {
    std::map<long, WrittenBatch> found;
    for (const auto& file : std::filesystem::directory_iterator(directory + "/out")) {
        std::ifstream in(file.path());
        WrittenBatch& batch = found[std::stol(file.path().filename().string())];
        batch.where = file.path().string();
        std::getline(in, batch.range);
        for (std::string line; std::getline(in, line);) batch.lines.push_back(line);
    }
    CHECK((found.empty() || found.rbegin()->first == long(found.size()))); // numbered without a gap
    std::vector<WrittenBatch> batches;
    for (auto& [id, batch] : found) batches.push_back(std::move(batch));
    return batches;
}

#if __has_include(<libpq-fe.h>)

inline std::vector<WrittenBatch> rowsOf(const PostgresServer& server) {
    std::map<long, std::vector<std::string>> found;
    std::istringstream rows(server.ask("select since, line from crash_lines"));
    for (std::string row; std::getline(rows, row);) found[std::stol(row)].push_back(row.substr(row.find('|') + 1));
    std::vector<WrittenBatch> batches;
    for (auto& [since, lines] : found)
        batches.push_back(withRangeInside("rows of " + std::to_string(since), std::move(lines)));
    return batches;
}

/// Null where there is none.
inline std::unique_ptr<PostgresServer> startDatabase() {
    auto server = PostgresServer::start();
    if (!server) {
        WARN(PostgresServer::kMissing);
        return nullptr;
    }
    ::setenv("RIVULET_CRASH_DATABASE", server->connection().c_str(), 1);
    server->ask("create table crash_lines (since bigint, line text)");
    return server;
}

#endif

/// How many records a subject has processed that has ended by itself.
inline long recordsOf(const std::string& directory) {
    long records = -1;
    std::ifstream(directory + "/end") >> records;
    return records;
}

} // namespace rivulet::test
