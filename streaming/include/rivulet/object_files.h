#pragma once

#include "rivulet/dstream.h"
#include "rivulet/serialization/object_file.h"
#include "rivulet/sinks/files.h"

namespace rivulet {

/// Writes every batch as objects into a directory of its own, `prefix-<milliseconds>[.suffix]`, which `objectFile`
/// reads; one that is there already is replaced. A header of its own, because it needs Cereal.
///
/// Errors: IoError from the batch where the directory cannot be written; does not compile where T is not Serializable
/// Source: Spark DStream.saveAsObjectFiles
template <class T, class Recipe>
void saveAsObjectFiles(const DStream<T, Recipe>& stream, std::string prefix, std::string suffix = "",
                       std::source_location where = std::source_location::current()) {
    stream.foreachRDD(
        [prefix = std::move(prefix), suffix = std::move(suffix), where](const RDD<owned_t<T>>& rdd, Time time) {
            detail::saveObjects(rdd, detail::batchDirectory(prefix, suffix, time), true, where);
        },
        where);
}

namespace detail {

struct ObjectFiles {
    static constexpr const char* kForm = "object files";
    /// Begins a file with the first element, so that partitions without elements leave none.
    template <class T> struct Sink {
        TextOutput::Part& part;
        std::optional<ObjectWriter> writer;
        std::optional<ObjectSink<T>> objects;
        template <class X> void operator()(X&& x) {
            if (!writer) {
                writer.emplace(part, typeForm<T>());
                objects.emplace(*writer, std::nullopt);
            }
            (*objects)(std::forward<X>(x));
        }
    };
    template <class T, class Pipe>
    static void write(TextOutput::Part& part, const Pipe& pipe, int partition, TaskContext& task) {
        Sink<T> sink{part, {}, {}};
        drain(pipe, partition, task, sink);
        if (!sink.writer) return;
        sink.objects->finishBlock();
        sink.writer->finish();
    }
};

} // namespace detail

namespace files {

/// As `saveToDirectory`, as objects, which `objectFile("directory/uid-0000000012")` reads.
///
/// Errors: as for saveToDirectory; does not compile where T is not Serializable
template <class T, class Recipe>
void saveObjectsToDirectory(const DStream<T, Recipe>& stream, const DirectoryOptions& options,
                            std::source_location where = std::source_location::current()) {
    detail::requireSerializable<owned_t<T>>();
    using Sink = detail::FilesSink<owned_t<T>, detail::ObjectFiles>;
    const char* const operation = "files::saveObjectsToDirectory";
    detail::addSink(operation, stream,
                    std::shared_ptr<TransactionalSink<owned_t<T>>>(
                        detail::share(new Sink(operation, options.directory, options.uid, where))),
                    options.uid, where);
}

} // namespace files
} // namespace rivulet
