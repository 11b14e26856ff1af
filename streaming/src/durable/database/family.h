#pragma once

#include <array>

namespace rivulet::detail {

/// Where a value lies: each family is a column family of RocksDB.
enum class Family { meta, plan, state, received, senders, outbox, pages };

inline constexpr std::array<const char*, 7> kFamilies = {"meta",    "plan",   "state", "received",
                                                         "senders", "outbox", "pages"};

} // namespace rivulet::detail
