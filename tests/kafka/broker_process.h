#pragma once

#include <chrono>
#include <librdkafka/rdkafka.h>
#include <memory>
#include <netinet/in.h>
#include <signal.h>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rivulet::test {

/// A Kafka broker of its own, on ports found free. It ends with the process that made it.
class BrokerProcess {
  public:
    /// `script` is tools/kafka_broker.sh. Null where there is no Java.
    static std::unique_ptr<BrokerProcess> start(const std::string& script, const std::string& directory) {
        std::unique_ptr<BrokerProcess> broker(new BrokerProcess(script, directory));
        return broker->begin() ? std::move(broker) : nullptr;
    }
    static constexpr const char* kMissing =
        "skipped: no Kafka broker can be started; apt-get install default-jre-headless maven";
    ~BrokerProcess() { stop(); }
    BrokerProcess(const BrokerProcess&) = delete;
    BrokerProcess& operator=(const BrokerProcess&) = delete;

    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

    /// Returns when it answers; false where there is no Java.
    bool begin() {
        process_ = ::fork();
        if (process_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            const std::string port = std::to_string(port_), controller = std::to_string(controllerPort_);
            ::execlp("bash", "bash", script_.c_str(), directory_.c_str(), port.c_str(), controller.c_str(), nullptr);
            ::_exit(127);
        }
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
        while (!answers()) {
            int status = 0;
            if (::waitpid(process_, &status, WNOHANG) != 0) {
                process_ = 0;
                constexpr int kNoJava = 69;
                if (WIFEXITED(status) && WEXITSTATUS(status) == kNoJava) return false;
                throw std::runtime_error("the Kafka broker has ended; see " + directory_ + "/broker.log");
            }
            if (std::chrono::steady_clock::now() > deadline)
                throw std::runtime_error("the Kafka broker does not answer; see " + directory_ + "/broker.log");
        }
        return true;
    }
    void stop(int signal = SIGKILL) {
        if (process_ == 0) return;
        ::kill(process_, signal);
        ::waitpid(process_, nullptr, 0);
        process_ = 0;
    }

  private:
    BrokerProcess(std::string script, std::string directory)
        : script_(std::move(script)),
          directory_(std::move(directory)),
          port_(freePort()),
          controllerPort_(freePort()) {}

    static int freePort() {
        const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) < 0 ||
            ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) < 0)
            throw std::runtime_error("no free port");
        ::close(listener);
        return ntohs(address.sin_port);
    }

    /// Asks for what it has; waits half a second for an answer.
    bool answers() const {
        rd_kafka_conf_t* conf = rd_kafka_conf_new();
        char error[256];
        rd_kafka_conf_set(conf, "bootstrap.servers", address().c_str(), error, sizeof error);
        rd_kafka_conf_set(conf, "log_level", "0", error, sizeof error);
        rd_kafka_t* client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
        const rd_kafka_metadata_t* metadata = nullptr;
        const auto failed = rd_kafka_metadata(client, 1, nullptr, &metadata, 500);
        if (!failed) rd_kafka_metadata_destroy(metadata);
        rd_kafka_destroy(client);
        return !failed;
    }

    const std::string script_, directory_;
    const int port_, controllerPort_;
    pid_t process_ = 0;
};

} // namespace rivulet::test
