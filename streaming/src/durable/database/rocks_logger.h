#pragma once

#include <memory>
#include <rocksdb/env.h>

namespace rivulet::detail {

/// Sends what RocksDB has to tell to the library's log. Without one of our own it writes a file in its directory, and
/// with the disk full Debian's build of RocksDB ends the process when that write fails (F17).
std::shared_ptr<rocksdb::Logger> rocksLogger();

} // namespace rivulet::detail
