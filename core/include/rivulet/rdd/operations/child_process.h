#pragma once

#include "rivulet/rdd/operations/concepts.h"
#include "rivulet/rdd/source.h"
#include "rivulet/rdd/text_format.h"

/// A command outside of this process that a partition's elements go through, as lines of text.
namespace rivulet::detail {

using Variables = std::vector<std::pair<std::string, std::string>>;

struct Command {
    std::vector<std::string> words; // the program and its arguments
    Variables environment;          // beside this process's
    std::string text() const;
};

/// The words of a command line, split at white space; a UsageError where there are none. There is no shell.
std::vector<std::string> commandWords(std::string_view line, std::source_location where);
void requireCommand(const std::vector<std::string>& words, std::source_location where);

/// A running command. Its pipes are served by the thread that asks, which never waits for long, so that a task can be
/// cancelled; destroyed before its end, the command is killed.
class ChildProcess {
  public:
    /// Errors: IoError where the command cannot be started
    ChildProcess(const Command& command, int partition);
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    /// Whether more input is welcome: not while much of it waits, and not after the command has closed its end.
    bool wantsInput() const;
    std::string& input();
    /// No more input follows.
    void endInput();
    /// Moves what can be moved; `lines` are the next complete lines of the output, maybe none. False at the end.
    ///
    /// Errors: IoError where the command ended with another status than 0, with the last that it wrote to its standard
    /// error
    bool exchange(std::string_view& lines);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

struct InputLineSink {
    std::string& text;
    template <class X> void operator()(X&& x) {
        appendText(text, x);
        text += '\n';
    }
};

template <class Parent> class CommandPipe {
  public:
    using value_type = std::string_view;
    struct Cursor {
        typename Parent::Cursor parent;
        std::unique_ptr<ChildProcess> child;
        bool more = true;
    };

    CommandPipe(Parent parent, std::shared_ptr<const Command> command)
        : parent_(std::move(parent)),
          command_(std::move(command)) {}
    int partitions() const { return parent_.partitions(); }
    Cursor open(int partition, TaskContext& task) const {
        return {parent_.open(partition, task), std::make_unique<ChildProcess>(*command_, partition)};
    }
    template <class Sink> bool advance(Cursor& cursor, Sink& sink) const {
        if (cursor.more && cursor.child->wantsInput()) {
            InputLineSink input{cursor.child->input()};
            cursor.more = parent_.advance(cursor.parent, input);
            if (!cursor.more) cursor.child->endInput();
        }
        std::string_view lines;
        const bool more = cursor.child->exchange(lines);
        pushLines(lines, sink);
        return more;
    }

  private:
    Parent parent_;
    std::shared_ptr<const Command> command_;
};

} // namespace rivulet::detail
