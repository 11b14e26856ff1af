#include "rivulet/memory_account.h"

#include "rivulet/error.h"
#include "support/catch.h"

#include <thread>

namespace rivulet::test::memory_account_test {

using Catch::Matchers::StartsWith;

TEST_CASE("an account knows bytes and peak of every consumer, and the total") {
    MemoryAccount account;
    const auto shuffle = account.consumer("shuffle");
    account.add(shuffle, 100);
    account.add("cache", 50);
    account.add(shuffle, -80);
    account.add("cache", 10);
    const auto usages = account.snapshot();
    REQUIRE(usages.size() == 2);
    CHECK(usages[0].consumer == "shuffle");
    CHECK(usages[0].bytes == 20);
    CHECK(usages[0].peakBytes == 100);
    CHECK(usages[1].consumer == "cache");
    CHECK(usages[1].bytes == 60);
    CHECK(usages[1].peakBytes == 60);
    CHECK(account.totalBytes() == 80);
    CHECK(account.peakTotalBytes() == 150);
    CHECK(account.consumer("shuffle") == shuffle);
}

TEST_CASE("consumers beyond the table's room are counted together") {
    MemoryAccount account;
    for (int i = 0; i < 300; ++i) account.add("consumer " + std::to_string(i), 1);
    const auto usages = account.snapshot();
    REQUIRE(usages.size() == 256);
    CHECK(usages[0].bytes == 1);
    CHECK(usages.back().consumer == "others");
    CHECK(usages.back().bytes == 45);
    CHECK(account.totalBytes() == 300);
}

TEST_CASE("a reservation gives back what it holds, once") {
    const auto account = std::make_shared<MemoryAccount>();
    const auto cache = account->consumer("cache");
    {
        MemoryReservation first(account, cache, 10);
        first.resize(30);
        CHECK(account->totalBytes() == 30);
        MemoryReservation second = std::move(first);
        CHECK(second.bytes() == 30);
        CHECK(account->totalBytes() == 30);
        MemoryReservation third(account, cache, 5);
        third = std::move(second);
        CHECK(account->totalBytes() == 30);
        third.resize(7);
        CHECK(account->totalBytes() == 7);
        third.release();
        CHECK(account->totalBytes() == 0);
        third.resize(8);
        CHECK(account->totalBytes() == 8);
    }
    CHECK(account->totalBytes() == 0);
    CHECK(account->peakTotalBytes() == 35);
}

TEST_CASE("a reservation refuses what cannot be") {
    const auto account = std::make_shared<MemoryAccount>();
    MemoryReservation reservation(account, account->consumer("cache"));
    CHECK_THROWS_MATCHES(
        reservation.resize(-1), UsageError,
        Catch::Matchers::MessageMatches(StartsWith("a memory reservation of -1 bytes: the size must be 0 or more")));
    MemoryReservation empty;
    empty.resize(0);
    CHECK_THROWS_MATCHES(
        empty.resize(1), UsageError,
        Catch::Matchers::MessageMatches(StartsWith("a memory reservation without an account cannot hold 1 bytes; "
                                                   "construct it with an account and a consumer")));
}

TEST_CASE("threads may report and register at the same time") {
    const auto account = std::make_shared<MemoryAccount>();
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&, t] {
                const auto own = account->consumer("thread " + std::to_string(t));
                for (int i = 0; i < 1000; ++i) {
                    const MemoryReservation reservation(account, own, 3);
                    account->add("shared", 1);
                }
            });
        }
    }
    CHECK(account->totalBytes() == 4000);
    CHECK(account->snapshot().size() == 5);
}

} // namespace rivulet::test::memory_account_test
