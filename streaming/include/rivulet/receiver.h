#pragma once

#include "rivulet/dstream.h"
#include "rivulet/input/received.h"

#include <concepts>

namespace rivulet {
namespace detail {

/// The bytes that an element holds beside its own size, of strings and vectors through pairs, tuples and optionals.
template <class X> std::size_t heapBytes(const X& x);
template <class Parts> std::size_t heapBytesOfAll(const Parts& parts) {
    std::size_t sum = 0;
    for (const auto& part : parts) sum += sizeof part + heapBytes(part);
    return sum;
}
template <class X> std::size_t heapBytes(const X& x) {
    if constexpr (std::is_trivially_copyable_v<X>)
        return 0;
    else if constexpr (std::same_as<X, std::string>)
        return x.capacity() < sizeof(std::string) / 2 ? 0 : x.capacity();
    else if constexpr (requires { x.first, x.second; })
        return heapBytes(x.first) + heapBytes(x.second);
    else if constexpr (requires { std::tuple_size<X>::value; })
        return std::apply([](const auto&... parts) { return (std::size_t(0) + ... + heapBytes(parts)); }, x);
    else if constexpr (requires { x.has_value(), *x; })
        return x.has_value() ? heapBytes(*x) : 0;
    else if constexpr (requires { x.begin(), x.end(); })
        return heapBytesOfAll(x);
    else
        return 0;
}

} // namespace detail

template <class T> class Receiver;

/// What is called when something becomes of a block that a receiver has stored.
struct BlockCallbacks {
    /// It is written to the checkpoint directory, and there after a crash; in memory, where nothing is written. By the
    /// library's thread, for the blocks of a receiver in their order: be quick, and do not throw.
    std::function<void()> onStored = {};
    /// The batch that has it succeeded. By the thread that runs the batches: be quick. Not after a crash in between.
    std::function<void()> onProcessed = {};
};
namespace detail {

class CallbackSender final : public BlockSender {
  public:
    explicit CallbackSender(std::function<void()> call) : call_(std::move(call)) {}
    void written(std::uint64_t number) override;

