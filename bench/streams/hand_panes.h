#pragma once

#include "parallel.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace bench {

/// What a slide of a keyed window comes to: its keys, and the sum of their values.
struct WindowTally {
    long keys = 0;
    long sum = 0;
    friend bool operator==(const WindowTally&, const WindowTally&) = default;
};

/// A keyed window as an expert writes it for numbers that are at hand: a table per thread gives keys numbers, a pane is
/// an array over them, two stacks of arrays aggregate. It forgets no key, makes no rows, and flips a stack at once.
template <class Op> class HandPanes {
  public:
    struct Event {
        std::uint64_t key;
        long value;
    };

    HandPanes(int threads, std::size_t panes) : parts_(std::size_t(threads)), panes_(panes) {}

    /// One slide over events that `eventOf(x)` gives for each x.
    template <class EventOf> WindowTally slide(const std::vector<long>& input, const EventOf& eventOf) {
        const std::size_t n = parts_.size();
        parallel(int(n), [&](int t) {
            Part& part = parts_[std::size_t(t)];
            const std::size_t from = input.size() * std::size_t(t) / n, to = input.size() * std::size_t(t + 1) / n;
            part.outgoing.resize(n);
            std::vector<Event*> at(n);
            for (std::size_t d = 0; d < n; ++d) {
                part.outgoing[d].resize(to - from + 1);
                at[d] = part.outgoing[d].data();
            }
            for (std::size_t i = from; i < to; ++i) {
                const Event event = eventOf(input[i]);
                *at[(mix(event.key) >> 40) % n]++ = event;
            }
            for (std::size_t d = 0; d < n; ++d) part.outgoing[d].resize(std::size_t(at[d] - part.outgoing[d].data()));
        });
        std::vector<WindowTally> tallies(n);
        parallel(int(n), [&](int d) { tallies[std::size_t(d)] = reduce(std::size_t(d)); });
        WindowTally all;
        for (const WindowTally& tally : tallies) {
            all.keys += tally.keys;
            all.sum += tally.sum;
        }
        return all;
    }

  private:
    static std::uint64_t mix(std::uint64_t x) {
        x ^= x >> 32;
        x *= 0xd6e8feb86659fd93ULL;
        x ^= x >> 32;
        x *= 0xd6e8feb86659fd93ULL;
        return x ^ (x >> 32);
    }
    struct Index {
        struct Cell {
            std::uint64_t key = ~0ULL;
            std::uint32_t number = 0;
        };
        std::vector<Cell> cells = std::vector<Cell>(1 << 16);
        std::uint64_t mask = (1 << 16) - 1;
        std::uint32_t size = 0;

        void prefetch(std::uint64_t hash) const { __builtin_prefetch(&cells[hash & mask]); }
        std::uint32_t numberOf(std::uint64_t key, std::uint64_t hash) {
            for (std::uint64_t i = hash & mask;; i = (i + 1) & mask) {
                if (cells[i].key == key) return cells[i].number;
                if (cells[i].key != ~0ULL) continue;
                if ((size + 1) * 2 > cells.size()) {
                    grow();
                    return numberOf(key, hash);
                }
                cells[i] = {key, size};
                return size++;
            }
        }
        void grow() {
            std::vector<Cell> old(cells.size() * 2);
            std::swap(cells, old);
            mask = cells.size() - 1;
            for (const Cell& cell : old) {
                if (cell.key == ~0ULL) continue;
                std::uint64_t i = mix(cell.key) & mask;
                while (cells[i].key != ~0ULL) i = (i + 1) & mask;
                cells[i] = cell;
            }
        }
    };
    struct Column {
        std::vector<long> values;
        std::vector<std::uint8_t> has;

        void fit(std::size_t n) {
            if (values.size() >= n) return;
            values.resize(n);
            has.resize(n);
        }
        void clear() {
            std::fill(values.begin(), values.end(), 0);
            std::fill(has.begin(), has.end(), std::uint8_t(0));
        }
        /// this = this, then the other.
        void append(const Column& other, const Op& op) {
            const std::size_t n = other.values.size();
            fit(n);
            for (std::size_t i = 0; i < n; ++i) {
                const long both = op(values[i], other.values[i]);
                values[i] = other.has[i] ? (has[i] ? both : other.values[i]) : values[i];
                has[i] |= other.has[i];
            }
        }
    };
    struct alignas(64) Part {
        std::vector<std::vector<Event>> outgoing;
        Index index;
        std::vector<Column> front, back, spare;
        Column sum;
    };

    WindowTally reduce(std::size_t d) {
        Part& part = parts_[d];
        if (part.spare.empty()) part.spare.emplace_back();
        part.back.push_back(std::move(part.spare.back()));
        part.spare.pop_back();
        Column& pane = part.back.back();
        pane.clear();
        for (const Part& from : parts_) {
            const std::vector<Event>& events = from.outgoing[d];
            constexpr std::size_t kAhead = 64;
            std::uint64_t hashes[kAhead];
            std::uint32_t numbers[kAhead];
            for (std::size_t i = 0; i < events.size(); i += kAhead) {
                const std::size_t n = std::min(kAhead, events.size() - i);
                for (std::size_t k = 0; k < n; ++k) part.index.prefetch(hashes[k] = mix(events[i + k].key));
                for (std::size_t k = 0; k < n; ++k) {
                    numbers[k] = part.index.numberOf(events[i + k].key, hashes[k]);
                    if (numbers[k] >= pane.values.size()) continue;
                    __builtin_prefetch(&pane.values[numbers[k]], 1);
                    __builtin_prefetch(&pane.has[numbers[k]], 1);
                }
                pane.fit(part.index.size);
                for (std::size_t k = 0; k < n; ++k) {
                    long& value = pane.values[numbers[k]];
                    std::uint8_t& has = pane.has[numbers[k]];
                    value = has ? op_(value, events[i + k].value) : events[i + k].value;
                    has = 1;
                }
            }
        }
        part.sum.append(pane, op_);
        if (part.front.size() + part.back.size() > panes_) {
            if (part.front.empty()) {
                for (std::size_t j = part.back.size() - 1; j-- > 0;) part.back[j].append(part.back[j + 1], op_);
                std::reverse(part.back.begin(), part.back.end());
                part.front = std::move(part.back);
                part.back.clear();
                part.sum.clear();
            }
            part.spare.push_back(std::move(part.front.back()));
            part.front.pop_back();
        }
        static const Column none;
        const Column& old = part.front.empty() ? none : part.front.back();
        WindowTally tally;
        for (std::size_t i = 0; i < part.index.size; ++i) {
            const bool left = i < old.values.size() && old.has[i],
                       right = i < part.sum.values.size() && part.sum.has[i];
            if (!left && !right) continue;
            ++tally.keys;
            tally.sum += left && right ? op_(old.values[i], part.sum.values[i])
                         : left        ? old.values[i]
                                       : part.sum.values[i];
        }
        return tally;
    }

    std::vector<Part> parts_;
    const std::size_t panes_;
    const Op op_{};
};

} // namespace bench
