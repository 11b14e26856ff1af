#include "rivulet/context.h"
#include "rivulet/jobs/job_scope.h"

#include <algorithm>

namespace rivulet {
namespace {

std::string because(const std::string& what, const std::string& reason) {
    return "because " + what + (reason.empty() ? "" : ": " + reason);
}

void checkTag(const char* operation, const std::string& tag, std::source_location where) {
    if (tag.empty() || tag.find(',') != tag.npos)
        throw UsageError(std::string(operation) + ": the tag '" + tag + "' must not be empty or have a comma", where);
}

bool hasTag(const JobScope& scope, const std::string& tag) {
    return std::find(scope.tags.begin(), scope.tags.end(), tag) != scope.tags.end();
}

} // namespace

void Context::setJobGroup(const std::string& group, const std::string& description) const {
    engine_->scope().group = group;
    engine_->scope().description = description;
}
void Context::clearJobGroup() const { setJobGroup("", ""); }
void Context::setJobDescription(const std::string& description) const { engine_->scope().description = description; }

void Context::addJobTag(const std::string& tag, Where where) const {
    checkTag("addJobTag", tag, where);
    if (!hasTag(engine_->scope(), tag)) engine_->scope().tags.push_back(tag);
}
void Context::removeJobTag(const std::string& tag, Where where) const {
    checkTag("removeJobTag", tag, where);
    std::erase(engine_->scope().tags, tag);
}
std::vector<std::string> Context::getJobTags() const { return engine_->scope().tags; }
void Context::clearJobTags() const { engine_->scope().tags.clear(); }

void Context::setLocalProperty(const std::string& key, const std::string& value) const {
    auto& properties = engine_->scope().properties;
    if (value.empty())
        properties.erase(key);
    else
        properties[key] = value;
}
std::string Context::getLocalProperty(const std::string& key) const {
    const auto& properties = engine_->scope().properties;
    const auto found = properties.find(key);
    return found == properties.end() ? std::string() : found->second;
}

void Context::cancelJobGroup(const std::string& group, const std::string& reason) const {
    engine_->cancelJobs([&](int, const JobScope& scope) { return !group.empty() && scope.group == group; },
                        because("its group '" + group + "' was cancelled", reason));
}
void Context::cancelJobGroupAndFutureJobs(const std::string& group, const std::string& reason) const {
    engine_->cancelFutureJobs(group);
    cancelJobGroup(group, reason);
}
void Context::cancelJobsWithTag(const std::string& tag, const std::string& reason, Where where) const {
    checkTag("cancelJobsWithTag", tag, where);
    engine_->cancelJobs([&](int, const JobScope& scope) { return hasTag(scope, tag); },
                        because("jobs with its tag '" + tag + "' were cancelled", reason));
}
void Context::cancelJob(int jobId, const std::string& reason) const {
    engine_->cancelJobs([&](int id, const JobScope&) { return id == jobId; }, because("the program said so", reason));
}
void Context::cancelAllJobs() const {
    engine_->cancelJobs([](int, const JobScope&) { return true; }, "because all jobs were cancelled");
}

void Context::addListener(std::shared_ptr<JobListener> listener) const { engine_->addListener(std::move(listener)); }
void Context::removeListener(const std::shared_ptr<JobListener>& listener) const { engine_->removeListener(listener); }

} // namespace rivulet
