#pragma once

#include "rivulet/stream/graph.h"

namespace rivulet::detail {

/// The RDDs of the parent over the last `window`, as one.
template <class T> class WindowNode final : public StreamNode<RDD<T>> {
  public:
    WindowNode(std::weak_ptr<StreamCore> core, CallSite site, std::shared_ptr<StreamNode<RDD<T>>> parent,
               Duration window, Duration slide)
        : StreamNode<RDD<T>>(std::move(core), site, slide, {parent}),
          parent_(std::move(parent)),
          window_(window) {
        parent_->persist();
    }
    Duration looksBack() const override { return window_; }

  protected:
    std::optional<RDD<T>> compute(Time time) override {
        std::vector<RDD<T>> parts;
        for (Time at = time - window_ + parent_->slide(); at <= time; at += parent_->slide())
            if (auto part = parent_->at(at)) parts.push_back(std::move(*part));
        return this->core()->context().unionAll(parts, this->site().where);
    }

  private:
    std::shared_ptr<StreamNode<RDD<T>>> parent_;
    Duration window_;
};

} // namespace rivulet::detail
