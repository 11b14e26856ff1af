#pragma once

#include "rivulet/stream/kept.h"

namespace rivulet::detail {

/// The panes of the last `window`, as one RDD.
template <class T> class WindowNode final : public StreamNode<RDD<T>> {
  public:
    WindowNode(std::weak_ptr<StreamCore> core, CallSite site, std::shared_ptr<KeptStreamNode<T>> panes, Duration window,
               Duration slide)
        : StreamNode<RDD<T>>(std::move(core), site, slide, {panes}),
          panes_(std::move(panes)),
          window_(window) {}
    Duration neededOfParents(Duration own) const override { return own + window_; }

  protected:
    std::optional<RDD<T>> compute(Time time) override {
        std::vector<RDD<T>> parts; // times without a batch (before the start, or merged into a later one) have no pane
        for (Time at = time - window_ + panes_->slide(); at <= time; at += panes_->slide())
            if (auto pane = panes_->remembered(at)) parts.push_back(std::move(*pane));
        return this->core()->context().unionAll(parts, this->site().where);
    }

  private:
    std::shared_ptr<KeptStreamNode<T>> panes_;
    Duration window_;
};

} // namespace rivulet::detail
