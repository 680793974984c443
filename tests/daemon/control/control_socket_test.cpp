// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/control/control_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/control/control_client.h"
#include "daemon/control/unix_address.h"
#include "tests/daemon/support/temporary_directory.h"

namespace messenger::daemon {
namespace {

using namespace std::string_view_literals;

using nlohmann::json;

constexpr std::size_t kLongLine = 1000;
constexpr std::size_t kLargeResult = std::size_t{1} << 20U;

[[nodiscard]] ControlResponse echo(const ControlRequest& request) {
    if (request.command == "throw") throw std::runtime_error("thrown");
    if (request.command == "follow") return {true, "following", {}, true};
    if (request.command == "large") return {true, std::string(kLargeResult, 'x'), {}, false};
    return {true, {{"command", request.command}, {"arguments", request.arguments}}, {}, false};
}

/// A client that says what no proper one would.
class RawClient {
   public:
    explicit RawClient(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const UnixAddress address(path);
        EXPECT_EQ(::connect(socket_.get(), address.get(), UnixAddress::size()), 0);
        timeval patience{5, 0};
        EXPECT_EQ(::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    }
    void send(std::string_view text) const {
        while (!text.empty()) {
            const ssize_t length = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
            if (length <= 0) return;
            text.remove_prefix(static_cast<std::size_t>(length));
        }
    }
    /// "" at the end of the connection.
    [[nodiscard]] std::string line() {
        while (true) {
            const std::size_t end = buffer_.find('\n');
            if (end != std::string::npos) {
                std::string out = buffer_.substr(0, end);
                buffer_.erase(0, end + 1);
                return out;
            }
            std::array<char, 65536> part{};
            const ssize_t length = ::recv(socket_.get(), part.data(), part.size(), 0);
            if (length <= 0) return std::exchange(buffer_, {});
            buffer_.append(part.data(), static_cast<std::size_t>(length));
        }
    }
    void end_sending() const { EXPECT_EQ(::shutdown(socket_.get(), SHUT_WR), 0); }

   private:
    Fd socket_;
    std::string buffer_;
};

/// The server in a thread of its own, until the test ends.
class ControlSocketTest : public testing::Test {
   protected:
    void start(std::size_t connections = 16) {
        ControlOptions options;
        options.path = path_;
        options.connections = connections;
        server_.emplace(loop_, options, echo);
        wake_ = loop_.add_timer([this] { loop_.stop(); });
        thread_ = std::thread([this] {
            while (!done_) {
                if (const int lines = to_publish_.exchange(0); lines > 0) {
                    for (int i = 0; i < lines; ++i) server_->publish(std::string(kLongLine, 'e') + '\n');
                }
                loop_.set_timer(wake_, loop_.now() + std::chrono::milliseconds(20));
                loop_.run_once();
            }
        });
    }
    ~ControlSocketTest() override {
        done_ = true;
        if (thread_.joinable()) thread_.join();
    }

    [[nodiscard]] const std::string& path() const { return path_; }
    void publish(int lines) { to_publish_ = lines; }
    /// The server must have stopped.
    [[nodiscard]] ControlCounters stop_and_count() {
        done_ = true;
        thread_.join();
        return server_->counters();
    }

