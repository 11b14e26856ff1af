#pragma once

#include "rivulet/stream/window/key_index.h"
#include "rivulet/stream/window/pane.h"

#include <iterator>
#include <optional>

namespace rivulet::detail {

/// One partition of a keyed window.
///
/// Keys have numbers, a pane is a column over them, and three groups of panes follow each other from the oldest to the
/// newest: `front` (flipped: an aggregate of all that are left of it, out of which the oldest can be taken), `middle`
/// (an aggregate of all of it, while its panes are being flipped one by one) and `back` (a running aggregate). When the
/// front is used up the middle takes its place, and the back the middle's. So an associative `combine` is enough, every
/// slide costs about the same, and the window's length is not in the cost: a slide merges one pane, flips one, pops
/// one, and combines three columns and the new pane for what it gives.
///
/// A batch: `begin`, `add` for its rows, `seal`, maybe `emit`; then `commit`, or `abort`, which leaves what was in
/// force. What `begin` changes follows from earlier batches alone, and goes on where it was if it is repeated.
///
/// Threads: one at a time
/// Source:  two stacks: Tangwongsan, Hirzel, Schneider, VLDB 2015 and DEBS 2017; panes: Li et al., SIGMOD Record 2005
template <class K, class V> class PaneStore {
  public:
    /// `batch`: how often rows come; `pane`: how long a pane is; `window` is a multiple of it.
    PaneStore(Duration batch, Duration pane, Duration window)
        : batch_(batch),
          batchIsPane_(batch == pane),
          panesInWindow_(std::size_t(window / pane)) {}

    /// Begins a batch whose rows belong to the pane that ends at `paneEnd`, and whose window leaves out panes that end
    /// at `leftOut` or before. May be repeated.
    template <class Combine> void begin(Time paneEnd, Time leftOut, const Combine& combine) {
        scratch_.clear();
        fresh_.reset();
        freshEnd_ = paneEnd;
        takeIn(paneEnd, leftOut, combine);
        while (Pane<V>* oldest = oldestPane()) {
            if (oldest->end > leftOut) break;
            leave(leftOut, combine);
        }
        flipSome(leftOut, combine);
        evict();
    }
    /// Adds rows of the batch, in their order: cells, or pairs where the key is a bare one.
    template <class Row, class Combine> void add(const Row* rows, std::size_t count, const Combine& combine) {
        constexpr std::size_t kAhead = 32;
        std::uint32_t guesses[kAhead];
        added_ += count;
        for (std::size_t from = 0; from < count; from += kAhead) {
            const std::size_t n = std::min(kAhead, count - from);
            const Row* const some = rows + from;
            const RowKeys<K, Row, kAhead> keys(some, n);
            for (std::size_t i = 0; i < n; ++i) index_.prefetch(keys[i].hash());
            for (std::size_t i = 0; i < n; ++i) {
                guesses[i] = index_.guess(keys[i]);
                if (guesses[i] != index_.kNone) scratch_.prefetch(guesses[i]);
            }
            for (std::size_t i = 0; i < n; ++i) {
                const KeySlot<K>& key = keys[i];
                const V& value = valueOf(some[i]);
                const std::size_t number = index_.isRight(guesses[i], key) ? guesses[i] : index_.numberOf(key);
                if (scratch_.has(number)) {
                    scratch_[number] = combine(std::as_const(scratch_[number]), value);
                } else {
                    scratch_.fit(number + 1);
                    scratch_.place(number, value);
                }
            }
        }
    }
    /// All rows of the batch are there.
    void seal() { fresh_ = paneOf(scratch_, freshEnd_); }
    /// What the batch that was sealed has brought: `visit(key, value)` in the order of the keys' numbers.
    template <class Visit> void eachFresh(const Visit& visit) const {
        if (!fresh_) return;
        if (!fresh_->dense) {
            for (std::size_t i = 0; i < fresh_->numbers.size(); ++i)
                visit(index_.key(fresh_->numbers[i]), *(fresh_->values.block(0) + i));
            return;
        }
        for (std::size_t b = 0; b < fresh_->values.blocks(); ++b)
            for (Mask left = fresh_->values.mask(b); left; left &= left - 1) {
                const std::size_t lane = std::size_t(std::countr_zero(left));
                visit(index_.key(b * kLanes + lane), fresh_->values.block(b)[lane]);
            }
    }
    /// For every key of the window that `keep(pair)` lets through, what its values come to.
    template <class Combine, class Keep>
    void emit(Rows<std::pair<K, V>>& rows, const Combine& combine, const Keep& keep) {
        const Column<V> nothing;
        const Column<V>* const columns[] = {&front_.values, &middle_.values, &back_.values, &open_,
                                            fresh_ && fresh_->dense ? &fresh_->values : &nothing};
        const bool list = fresh_ && !fresh_->dense;
        std::size_t live = list ? fresh_->numbers.size() : 0;
        for (std::size_t b = 0; b < index_.blocks(); ++b) live += std::size_t(std::popcount(alive(b)));
        rows.reserve(std::min(live, index_.size()));
        std::size_t at = 0; // in the list
        for (std::size_t b = 0; b < index_.blocks(); ++b) {
            block_.clear();
            for (const Column<V>* column : columns)
                if (const Mask lanes = column->mask(b)) block_.append(column->block(b), lanes, combine);
            if (list)
                for (; at < fresh_->numbers.size() && fresh_->numbers[at] / kLanes == b; ++at)
                    block_.appendOne(fresh_->numbers[at] % kLanes, fresh_->values[at], combine);
            for (Mask left = block_.mask(); left; left &= left - 1) {
                const std::size_t lane = std::size_t(std::countr_zero(left));
                std::pair<K, V> row(index_.key(b * kLanes + lane), std::move(block_.values()[lane]));
                if (keep(std::as_const(row))) rows.push_back(std::move(row));
            }
        }
        block_.clear();
    }
    /// The batch belongs to the window from now on. Nothing, where no batch was begun.
    void commit() noexcept {
        if (!fresh_) return;
        pending_ = std::move(fresh_);
        fresh_.reset();
    }
    void abort() noexcept { fresh_.reset(); }

    std::size_t keys() const { return index_.size(); }
    /// How many rows the batch has brought.
    std::size_t added() const { return added_; }
    std::size_t sizeBytes() const {
        std::size_t sum =
            index_.sizeBytes() + scratch_.sizeBytes() + spare_.sizeBytes() + suffix_.sizeBytes() + open_.sizeBytes();
        for (const Group* group : {&front_, &middle_, &back_}) {
            sum += group->values.sizeBytes();
            for (std::size_t i = group->first; i < group->panes.size(); ++i) sum += group->panes[i].sizeBytes();
        }
        for (const auto* pane : {&pending_, &arriving_, &fresh_})
            if (*pane) sum += (*pane)->sizeBytes();
        return sum;
    }

  private:
    struct Group {
        Column<V> values;      // their aggregate
        Rows<Pane<V>> panes;   // the oldest first
        std::size_t first = 0; // those before it have left

        bool empty() const { return first == panes.size(); }
        Time newest() const { return panes[panes.size() - 1].end; }
        void clear() noexcept {
            values.clear();
            panes = Rows<Pane<V>>();
            first = 0;
        }
    };

    // ---- what comes

    /// Takes in what the batch before left, and closes the open pane if this batch is beyond it.
    template <class Combine> void takeIn(Time paneEnd, Time leftOut, const Combine& combine) {
        arrive(combine);
        if (pending_ && pending_->end <= leftOut) pending_.reset();
        if (pending_) {
            if (openEnd_ && *openEnd_ != pending_->end) close(combine);
            if (batchIsPane_) {
                arriving_ = std::move(pending_);
                pending_.reset();
                arrive(combine);
            } else {
                steps_.merge(open_, *pending_, mergedIntoOpen_, combine);
                openEnd_ = pending_->end;
                pending_.reset();
                mergedIntoOpen_ = 0;
            }
        }
        if (openEnd_ && *openEnd_ <= leftOut) {
            open_.clear();
            openEnd_.reset();
        }
        if (openEnd_ && *openEnd_ < paneEnd) close(combine);
    }
    template <class Combine> void close(const Combine& combine) {
        arriving_ = paneOf(open_, *openEnd_);
        openEnd_.reset();
        arrive(combine);
    }
    template <class Combine> void arrive(const Combine& combine) {
        if (!arriving_) return;
        steps_.merge(back_.values, *arriving_, merged_, combine);
        back_.panes.push_back(std::move(*arriving_));
        arriving_.reset();
        merged_ = 0;
    }
    /// Moves what a column has into a pane.
    std::optional<Pane<V>> paneOf(Column<V>& column, Time end) {
        std::optional<Pane<V>> pane(std::in_place);
        pane->end = end;
        pane->numbering = numbering_;
        const std::size_t count = column.count();
        pane->dense = count * 8 >= index_.limit();
        if (pane->dense) {
            pane->values = std::move(column);
            column = std::move(spare_);
            return pane;
        }
        pane->numbers.reserve(count);
        pane->values.fit(count);
        for (std::size_t b = 0; b < column.blocks(); ++b) {
            for (Mask left = column.mask(b); left; left &= left - 1) {
                const std::size_t number = b * kLanes + std::size_t(std::countr_zero(left));
                pane->values.place(pane->numbers.size(), std::move(column[number]));
                pane->numbers.push_back(std::uint32_t(number));
            }
            if (column.mask(b)) column.erase(b, column.mask(b));
        }
        return pane;
    }

    // ---- what leaves

    Pane<V>* oldestPane() {
        for (Group* group : {&front_, &middle_, &back_})
            if (!group->empty()) return &group->panes[group->first];
        return nullptr;
    }
    /// Takes the oldest pane out, or all of its group where all have to go.
    template <class Combine> void leave(Time leftOut, const Combine& combine) {
        if (!front_.empty()) {
            if (front_.newest() <= leftOut) return front_.clear();
            Pane<V>& pane = front_.panes[front_.first];
            follow(pane);
            steps_.pop(pane, front_.values);
            if (pane.dense) {
                pane.values.clear();
                spare_ = std::move(pane.values);
            }
            pane = Pane<V>();
            ++front_.first;
        } else if (!middle_.empty()) {
            if (middle_.newest() <= leftOut) {
                middle_.clear();
                suffix_.clear();
                unflipped_ = flipped_ = 0;
                return;
            }
            while (unflipped_ > 0) flipOne(combine);
            rotate();
        } else if (back_.newest() <= leftOut) {
            back_.clear();
        } else {
            rotate();
        }
    }
    /// The middle becomes the front, and the back the middle.
    void rotate() {
        front_.clear();
        std::swap(front_.values, suffix_);
        front_.panes = std::move(middle_.panes);
        middle_.clear();
        std::swap(middle_, back_);
        unflipped_ = middle_.panes.size();
    }
    template <class Combine> void flipOne(const Combine& combine) {
        follow(middle_.panes[unflipped_ - 1]);
        steps_.flip(middle_.panes[unflipped_ - 1], suffix_, flipped_, combine);
        --unflipped_;
        flipped_ = 0;
    }
    /// So many of the middle's panes that it is ready when the front is used up.
    template <class Combine> void flipSome(Time leftOut, const Combine& combine) {
        if (front_.empty() && unflipped_ == 0 && (!middle_.empty() || back_.panes.size() * 2 >= panesInWindow_))
            rotate();
        if (unflipped_ == 0) return;
        const auto batches = std::size_t(std::max<std::int64_t>((middle_.panes[0].end - leftOut) / batch_, 1));
        for (std::size_t n = (unflipped_ + batches - 1) / batches; n > 0; --n) flipOne(combine);
    }

    // ---- keys that nothing in the window has

    Mask alive(std::size_t block) const {
        Mask mask =
            front_.values.mask(block) | middle_.values.mask(block) | back_.values.mask(block) | open_.mask(block);
        if (fresh_ && fresh_->dense) mask |= fresh_->values.mask(block);
        return mask;
    }
    /// Looks at a part of the numbers, so that many keys that die at once do not cost one slide: a share of the work
    /// that their coming was.
    void evict() {
        std::size_t budget = 64 + added_ / 4 + index_.limit() / 32;
        added_ = 0;
        for (std::size_t n = 0; n < index_.blocks() && budget > 0; ++n) {
            if (evictedUpTo_ >= index_.blocks()) evictedUpTo_ = 0;
            const std::size_t b = evictedUpTo_++;
            Mask dead = index_.used(b) & ~alive(b);
            budget -= std::min(budget, std::size_t(std::popcount(dead)));
            for (Mask left = dead; left; left &= left - 1)
                index_.prefetchErase(b * kLanes + std::size_t(std::countr_zero(left)));
            for (; dead; dead &= dead - 1) index_.erase(b * kLanes + std::size_t(std::countr_zero(dead)));
        }
        index_.freeTexts();
        if (before_) followOne();
        if (!before_ && index_.limit() >= kWorthTightening && index_.size() * 4 < index_.limit()) tighten();
    }

    // ---- numbering anew

    /// From the numbers of the numbering before to those of today; the order stays.
    struct Renumbering {
        Rows<Mask> used;
        Rows<std::uint32_t> below; // how many numbers were in use below each block
        std::size_t count = 0;

        std::size_t operator()(std::size_t number) const {
            const Mask smaller = used[number / kLanes] & ((Mask(1) << number % kLanes) - 1);
            return below[number / kLanes] + std::size_t(std::popcount(smaller));
        }
    };

    /// Numbers the keys that are left without gaps, when three of four are dead: the index and the aggregates at once,
    /// the panes one by one, each when it is used next or its turn has come, so that no slide pays for all of them. All
    /// memory is there before anything is moved.
    void tighten() {
        std::optional<Renumbering> to(std::in_place);
        to->used.reserve(index_.blocks());
        to->below.reserve(index_.blocks());
        for (std::size_t b = 0; b < index_.blocks(); ++b) {
            to->used.push_back(index_.used(b));
            to->below.push_back(std::uint32_t(to->count));
            to->count += std::size_t(std::popcount(index_.used(b)));
        }
        KeyIndex<K> index = index_.renumbered();
        Column<V>* const columns[] = {&front_.values, &middle_.values, &back_.values, &suffix_, &open_};
        Column<V> tight[std::size(columns)];
        for (Column<V>& column : tight) column.fit(to->count);
        for (std::size_t i = 0; i < std::size(columns); ++i) move(*columns[i], tight[i], *to);
        scratch_ = Column<V>();
        spare_ = Column<V>();
        index_ = std::move(index);
        evictedUpTo_ = 0;
        before_ = std::move(to);
        ++numbering_;
    }
    static void move(Column<V>& column, Column<V>& tight, const Renumbering& to) {
        for (std::size_t b = 0; b < column.blocks(); ++b)
            for (Mask left = column.mask(b); left; left &= left - 1) {
                const std::size_t number = b * kLanes + std::size_t(std::countr_zero(left));
                tight.place(to(number), std::move(column[number]));
            }
        column = std::move(tight);
    }
    /// Gives a pane today's numbers. What it holds is in the window, so its keys have kept theirs since.
    void follow(Pane<V>& pane) {
        if (pane.numbering == numbering_) return;
        const Renumbering& to = *before_;
        if (pane.dense) {
            Column<V> tight;
            tight.fit(to.count);
            Rows<Mask> members;
            if (!pane.members.empty()) members.assign(tight.blocks());
            for (std::size_t b = 0; b < pane.members.size(); ++b)
                for (Mask left = pane.members[b]; left; left &= left - 1) {
                    const std::size_t number = to(b * kLanes + std::size_t(std::countr_zero(left)));
                    members[number / kLanes] |= Mask(1) << number % kLanes;
                }
            move(pane.values, tight, to);
            pane.members = std::move(members);
        } else {
            for (std::uint32_t& number : pane.numbers) number = std::uint32_t(to(number));
        }
        pane.numbering = numbering_;
    }
    void followOne() {
        for (Group* group : {&front_, &middle_, &back_})
            for (std::size_t i = group->first; i < group->panes.size(); ++i)
                if (group->panes[i].numbering != numbering_) return follow(group->panes[i]);
        before_.reset();
    }

    static constexpr std::size_t kWorthTightening = 4096;

    const Duration batch_;
    const bool batchIsPane_;
    const std::size_t panesInWindow_;

    KeyIndex<K> index_;
    Group front_, middle_, back_;
    Column<V> suffix_;          // of those panes of the middle that are flipped
    std::size_t unflipped_ = 0; // how many of its panes are not, the oldest ones
    std::size_t flipped_ = 0;   // how far the pane is that is being flipped

    Column<V> open_; // the pane that is not over yet, where it is longer than a batch
    std::optional<Time> openEnd_;

    std::optional<Pane<V>> fresh_;    // the batch that runs
    std::optional<Pane<V>> pending_;  // the one before, until the next begins
    std::optional<Pane<V>> arriving_; // a pane on its way into the back
    std::size_t merged_ = 0, mergedIntoOpen_ = 0;
    Time freshEnd_{};

    Column<V> scratch_, spare_;
    std::size_t added_ = 0, evictedUpTo_ = 0;
    unsigned numbering_ = 0;
    std::optional<Renumbering> before_; // as long as there are panes of the numbering before
    PaneSteps<V> steps_;
    Block<V> block_;
};

} // namespace rivulet::detail
