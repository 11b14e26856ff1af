#pragma once

#include "plan.h"
#include "rivulet/streaming.h"

/// The library's side: the same plan as streams.
namespace graphs {

using RowStream = rivulet::DStream<Row>;

/// One batch of the clock.
inline constexpr rivulet::Duration kBatch{1000};

inline long modulo(long value) { return value % kModulus; }
inline long sumModulo(long a, long b) { return modulo(a + b); }

/// Each knows some kinds, and gives nothing for the others.
std::optional<RowStream> narrowStep(const Step& step, const RowStream& first);
std::optional<RowStream> shuffledStep(const Step& step, const RowStream& first);
std::optional<RowStream> binaryStep(const Step& step, const RowStream& first, const RowStream& second);
std::optional<RowStream> windowStep(const Step& step, const RowStream& first);
std::optional<RowStream> stateStep(const Step& step, const RowStream& first);

} // namespace graphs
