// rivulet-checkpoint DIRECTORY COMMAND: what a checkpoint directory or a savepoint has, whether it is whole, and
// changes to it without the program that it belongs to.
//
// Ends with 0; with 1 where verify has found something; 64 for a mistake in the command line; 74 where a file cannot be
// read, or is damaged; 78 where the directory cannot be used as it is.

#include "durable/inspection/inspection.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

using namespace rivulet;
using detail::CheckpointStore;
using detail::Inspection;

namespace {

enum Exit { done = 0, found = 1, usage = 64, failed = 74, refused = 78 };

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

/// A line for people, or an empty object for scripts, after a change.
void confirm(bool json, const std::string& text) { print(json ? "{}\n" : text + "\n"); }

} // namespace

int main(int argc, char** argv) try {
    CLI::App app("What a checkpoint directory of Rivulet has. All but info keep programs out while they run.",
                 "rivulet-checkpoint");
    std::string directory, uid, old, now;
    std::optional<std::string> key;
    bool json = false;
    app.add_option("DIRECTORY", directory, "a checkpoint directory, or a savepoint")->required();
    app.add_flag("--json", json, "output for scripts");
    app.fallthrough();
    app.require_subcommand(1);
    auto* info = app.add_subcommand("info", "identity, last batch, sources, operators; also of a running program");
    auto* verify = app.add_subcommand("verify", "compares all that is stored with its checksums and types");
    auto* state = app.add_subcommand("state", "what an operator has stored, a line of JSON for each key");
    state->add_option("UID", uid, "its name")->required();
    state->add_option("--key", key, "of this key alone");
    auto* drop = app.add_subcommand("drop", "forgets an operator: the program begins with an empty state");
    drop->add_option("UID", uid, "its name")->required();
    auto* adopt = app.add_subcommand("adopt", "gives an operator the name that the program has for it now");
    adopt->add_option("OLD", old, "the name in the directory")->required();
    adopt->add_option("NEW", now, "the name in the program")->required();
    auto* compact = app.add_subcommand("compact", "gives the space of what was erased back to the disk");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? Exit::done : Exit::usage;
    }

    const auto open = [&](CheckpointStore::Use use) { return Inspection(directory, use); };
    if (*info) {
        print(open(CheckpointStore::Use::look).info(json));
    } else if (*verify) {
        const auto verified = open(CheckpointStore::Use::inspect).verify();
        print(verified.text(json));
        return verified.findings.empty() ? Exit::done : Exit::found;
    } else if (*state) {
        open(CheckpointStore::Use::inspect).state(uid, key, [](const std::string& line) { print(line + "\n"); });
    } else if (*drop) {
        open(CheckpointStore::Use::change).drop(uid);
        confirm(json, "'" + uid + "' is forgotten");
    } else if (*adopt) {
        open(CheckpointStore::Use::change).adopt(old, now);
        confirm(json, "'" + old + "' is '" + now + "' now");
    } else if (*compact) {
        const auto sizes = open(CheckpointStore::Use::change).compact();
        print(json ? "{\"before\":" + std::to_string(sizes.before) + ",\"after\":" + std::to_string(sizes.after) + "}\n"
                   : "on disk were " + std::to_string(sizes.before) + " bytes, and are " + std::to_string(sizes.after) +
                         "\n");
    }
    return Exit::done;
} catch (const UsageError& error) {
    std::cerr << "rivulet-checkpoint: " << error.message() << '\n';
    return Exit::usage;
} catch (const RecoveryError& error) {
    std::cerr << "rivulet-checkpoint: " << error.what() << '\n';
    return Exit::refused;
} catch (const std::exception& error) {
    std::cerr << "rivulet-checkpoint: " << error.what() << '\n';
    return Exit::failed;
}
