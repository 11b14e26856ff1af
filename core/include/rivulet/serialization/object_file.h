#pragma once

#include "rivulet/context.h"
#include "rivulet/serialization/object_blocks.h"
#include "rivulet/serialization/type_form.h"

#include <cereal/archives/portable_binary.hpp>
#include <cereal/types/array.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/memory.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/set.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/tuple.hpp>
#include <cereal/types/unordered_map.hpp>
#include <cereal/types/utility.hpp>
#include <cereal/types/variant.hpp>
#include <cereal/types/vector.hpp>
#include <optional>

/// RDDs in files, as objects: `saveAsObjectFile` and `objectFile`.
///
/// A header of its own, which `rivulet.h` does not include: it needs Cereal, and Cereal takes the compiler a second.
/// Numbers, enums, strings, pairs, tuples, optionals, variants and containers can be written as they are; a struct says
/// what it consists of:
///
///     struct Reading {
///         std::string sensor;
///         double value;
///         template <class Archive> void serialize(Archive& archive) { archive(sensor, value); }
///     };
namespace rivulet {

/// A type that can be written to disk and read back.
template <class T>
concept Serializable = std::default_initializable<T> &&
                       cereal::traits::is_output_serializable<T, cereal::PortableBinaryOutputArchive>::value &&
                       cereal::traits::is_input_serializable<T, cereal::PortableBinaryInputArchive>::value;

namespace detail {

template <class T> constexpr void requireSerializable() {
    static_assert(Serializable<T>,
                  "this type cannot be written to disk: give it a default constructor and a member `template <class "
                  "Archive> void serialize(Archive& archive) { archive(each, of, its, members); }`");
}

template <class T> struct ObjectSink {
    ObjectWriter& out;
    std::optional<cereal::PortableBinaryOutputArchive> archive; // of the current block
    template <class X> void operator()(X&& x) {
        if (!archive) archive.emplace(out.elements());
        const T& element = own(x);
        (*archive)(element);
        if (out.added()) finishBlock();
    }
    void finishBlock() {
        archive.reset();
        out.flush();
    }
};

/// The elements of files, a file a partition.
template <class T> class ObjectPipe {
  public:
    using value_type = T;
    struct Cursor {
        ObjectReader reader;
    };

    explicit ObjectPipe(std::vector<std::string> files) : files_(share(new Files{std::move(files), typeForm<T>()})) {}
    int partitions() const { return int(files_->paths.size()); }
    Cursor open(int partition, TaskContext&) const {
        return {ObjectReader(files_->paths[std::size_t(partition)], files_->form)};
    }
    template <class Sink> bool advance(Cursor& cursor, Sink& sink) const {
        if (!cursor.reader.next()) return false;
        Rows<T> rows;
        read(cursor.reader, rows);
        for (T& x : rows) sink(std::move(x));
        return true;
    }

  private:
    static void read(ObjectReader& reader, Rows<T>& rows) {
        try {
            cereal::PortableBinaryInputArchive archive(reader.elements());
            for (std::uint32_t i = 0; i < reader.count(); ++i) {
                rows.emplace_back();
                archive(rows[i]);
            }
        } catch (const std::exception& error) {
            reader.throwOtherType(error.what());
        }
        reader.checkAllRead();
    }

    struct Files {
        std::vector<std::string> paths;
        std::string form; // that their elements must have
    };
    std::shared_ptr<const Files> files_;
};

template <class T, class Pipe>
void saveObjects(const RDD<T, Pipe>& rdd, const std::string& directory, bool overwrite, std::source_location where) {
    using U = owned_t<T>;
    requireSerializable<U>();
    const LineagePtr& lineage = rdd.lineagePtr();
    checkedLineage(lineage).engine()->checkUsable();
    const int partitions = rdd.getNumPartitions();
    const std::string form = typeForm<U>();
    TextOutput output(directory, partitions, overwrite, "saveAsObjectFile");
    runTasks<char, Pipe>(lineage, CallSite{"saveAsObjectFile", where}, allPartitions(partitions),
                         [&](int p, TaskContext& task) {
                             auto part = output.openPart(p, task.attemptNumber());
                             ObjectWriter writer(*part, form);
                             ObjectSink<U> sink{writer, {}};
                             drain(rdd.pipe(), p, task, sink);
                             sink.finishBlock();
                             writer.finish();
                             part->commit();
                             return char();
                         });
    output.commit();
}

} // namespace detail

/// Writes the elements into `directory`/part-00000 and so on, a file per partition, and `_SUCCESS` when all is there. A
/// reader never sees half a part, and nothing is left where the job fails.
///
/// Errors: IoError where the directory exists already, or cannot be written; does not compile where T is not
///         Serializable
/// Source: Spark RDD.saveAsObjectFile
template <class T, class Pipe>
void saveAsObjectFile(const RDD<T, Pipe>& rdd, const std::string& directory,
                      std::source_location where = std::source_location::current()) {
    detail::saveObjects(rdd, directory, false, where);
}

/// The elements that `saveAsObjectFile` wrote, a partition for each file. `uris` is a directory, a file or a pattern,
/// or several with commas, as for `textFile`.
///
/// Cost:   files are listed at the call, and read in blocks of 64 KiB
/// Errors: IoError at the call where a file does not exist; CorruptionError from the action where a file is damaged,
///         or holds elements of another form: each part says what its elements consist of, by sizes and members, not by
///         names, so that a type may be renamed and moved
/// Source: Spark SparkContext.objectFile
template <class T>
RDD<T, detail::ObjectPipe<T>> objectFile(const Context& context, const std::string& uris,
                                         std::source_location where = std::source_location::current()) {
    detail::requireSerializable<T>();
    auto made = detail::makeLineage(context.engine(), "ObjectFileRDD", CallSite{"objectFile", where});
    made->setName(uris);
    return {std::move(made), detail::ObjectPipe<T>(detail::objectParts(uris, where))};
}

} // namespace rivulet
