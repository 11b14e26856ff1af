#pragma once

#include "rivulet/containers/table.h"
#include "rivulet/rdd/lineage.h"
#include "rivulet/stream/state/delta.h"
#include "rivulet/stream/state/timers.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <span>

namespace rivulet::detail {

/// Sorts descending.
void sortDescending(Rows<std::uint32_t>& numbers);
/// The positions of hashes in the order in which an index has them, nearly.
void orderByHash(const Rows<std::uint32_t>& hashes, Rows<std::uint32_t>& order);

/// The rows of a partition's states, as long as a table or a version of it needs them.
template <class K, class S> struct StateRows {
    Rows<std::pair<K, S>> rows;
    std::atomic<int> readers = 0; // versions that are still held
};

/// The states of one partition after a batch: what an RDD of them reads. The table that it was taken from copies its
/// rows before it changes them, as long as this is held.
template <class K, class S> class StateVersion {
  public:
    using Row = std::pair<K, S>;

    StateVersion(std::shared_ptr<StateRows<K, S>> rows, std::size_t count)
        : held_(std::move(rows)),
          rows_(held_->rows.data(), count) {
        held_->readers.fetch_add(1, std::memory_order_relaxed);
    }
    StateVersion(const StateVersion&) = delete;
    StateVersion& operator=(const StateVersion&) = delete;
    ~StateVersion() { held_->readers.fetch_sub(1, std::memory_order_release); }

    std::span<const Row> rows() const { return rows_; }

  private:
    std::shared_ptr<StateRows<K, S>> held_;
    std::span<const Row> rows_;
};

/// The states of one partition: rows without holes, found by an index over them, changed in place.
///
/// A batch goes through `beginPass` and any number of look-ups by a task (again by each of its attempts), `apply` when
/// all tasks of the operator have succeeded, and then `commit`, or `abort`, which leaves the table as it was. What is
/// new comes behind the rows that were there; what is removed is moved behind the last row in force, and goes when the
/// batch is committed.
///
/// Threads: tasks and the batch loop never at the same time; `lookup` and `size` from any thread, they see the last
/// committed batch
template <class K, class S> class StateTable {
  public:
    using Row = std::pair<K, S>;
    using Delta = StateDelta<K, S>;
    static constexpr std::uint32_t kNone = DenseIndex::kNone;

    /// `commonBits`: as of DenseIndex.
    explicit StateTable(bool timed = false, unsigned commonBits = 0)
        : timed_(timed),
          commonBits_(commonBits),
          index_(commonBits) {}

    // ---- for tasks, which change nothing but the marks

    std::uint32_t rowCount() const { return std::uint32_t(held_->rows.size()); }
    const Row& row(std::uint32_t number) const { return held_->rows[number]; }
    const StateTimers& timers() const { return timers_; }

    /// Finds the rows of some keys, kNone for those without, and fetches them and maybe their marks ahead.
    template <class Keys> void resolve(const Keys& keys, std::size_t count, std::uint32_t* numbers, bool marks) const {
        const Row* const rows = held_->rows.data();
        for (std::size_t i = 0; i < count; ++i) index_.prefetch(keys[i].hash());
        for (std::size_t i = 0; i < count; ++i) {
            numbers[i] = index_.guess(keys[i].hash());
            if (numbers[i] == kNone) continue;
            __builtin_prefetch(rows + numbers[i]);
            if (marks) __builtin_prefetch(&marks_[numbers[i]], 1);
        }
        for (std::size_t i = 0; i < count; ++i)
            if (numbers[i] != kNone && !keys[i].holds(rows[numbers[i]].first)) [[unlikely]]
                numbers[i] = find(keys[i]);
    }
    std::uint32_t find(const KeySlot<K>& key) const {
        return index_.find(key.hash(), [&](std::uint32_t number) { return key.holds(row(number).first); });
    }

    /// Forgets all marks, and gives an empty side list; its memory is that of an earlier batch's.
    Delta beginPass() {
        if (++pass_ == 0) {
            for (Mark& mark : marks_) mark.pass = 0;
            pass_ = 1;
        }
        Delta delta;
        if (commonBits_ > 0) delta.newIndex = DenseIndex(commonBits_);
        std::swap(delta.known, spare_);
        return delta;
    }
    /// Fetches what a row may be marked with; its mark must be in the cache.
    void prefetchChange(const Delta& delta, std::uint32_t number) const {
        const auto at = std::uintptr_t(delta.known.data()) + marks_[number].position * sizeof(ChangedState<S>);
        __builtin_prefetch(reinterpret_cast<const void*>(at), 1);
    }
    /// What a row was marked with in this pass, or kNone.
    std::uint32_t markOf(std::uint32_t number) const {
        return marks_[number].pass == pass_ ? marks_[number].position : kNone;
    }
    void mark(std::uint32_t number, std::uint32_t position) {
        marks_[number].pass = pass_;
        marks_[number].position = position;
    }

    // ---- for the batch loop

    /// Puts a batch's changes in force. Called again after a failure, it does the same again and not more.
    void apply(Delta&& delta, Time time) {
        if (!pending_ && delta.empty()) return;
        makeWritable();
        const std::lock_guard lock(mutex_);
        if (pending_)
            undo();
        else
            delta_ = std::move(delta);
        time_ = time;
        before_ = live_ = held_->rows.size();
        updated_ = added_ = newApplied_ = 0;
        pending_ = true;
        for (const std::uint32_t number : delta_.rearmed) timers_.rearm(number);
        reserve(held_->rows.size() + delta_.newKeys.size());
        update();
        add();
        remove();
    }
    void commit() {
        Delta done; // destroyed after the lock is given back
        const std::lock_guard lock(mutex_);
        if (!pending_) return;
        while (held_->rows.size() > live_) removeLast();
        std::swap(done, delta_);
        newOrder_ = Rows<std::uint32_t>();
        pending_ = false;
        keepSpare(done);
    }
    void abort() noexcept {
        Delta done;
        const std::lock_guard lock(mutex_);
        if (!pending_) return;
        undo();
        std::swap(done, delta_);
        pending_ = false;
    }
    /// Puts a state in before the first batch; of several for a key the last counts.
    template <class V> void load(const Cell<K, V>& cell, Time time) {
        makeWritable();
        const std::lock_guard lock(mutex_);
        const std::uint32_t number = find(cell.slot());
        if (number != kNone) {
            held_->rows[number].second = cell.value();
            return;
        }
        reserve(held_->rows.size() + 1);
        append(cell.slot().key(), S(cell.value()), cell.slot().hash(), time);
        live_ = held_->rows.size();
    }

    /// What the batch changed, from `apply` to `commit`: `visit(kind, row)` for each key, with its new state, or (of
    /// what is removed) with the one that it had. Keys that were touched and not changed are told where they have
    /// timers. This is what a commit has to write.
    template <class Visit> void eachChange(const Visit& visit) const {
        if (!pending_) return;
        constexpr std::size_t kAhead = 16;
        for (std::size_t i = 0; i < delta_.known.size(); ++i) {
            if (i + kAhead < delta_.known.size()) __builtin_prefetch(&row(delta_.known[i + kAhead].number));
            const auto& change = delta_.known[i];
            if (change.kind == StateChange::updated || (change.kind == StateChange::touched && timed_))
                visit(change.kind, row(numberNow(change.number)));
        }
        for (std::size_t i = before_; i < before_ + added_; ++i)
            visit(StateChange::updated, row(numberNow(std::uint32_t(i))));
        for (std::size_t i = live_; i < before_ + added_; ++i) visit(StateChange::removed, held_->rows[i]);
    }

    /// How many keys `eachChange` tells of.
    std::size_t changeCount() const {
        if (!pending_) return 0;
        std::size_t count = 2 * added_ + before_ - live_;
        for (const auto& change : delta_.known)
            count += change.kind == StateChange::updated || (change.kind == StateChange::touched && timed_);
        return count;
    }

    // ---- for what is stored

    /// The numbers of the rows that have taken the places of removed ones, from `apply` to `commit`.
    template <class Visit> void eachMoved(const Visit& visit) const {
        if (!pending_) return;
        for (const std::uint32_t number : removed_)
            if (number < live_) visit(number);
    }
    /// How many rows are in force once the batch is committed: the first ones.
    std::size_t liveRows() const { return live_; }
    /// When a row was last touched; where there are no timers, the epoch.
    Time touched(std::size_t number) const { return timed_ ? timers_.last(std::uint32_t(number)) : Time(); }
    bool timed() const { return timed_; }
    /// The time of the batch that was applied last.
    Time appliedAt() const { return time_; }
    /// Keeps look-ups out while rows are put in that were stored.
    std::unique_lock<std::mutex> restoring() const { return std::unique_lock(mutex_); }
    /// Makes room for so many rows. They may come in the order of the index, in which they are stored: in one that
    /// grows with them they would all be probed in its first cells.
    void expect(std::size_t count) { reserve(count); }
    /// Fetch ahead what `restore` of some rows reads: first of the index, then of the rows that are there already.
    template <class Stored> void prefetchIndex(const Rows<Stored>& rows) const {
        for (const Stored& row : rows) index_.prefetch(row.cell.slot().hash());
    }
    template <class Stored> void prefetchRows(const Rows<Stored>& rows) const {
        for (const Stored& row : rows) {
            const std::uint32_t number = index_.guess(row.cell.slot().hash());
            if (number != kNone) __builtin_prefetch(held_->rows.data() + number, 1);
        }
    }
    /// Puts a row in that was stored, or takes its place. Before the first batch, and while `restoring`.
    void restore(const KeySlot<K>& key, S&& state, Time touched) {
        const std::uint32_t number = find(key);
        if (number == kNone) {
            reserve(held_->rows.size() + 1);
            append(K(key.key()), std::move(state), key.hash(), touched);
            live_ = held_->rows.size();
            return;
        }
        held_->rows[number].second = std::move(state);
        if (timed_) timers_.setLast(number, touched);
    }
    /// Takes a row out that was stored as removed. Before the first batch, and while `restoring`.
    void forget(const KeySlot<K>& key) {
        const std::uint32_t number = find(key);
        if (number == kNone) return;
        swapRows(number, std::uint32_t(held_->rows.size() - 1));
        removeLast();
        live_ = held_->rows.size();
    }

    /// Forgets all rows, whatever became of the last batch, and keeps their memory. Not while a version is held.
    void reset() {
        const std::lock_guard lock(mutex_);
        held_->rows.clear();
        hashes_.clear();
        marks_.clear();
        removed_.clear();
        newOrder_.clear();
        index_.clear();
        timers_.clear();
        live_ = 0;
        if (pending_) delta_ = Delta();
        pending_ = false;
    }

    /// The states in force, as they stay while they are held.
    std::shared_ptr<const StateVersion<K, S>> version() const { return share(new StateVersion<K, S>(held_, live_)); }
    std::size_t sizeBytes() const {
        return held_->rows.capacity() * sizeof(Row) + marks_.capacity() * (sizeof(Mark) + sizeof(std::uint32_t)) +
               index_.sizeBytes() + timers_.sizeBytes() + spare_.capacity() * sizeof(ChangedState<S>);
    }

    // ---- for any thread

    std::optional<S> lookup(const KeySlot<K>& key) const {
        const std::lock_guard lock(mutex_);
        const std::uint32_t number = find(key);
        if (number == kNone) return std::nullopt;
        if (pending_) {
            const std::uint32_t position = markOf(number);
            if (position == kAdded) return std::nullopt;
            if (position != kNone && delta_.known[position].kind == StateChange::updated)
                return *delta_.known[position].state;
        }
        return row(number).second;
    }
    std::size_t size() const {
        const std::lock_guard lock(mutex_);
        return pending_ ? before_ : held_->rows.size();
    }

  private:
    static constexpr std::uint32_t kAdded = kNone - 1;
    // So many keys at once come behind the others in the order of the index: what is looked up together then lies
    // together.
    static constexpr std::size_t kManyNew = 16'384;
    static constexpr std::size_t kSmall = 1024; // tables below do not give memory back

    struct Mark {
        std::uint32_t pass = 0, position = 0;
    };

    /// Keeps the memory of a list where the batch has used it well: fresh memory costs more than what is written to it.
    void keepSpare(Delta& done) {
        if (done.known.capacity() > done.known.size() * 4) return;
        done.known.clear();
        spare_ = std::move(done.known);
    }
    /// Rows of its own: a copy where a version is held, and no longer four times as many as are needed.
    void makeWritable() {
        // Acquire: what the last reader did with the rows comes before what is done to them now.
        const bool shared = held_->readers.load(std::memory_order_acquire) > 0;
        const std::size_t size = held_->rows.size();
        const bool tooLarge = held_->rows.capacity() > kSmall && held_->rows.capacity() > size * 4;
        if (!shared && !tooLarge) return;
        auto copy = share(new StateRows<K, S>());
        copy->rows.reserve(size + size / 2);
        for (const Row& row : held_->rows) copy->rows.push_back(row);
        const std::lock_guard lock(mutex_);
        held_ = std::move(copy);
        if (!tooLarge) return;
        index_.shrink();
        timers_.shrink();
        shrink(hashes_);
        shrink(marks_);
    }
    template <class T> static void shrink(Rows<T>& rows) {
        Rows<T> fewer;
        fewer.reserve(rows.size() + rows.size() / 2);
        for (const T& row : rows) fewer.push_back(row);
        rows = std::move(fewer);
    }
    template <class T> static void reserveIn(Rows<T>& rows, std::size_t count) {
        if (count > rows.capacity()) rows.reserve(std::max(count, rows.capacity() * 2));
    }
    /// After this nothing of `apply` allocates, but where a move of the user's types does.
    void reserve(std::size_t count) {
        reserveIn(held_->rows, count);
        reserveIn(hashes_, count);
        reserveIn(marks_, count);
        index_.reserve(count);
        if (timed_) timers_.reserve(count);
        if (timed_) times_.reserve(delta_.known.size());
    }

    void append(K&& key, S&& state, std::uint32_t hash, Time time) {
        const auto number = std::uint32_t(held_->rows.size());
        held_->rows.emplace_back(std::move(key), std::move(state));
        hashes_.push_back(hash);
        marks_.push_back({pass_, kAdded});
        index_.add(hash, number);
        if (timed_) timers_.add(time);
    }
    void removeLast() noexcept {
        const auto number = std::uint32_t(held_->rows.size() - 1);
        index_.erase(hashes_[number], number);
        hashes_.pop_back();
        marks_.pop_back();
        held_->rows.pop_back();
        if (timed_) timers_.removeLast();
    }
    void swapRows(std::uint32_t a, std::uint32_t b) noexcept {
        if (a == b) return;
        index_.swap(hashes_[a], a, hashes_[b], b);
        std::swap(hashes_[a], hashes_[b]);
        std::swap(marks_[a], marks_[b]);
        std::swap(held_->rows[a], held_->rows[b]);
        if (timed_) timers_.swap(a, b);
    }

    void update() {
        constexpr std::size_t kAhead = 16;
        const auto count = delta_.known.size();
        removed_.clear();
        times_.clear();
        for (updated_ = 0; updated_ < count; ++updated_) {
            if (updated_ + kAhead < count) {
                const std::uint32_t next = delta_.known[updated_ + kAhead].number;
                __builtin_prefetch(&held_->rows[next], 1);
                if (!delta_.marked) __builtin_prefetch(&marks_[next], 1);
            }
            auto& change = delta_.known[updated_];
            if (!delta_.marked) mark(change.number, std::uint32_t(updated_));
            if (change.kind == StateChange::updated) {
                S& state = held_->rows[change.number].second;
                if (isSameState(state, *change.state))
                    change.kind = StateChange::touched;
                else
                    std::swap(state, *change.state);
            }
            if (change.kind == StateChange::removed) removed_.push_back(change.number);
            if (timed_) {
                times_.push_back(timers_.last(change.number));
                timers_.setLast(change.number, time_);
            }
        }
    }
    void add() {
        const bool sorts = delta_.newKeys.size() >= kManyNew;
        if (sorts) orderByHash(delta_.newHashes, newOrder_);
        for (; newApplied_ < delta_.newKeys.size(); ++newApplied_) {
            const std::size_t i = sorts ? newOrder_[newApplied_] : newApplied_;
            auto& change = delta_.newStates[i];
            if (change.kind != StateChange::updated) continue;
            append(std::move(delta_.newKeys[i]), std::move(*change.state), delta_.newHashes[i], time_);
            change.number = std::uint32_t(held_->rows.size() - 1);
            ++added_;
            ++live_;
        }
    }
    /// From the last row to the first, so that no row changes its place that is yet to be removed.
    void remove() {
        sortDescending(removed_);
        for (const std::uint32_t number : removed_) {
            swapRows(number, std::uint32_t(live_ - 1));
            --live_;
        }
    }
    /// Where a row is that had this number when the changes were found.
    std::uint32_t numberNow(std::uint32_t number) const {
        const std::size_t end = before_ + added_;
        while (number >= live_) number = removed_[end - 1 - number];
        return number;
    }

    /// Takes back what of the changes was applied, in the opposite order, and leaves them as they were found.
    void undo() noexcept {
        for (; live_ < before_ + added_; ++live_)
            swapRows(removed_[before_ + added_ - 1 - live_], std::uint32_t(live_));
        while (newApplied_ > 0) {
            --newApplied_;
            const std::size_t i = newOrder_.empty() ? newApplied_ : newOrder_[newApplied_];
            auto& change = delta_.newStates[i];
            if (change.number == kNone) continue;
            Row& row = held_->rows[change.number];
            delta_.newKeys[i] = std::move(row.first);
            change.state = std::move(row.second);
            change.number = kNone;
            removeLast();
        }
        added_ = 0;
        newOrder_.clear();
        while (updated_ > 0) {
            auto& change = delta_.known[--updated_];
            if (change.kind == StateChange::updated) std::swap(held_->rows[change.number].second, *change.state);
            if (timed_) timers_.setLast(change.number, times_[updated_]);
        }
        live_ = before_;
    }

    const bool timed_;
    const unsigned commonBits_;
    std::uint32_t pass_ = 0;

    mutable std::mutex
        mutex_; // held by the batch loop while it changes the following, and by look-ups; tasks only read
    std::shared_ptr<StateRows<K, S>> held_ = share(new StateRows<K, S>());
    Rows<std::uint32_t> hashes_; // of the rows' keys
    Rows<Mark> marks_; // as many as rows; what a pass notes at them is read by look-ups while it is pending alone
    DenseIndex index_;
    StateTimers timers_; // as many as rows, or none
    std::size_t live_ = 0;

    // What the batch that is not yet committed has done.
    bool pending_ = false;
    Delta delta_;
    Rows<ChangedState<S>> spare_; // the memory of a list that was used
    Time time_{};
    std::size_t before_ = 0, updated_ = 0, added_ = 0;
    std::size_t newApplied_ = 0;   // of the new keys, in their order
    Rows<std::uint32_t> newOrder_; // empty: that of their numbers
    Rows<Time> times_;             // when the changed keys had been touched before
    Rows<std::uint32_t> removed_;  // descending; the i-th of these rows was exchanged with the i-th from the end
};

} // namespace rivulet::detail