  private:
    const std::function<void()> call_;
};

} // namespace detail

/// What a receiver gives its elements to: `store(x)`.
///
/// Elements are gathered into blocks, which a batch takes at its time. `store` waits while
/// `rivulet.streaming.receiver.bufferBytes` wait to be processed, and while the rate limit
/// (`rivulet.streaming.receiver.maxRate`, backpressure) allows no more.
///
/// Threads: any; threads that the receiver starts have to end before its `run` returns
template <class T> class ReceiverStore {
  public:
    /// Stores one element. False once a stop is requested: end soon; what was given is still taken.
    bool operator()(T element) {
        const std::size_t bytes = receiver_->sizeBytes(element);
        const bool goOn = blocks().admit(1, stop_);
        std::lock_guard lock(mutex_);
        if (rows_ && intervalIsOver()) sealLocked(!goOn);
        if (!rows_) {
            rows_ = detail::share(new detail::Rows<T>());
            begun_ = blocks().clock().now();
        }
        rows_->push_back(std::move(element));
        rowsBytes_ += bytes;
        if (rowsBytes_ >= kBlockBytes || !goOn) sealLocked(!goOn);
        return goOn;
    }
    /// Stores all of them as one block, which is never split over batches or partitions, and returns when they are
    /// stored: in memory, or where there is a checkpoint directory written to it, so that a crash does not lose them
    /// (unless `rivulet.streaming.receiver.writeAheadLog.enable` is false). That is the moment to acknowledge them to
    /// where they came from. `onProcessed` is called (by the thread that runs the batches: be quick) after the batch
    /// that has them succeeded, and never where it failed.
    ///
    /// A block of more than the rate allows in one batch waits for a batch of its own, and those after it pay for it.
    ///
    /// Cost:   with a checkpoint directory, a sync of the disk, which blocks of other threads and receivers share
    /// Errors: IoError where they cannot be written
    bool operator()(std::vector<T> block, std::function<void()> onProcessed = {}) {
        const auto [goOn, next] = putBlock(std::move(block), nullptr, std::move(onProcessed));
        if (blocks().writesAhead()) blocks().awaitWritten(next);
        return goOn;
    }
    /// Stores them as one block in the same way, and does not wait: `onStored` tells when they may be acknowledged.
    bool operator()(std::vector<T> block, BlockCallbacks callbacks) {
        std::shared_ptr<detail::BlockSender> sender;
        if (callbacks.onStored) sender = detail::share(new detail::CallbackSender(std::move(callbacks.onStored)));
        return putBlock(std::move(block), std::move(sender), std::move(callbacks.onProcessed)).first;
    }
    /// Tells the listeners of an error, and goes on.
    void reportError(const std::string& message, std::exception_ptr error = std::current_exception()) {
        input_.tellError(message, std::move(error));
    }
    /// Ends `run`, by an exception, and has it called again after a pause, as any exception does. To be called by the
    /// thread that `run` was called by.
    [[noreturn]] void restart(const std::string& message) { throw detail::ReceiverRestart{message}; }

    // ---- for the library

    ReceiverStore(detail::ReceivedInput& input, detail::ReceiverThread& thread, std::shared_ptr<Receiver<T>> receiver,
                  Duration blockInterval)
        : input_(input),
          thread_(thread),
          receiver_(std::move(receiver)),
          blockInterval_(blockInterval),
          stop_(thread.token()) {}
    void seal() {
        std::lock_guard lock(mutex_);
        sealLocked(false);
    }

  private:
    static constexpr std::size_t kBlockBytes = 64 << 10; // what is worth a task of its own
    static constexpr std::size_t kFewRows = 32;

    detail::ReceivedBlocks& blocks() const { return input_.blocks(); }
    /// Whether the block that is being filled was begun a block interval ago. The clock costs as much as all the rest,
    /// so a long block asks it now and then.
    bool intervalIsOver() {
        if (rows_->size() > kFewRows && rows_->size() % kFewRows != 0) return false;
        return blocks().clock().now() - begun_ >= blockInterval_;
    }
    std::pair<bool, std::uint64_t> putBlock(std::vector<T> block, std::shared_ptr<detail::BlockSender> sender,
                                            std::function<void()> onProcessed) {
        auto rows = detail::share(new detail::Rows<T>());
        std::size_t bytes = 0;
        rows->reserve(block.size());
        for (auto&& x : block) {
            bytes += receiver_->sizeBytes(x);
            rows->push_back(std::move(x));
        }
        const bool goOn = blocks().admit(long(rows->size()), stop_);
        auto made = detail::ReceivedRows<T>::block(std::move(rows), bytes);
        if (blocks().writesAhead()) made.sender = std::exchange(sender, nullptr);
        made.onProcessed = std::move(onProcessed);
        std::uint64_t next = 0;
        {
            std::lock_guard lock(mutex_);
            sealLocked(!goOn);
            next = put(std::move(made), !goOn);
        }
        if (sender && next > 0) sender->written(0); // in memory it is
        return {goOn, next};
    }
    void sealLocked(bool afterStop) {
        if (!rows_) return;
        put(detail::ReceivedRows<T>::block(std::exchange(rows_, nullptr), std::exchange(rowsBytes_, 0)), afterStop);
    }
    std::uint64_t put(detail::ReceivedBlock block, bool afterStop) {
        thread_.countStored(block.records);
        return blocks().put(std::move(block), afterStop);
    }

    detail::ReceivedInput& input_;
    detail::ReceiverThread& thread_;
    const std::shared_ptr<Receiver<T>> receiver_;
    const Duration blockInterval_;
    const std::stop_token stop_;

    std::mutex mutex_; // guards the following
    std::shared_ptr<detail::Rows<T>> rows_;
    std::size_t rowsBytes_ = 0;
    Time begun_{};
};

/// A source of one's own: derive, and give it to `receiverStream`.
///
///     class CounterReceiver : public Receiver<long> {
///         void run(Store& store, std::stop_token stop) override {
///             for (long n = 0; !stop.stop_requested(); ++n) store(n);
///         }
///     };
///     auto numbers = ssc.receiverStream(CounterReceiver());
///
/// What `run` throws is told to the listeners, and `run` is called again after a pause that doubles from
/// `rivulet.streaming.receiverRestartDelay` up to `rivulet.streaming.receiverMaxRestartDelay`. A `run` that returns is
/// done: it is not called again.
///
/// Threads: `run` has a thread of its own, from the start of the context until it returns
/// Source:  Spark Receiver
template <class T> class Receiver {
    static_assert(kIsOwned<T> && !detail::kHoldsView<T>,
                  "the elements of a receiver wait for their batch, so they own their bytes: std::string, not "
                  "std::string_view");

  public:
    using Element = T;
    using Store = ReceiverStore<T>;

    virtual ~Receiver() = default;
    /// Stores elements until there are no more or a stop is requested, for which the context waits.
    virtual void run(Store& store, std::stop_token stop) = 0;
    /// The bytes that an element holds while it waits; to be overridden for types that hold more than strings and
    /// containers show.
    virtual std::size_t sizeBytes(const T& element) const { return sizeof(T) + detail::heapBytes(element); }
};

/// A stream that a receiver feeds, fused.
template <class T>
using ReceiverStream = DStream<T, detail::NodeRecipe<detail::StreamNode<detail::ReceivedRdd<detail::ReceivedRows<T>>>>>;

namespace detail {

template <class T> class ReceiverNode final : public ReceivedNode<ReceivedRows<T>> {
  public:
    ReceiverNode(const std::shared_ptr<StreamCore>& core, CallSite site, std::shared_ptr<Receiver<T>> receiver)
        : ReceivedNode<ReceivedRows<T>>(core, site, "Receiver stream"),
          receiver_(std::move(receiver)),
          thread_(*this),
          store_(*this, thread_, receiver_, core->context().conf().getDuration("rivulet.streaming.blockInterval")) {}
    void start() override {
        thread_.start([this](std::stop_token stop) { receiver_->run(store_, std::move(stop)); });
    }
    void stop() noexcept override { thread_.stop(); }

  protected:
    void seal() const override { store_.seal(); }

  private:
    const std::shared_ptr<Receiver<T>> receiver_;
    ReceiverThread thread_;
    mutable ReceiverStore<T> store_;
};

[[noreturn]] void throwNoReceiver(std::source_location where);

template <class T>
ReceiverStream<T> receiverStream(const std::shared_ptr<StreamCore>& core, std::shared_ptr<Receiver<T>> receiver,
                                 std::source_location where) {
    if (!receiver) throwNoReceiver(where);
    core->requireOpen("receiverStream", where);
    auto node = share(new ReceiverNode<T>(core, CallSite{"receiverStream", where}, std::move(receiver)));
    ReceivedInput::declare(*core, node);
    return ReceiverStream<T>(NodeRecipe<StreamNode<ReceivedRdd<ReceivedRows<T>>>>(std::move(node)));
}

} // namespace detail

/// A receiver of some element type.
template <class R>
concept AnyReceiver = requires { typename R::Element; } && std::derived_from<R, Receiver<typename R::Element>>;

} // namespace rivulet
