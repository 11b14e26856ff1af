#pragma once

#include "rivulet/stream/durable/checkpoint.h"
#include "rivulet/stream/durable/stored_rows.h"

#include <concepts>

/// What is stored of an operator, and the program has another type for now.
namespace rivulet {
namespace detail {

template <class F, class K, class Old>
concept MigratesState = std::invocable<const F&, Old>;
template <class F, class K, class Old>
concept MigratesStateOfKey = std::invocable<const F&, const K&, Old>;

/// Writes the pieces of a log of states, or of a window of pairs, anew.
template <class K, class Old, class F> class StateRewriter {
  public:
    explicit StateRewriter(F f) : f_(std::move(f)) {}

    std::string operator()(std::string_view piece, bool isTable) const {
        ByteReader in(piece);
        ByteWriter out;
        bool timed = false;
        std::uint32_t rows = 0, removed = 0;
        if (isTable) {
            in(timed, rows, removed);
            out(timed, rows, removed);
        } else {
            Time time{};
            in(time, rows);
            out(time, rows);
        }
        for (; rows > 0; --rows) {
            K key{};
            Old old{};
            if (timed) copy<Time>(in, out);
            in(key, old);
            out(key, after(key, std::move(old)));
        }
        for (; removed > 0; --removed) copy<K>(in, out);
        in.finish();
        return std::move(out).text();
    }

    auto after(const K& key, Old old) const {
        if constexpr (MigratesStateOfKey<F, K, Old>)
            return f_(key, std::move(old));
        else
            return f_(std::move(old));
    }

  private:
    template <class X> static void copy(ByteReader& in, ByteWriter& out) {
        X x{};
        in(x);
        out(x);
    }

    F f_;
};

} // namespace detail

/// How the states of an operator, or the rows of a keyed window, that were stored with type Old become those that the
/// program has now: `f(old)` or `f(key, old)` gives the new one. Keys stay as they are.
///
///     struct SessionV1 { ... };
///     template <> inline constexpr const char* rivulet::kStoredName<SessionV1> = "Session";
///
///     ssc.checkpoint("state/clicks", {.migrations = {migrateState<UserId, SessionV1>("sessions", [](SessionV1 old) {
///                                         return Session{.page = old.page, .clicks = old.clicks, .paid = false};
///                                     })}});
///
/// Runs at the start where what is stored has the old type, and comes into force with the start, whole or not at all.
/// It may stay in the program. Several under one uid follow each other, from version to version.
///
/// Cost:   all that is stored of the operator is read, and held in memory until it is written
/// Source: Flink's state schema evolution; Spark has none
template <class K, class Old, class F>
    requires((detail::MigratesState<F, K, Old> || detail::MigratesStateOfKey<F, K, Old>) && detail::Storable<K> &&
             detail::Storable<Old>)
StateMigration migrateState(std::string uid, F f) {
    using Rewriter = detail::StateRewriter<K, Old, F>;
    using New = decltype(std::declval<const Rewriter&>().after(std::declval<const K&>(), std::declval<Old>()));
    static_assert(detail::Storable<New>, "what a migration gives must be a type that can be stored");
    return {std::move(uid), detail::storedForm<std::pair<K, Old>>(), detail::storedForm<std::pair<K, New>>(),
            Rewriter(std::move(f))};
}

} // namespace rivulet
