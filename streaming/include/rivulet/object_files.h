#pragma once

#include "rivulet/dstream.h"
#include "rivulet/serialization/object_file.h"

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

} // namespace rivulet
