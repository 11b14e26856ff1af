#include "rivulet/input_dstream.h"

#include "rivulet/log.h"
#include "rivulet/serialization/stored.h"

#include <algorithm>

namespace rivulet::detail {

void throwForeignRdd(const CallSite& site) {
    throw UsageError(site.text() +
                     ": the RDD of a batch belongs to another Context than the stream; make it with the one that "
                     "compute is given");
}

void throwNoInput(std::source_location where) {
    throw UsageError("inputStream: the pointer is null; give it a source, by value or by a pointer that owns one",
                     where);
}

void throwOtherPosition(const CallSite& site, Time time) {
    throw UsageError(site.text() + ": the batch of " + toString(time) +
                         " was begun by an earlier process, and the source has come to another position when it was "
                         "asked for it again; override computeAgain so that it ends where it is told",
                     site.where);
}

std::string pulledPosition(Time last, std::string own) {
    ByteWriter out;
    out(last, own);
    return std::move(out).text();
}

std::pair<Time, std::string> readPulledPosition(std::string_view position) {
    std::pair<Time, std::string> read;
    ByteReader in(position);
    in(read);
    in.finish();
    return read;
}

std::string positionOfTime(Time time) {
    ByteWriter out;
    out(time);
    return std::move(out).text();
}

Time timeOfPosition(std::string_view position) {
    Time time{};
    ByteReader in(position);
    in(time);
    in.finish();
    return time;
}

void logStopFailure(const CallSite& site, const std::exception_ptr& error) noexcept {
    try {
        logError(site.text() + ": stopping the source failed: " + messageOf(error));
    } catch (...) { // no memory for words
    }
}

RecordRange recordsOf(long perSecond, Duration from, Duration to, int mostSlices) {
    constexpr long kSliceRecords = 4096; // fewer are not worth a task of their own
    const auto before = [perSecond](Duration at) {
        const long seconds = long(at.count() / 1000);
        return seconds * perSecond + long(at.count() % 1000) * perSecond / 1000;
    };
    RecordRange range{before(from), before(to), 1};
    range.slices = int(std::clamp((range.end - range.begin) / kSliceRecords, 1L, long(mostSlices)));
    return range;
}

void requireRate(long perSecond, std::source_location where) {
    if (perSecond < 1)
        throw UsageError("rateStream: " + std::to_string(perSecond) +
                             " records per second were asked for; it needs at least 1",
                         where);
}

std::pair<long, double> SeededValue::operator()(long number) const {
    // splitmix64
    std::uint64_t x = seed + (std::uint64_t(number) + 1) * 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    x ^= x >> 31;
    return {number, double(x >> 11) * 0x1p-53};
}

} // namespace rivulet::detail