   private:
    TemporaryDirectory directory_;
    std::string path_ = directory_.file("control.sock");
    EventLoop loop_;
    std::optional<ControlSocket> server_;
    EventLoop::TimerId wake_ = 0;
    std::atomic<bool> done_ = false;
    std::atomic<int> to_publish_ = 0;
    std::thread thread_;
};

TEST_F(ControlSocketTest, AnswersARequest) {
    start();
    const auto response = ask_daemon(path(), {"calls", {{"host", "10.1.2.3"}}});
    EXPECT_TRUE(response.ok) << response.error;
    EXPECT_EQ(response.result["command"], "calls");
    EXPECT_EQ(response.result["arguments"]["host"], "10.1.2.3");
}

TEST_F(ControlSocketTest, AnswersSeveralRequestsOfOneConnectionInOrder) {
    start();
    RawClient client(path());
    std::string text;
    for (int i = 0; i < 50; ++i) text += format_request({std::to_string(i), json::object()});
    client.send(text);
    client.end_sending();
    for (int i = 0; i < 50; ++i) EXPECT_EQ(parse_response(client.line()).result["command"], std::to_string(i));
    EXPECT_EQ(client.line(), "");
}

TEST_F(ControlSocketTest, TakesARequestInPieces) {
    start();
    RawClient client(path());
    for (const char c : format_request({"slow", json::object()})) client.send(std::string_view(&c, 1));
    EXPECT_EQ(parse_response(client.line()).result["command"], "slow");
}

TEST_F(ControlSocketTest, DeliversAResponseThatNoBufferHolds) {
    start();
    const auto response = ask_daemon(path(), {"large", json::object()});
    ASSERT_TRUE(response.ok) << response.error;
    EXPECT_EQ(response.result.get<std::string>().size(), kLargeResult);
    // Requests behind a large response wait, and are answered.
    RawClient client(path());
    client.send(format_request({"large", json::object()}) + format_request({"next", json::object()}));
    EXPECT_GT(client.line().size(), kLargeResult);
    EXPECT_EQ(parse_response(client.line()).result["command"], "next");
}

TEST_F(ControlSocketTest, SendsEventsToThoseWhoFollow) {
    start();
    RawClient follower(path());
    RawClient other(path());
    follower.send(format_request({"follow", json::object()}));
    EXPECT_EQ(parse_response(follower.line()).result, "following");
    publish(3);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(follower.line(), std::string(kLongLine, 'e'));
    // What a follower still says is not read, and harms nobody.
    follower.send("garbage\n{{{\n");
    publish(1);
    EXPECT_EQ(follower.line(), std::string(kLongLine, 'e'));
    other.send(format_request({"other", json::object()}));
    EXPECT_EQ(parse_response(other.line()).result["command"], "other") << "and no event before it";
}

TEST_F(ControlSocketTest, TellsAFollowerHowManyLinesItMissed) {
    start();
    RawClient follower(path());
    follower.send(format_request({"follow", json::object()}));
    EXPECT_TRUE(parse_response(follower.line()).ok);
    constexpr int kMany = 5000;  // more than the buffers of both sides hold
    publish(kMany);
    EXPECT_TRUE(ask_daemon(path(), {"still there", json::object()}).ok);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    int seen = 0;
    std::string line;
    while (seen < kMany && (line = follower.line()).front() == 'e') {
        ++seen;
        if (seen % 100 == 0) publish(1);  // the count comes before the next line
    }
    const auto missed = json::parse(line);
    EXPECT_EQ(missed["event"], "missed");
    EXPECT_GT(missed["lines"].get<int>(), kMany / 2);
}

TEST_F(ControlSocketTest, SurvivesGarbage) {
    start();
    {
        RawClient client(path());
        client.send("\0\xff\n{{{\nGET / HTTP/1.1\r\n"sv);
        for (int i = 0; i < 3; ++i) EXPECT_FALSE(parse_response(client.line()).ok);
    }
    EXPECT_FALSE(ask_daemon(path(), {"throw", json::object()}).ok);
    EXPECT_EQ(ask_daemon(path(), {"throw", json::object()}).error, "thrown");
    EXPECT_TRUE(ask_daemon(path(), {"still there", json::object()}).ok);
}

TEST_F(ControlSocketTest, EndsAConnectionWhoseLineIsTooLong) {
    start();
    RawClient fits(path());
    std::string request = format_request({"x", json::object()});
    request.insert(request.size() - 1, kLongestRequest - (request.size() - 1), ' ');
    fits.send(request);
    EXPECT_TRUE(parse_response(fits.line()).ok);
    fits.send(' ' + request);
    EXPECT_THAT(parse_response(fits.line()).error, testing::HasSubstr("65536"));
    EXPECT_EQ(fits.line(), "");
    RawClient endless(path());
    endless.send(std::string(2 * kLongestRequest, 'x'));
    EXPECT_THAT(parse_response(endless.line()).error, testing::HasSubstr("65536"));
    EXPECT_TRUE(ask_daemon(path(), {"still there", json::object()}).ok);
}

TEST_F(ControlSocketTest, EndsTheLongestSilentConnectionForANewOne) {
    start(2);
    RawClient first(path());
    first.send(format_request({"1", json::object()}));
    EXPECT_TRUE(parse_response(first.line()).ok);
    RawClient second(path());
    second.send(format_request({"2", json::object()}));
    EXPECT_TRUE(parse_response(second.line()).ok);
    first.send(format_request({"1 again", json::object()}));
    EXPECT_TRUE(parse_response(first.line()).ok);
    RawClient third(path());
    third.send(format_request({"3", json::object()}));
    EXPECT_TRUE(parse_response(third.line()).ok);
    EXPECT_EQ(second.line(), "");
    first.send(format_request({"1 still", json::object()}));
    EXPECT_TRUE(parse_response(first.line()).ok);
    const ControlCounters counters = stop_and_count();
    EXPECT_EQ(counters.accepted, 3U);
    EXPECT_EQ(counters.evicted, 1U);
    EXPECT_EQ(counters.refused, 0U);
}

TEST_F(ControlSocketTest, IsClosedToOthers) {
    start();
    struct stat found {};
    ASSERT_EQ(::stat(path().c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777U, 0600U);
}

TEST(ControlSocket, ReplacesTheSocketOfADeadDaemonButNotOfALivingOne) {
    const TemporaryDirectory directory;
    EventLoop loop;
    ControlOptions options;
    options.path = directory.file("control.sock");
    { const ControlSocket dead(loop, options, echo); }
    const ControlSocket living(loop, options, echo);
    try {
        const ControlSocket another(loop, options, echo);
        FAIL() << "two servers at one path";
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code().value(), EADDRINUSE);
        EXPECT_THAT(error.what(), testing::HasSubstr("running already"));
    }
}

TEST(ControlSocket, LeavesOtherFilesAlone) {
    const TemporaryDirectory directory;
    EventLoop loop;
    ControlOptions options;
    options.path = directory.file("precious");
    std::ofstream(options.path) << "data";
    EXPECT_THROW(ControlSocket(loop, options, echo), std::system_error);
    EXPECT_EQ(::access(options.path.c_str(), F_OK), 0);
    options.path = directory.file(std::string(200, 'x'));
    EXPECT_THROW(ControlSocket(loop, options, echo), std::system_error);
}

TEST(ControlClient, SaysWhyThereIsNoAnswer) {
    const TemporaryDirectory directory;
    const auto code_of = [](const std::string& path) {
        try {
            static_cast<void>(ask_daemon(path, {"x", json::object()}, std::chrono::milliseconds(50)));
        } catch (const std::system_error& error) {
            return error.code().value();
        }
        return 0;
    };
    EXPECT_EQ(code_of(directory.file("nobody")), ENOENT);
    const std::string path = directory.file("silent");
    const UnixAddress address(path);
    const Fd silent(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(silent.get(), address.get(), UnixAddress::size()), 0);
    EXPECT_EQ(code_of(path), ECONNREFUSED);
    ASSERT_EQ(::listen(silent.get(), 4), 0);
    EXPECT_EQ(code_of(path), ETIMEDOUT);
}

TEST(ControlGroup, IsFoundByItsName) {
    EXPECT_EQ(find_group("root"), 0U);
    EXPECT_THROW(static_cast<void>(find_group("no-such-group-here")), std::runtime_error);
}

}  // namespace
}  // namespace messenger::daemon
