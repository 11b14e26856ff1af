#include "support/rdd_harness.h"

namespace rivulet::test::listener_test {

namespace {

/// Writes down what it is told.
class Notes final : public JobListener {
  public:
    void onJobStart(const JobStart& job) override {
        note("job " + std::to_string(job.jobId) + " " + job.site.operation + " [" + job.group + "] " + job.description);
    }
    void onJobEnd(const JobEnd& job) override {
        note("end of job " + std::to_string(job.jobId) + (job.error.empty() ? "" : " failed"));
        right = right && job.duration.count() > 0;
    }
    void onStageSubmitted(const StageInfo& stage) override {
        note("stage " + std::to_string(stage.stageId) + " of " + std::to_string(stage.tasks) +
             (stage.shuffleId >= 0 ? " map tasks" : " tasks"));
    }
    void onStageCompleted(const StageEnd& end) override {
        note("end of stage " + std::to_string(end.stage.stageId) + (end.succeeded ? "" : " failed"));
    }
    void onTaskStart(const TaskInfo& task) override {
        note("task " + std::to_string(task.partition) + " attempt " + std::to_string(task.attempt));
    }
    void onTaskEnd(const TaskEnd& end) override {
        note("end of task " + std::to_string(end.task.partition) + (end.error.empty() ? "" : ": " + end.error));
        written += end.shuffleBytesWritten;
    }

    std::vector<std::string> lines;
    std::size_t written = 0;
    bool right = true;

  private:
    void note(std::string line) { lines.push_back(std::move(line)); }
};

class Throwing final : public JobListener {
    void onJobStart(const JobStart&) override { throw std::runtime_error("no"); }
};

} // namespace

TEST_CASE("a listener is told of jobs, stages and tasks in their order") {
    const Context sc(Conf("local", "test").set("rivulet.executor", "serial"));
    const auto notes = std::make_shared<Notes>();
    sc.addListener(notes);
    sc.setJobGroup("g", "counts");
    const auto counts = sc.range(0, 10, 1, 2).map(withOne).reduceByKey(std::plus<>(), 1);
    counts.count();
    counts.count(); // its map stage is skipped
    sc.removeListener(notes);
    sc.range(5).count();
    const std::vector<std::string> expected{"job 0 count [g] counts", "stage 0 of 2 map tasks", "task 0 attempt 0",
                                            "end of task 0",          "task 1 attempt 0",       "end of task 1",
                                            "end of stage 0",         "stage 1 of 1 tasks",     "task 0 attempt 0",
                                            "end of task 0",          "end of stage 1",         "end of job 0",
                                            "job 1 count [g] counts", "stage 2 of 1 tasks",     "task 0 attempt 0",
                                            "end of task 0",          "end of stage 2",         "end of job 1"};
    CHECK(notes->lines == expected);
    CHECK(notes->written > 0);
    CHECK(notes->right);
}

TEST_CASE("a listener is told of failures, and of all before a stop returns") {
    const Context sc(Conf("local[1,2]", "test").set("rivulet.executor", "serial").set("rivulet.log.level", "OFF"));
    const auto notes = std::make_shared<Notes>();
    sc.addListener(std::make_shared<Throwing>()); // disturbs nobody
    sc.addListener(notes);
    CHECK(errorOf<JobError>([&] {
              sc.range(0, 1, 1, 1).map([](long) -> long { throw std::runtime_error("no"); }).count();
          }).ends_with("no"));
    sc.stop();
    const std::vector<std::string> expected{"job 0 count [] ",       "stage 0 of 1 tasks", "task 0 attempt 0",
                                            "end of task 0: no",     "task 0 attempt 1",   "end of task 0: no",
                                            "end of stage 0 failed", "end of job 0 failed"};
    CHECK(notes->lines == expected);
}

TEST_CASE("events that nobody takes in time are dropped, and tasks do not wait") {
    const Context sc(Conf("local[2]", "test").set("rivulet.listenerBus.capacity", 10).set("rivulet.log.level", "OFF"));
    class Blocking final : public JobListener {
      public:
        void onJobStart(const JobStart&) override { gate.wait(); }
        void onTaskEnd(const TaskEnd&) override { ++ended; }
        Gate gate;
        std::atomic<int> ended = 0;
    };
    const auto blocking = std::make_shared<Blocking>();
    sc.addListener(blocking);
    CHECK(sc.range(0, 100, 1, 100).count() == 100);
    blocking->gate.open();
    sc.stop();
    CHECK(blocking->ended < 100);
}

} // namespace rivulet::test::listener_test
