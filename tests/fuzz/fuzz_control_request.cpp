// SPDX-License-Identifier: GPL-2.0-or-later
// Input: a byte that says how the rest is cut, then what a client sends to the control socket. Every line is answered
// by one line that can be read, nothing else is said, and a client costs no more than one request and one answer.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "daemon/control/command_table.h"
#include "daemon/control/control_connection.h"
#include "daemon/control/control_protocol.h"
#include "tests/fuzz/require.h"

namespace {

using namespace messenger::daemon;
using messenger::test::require;

CommandTable make_commands() {
    CommandTable commands;
    commands.add("calls", [](const CommandArguments& arguments) {
        return nlohmann::json{{"host", arguments.text("host").value_or("")},
                              {"count", arguments.number("count", 10, 200)}};
    });
    commands.add("close", [](const CommandArguments& arguments) {
        return nlohmann::json{{"call", arguments.required_text("call")}, {"all", arguments.flag("all")}};
    });
    commands.add_following("follow", [](const CommandArguments&) { return nlohmann::json::object(); });
    return commands;
}

void check_line(std::string_view line) {
    const auto read = parse_request(line);
    const auto* request = std::get_if<ControlRequest>(&read);
    if (request == nullptr) {
        require(!std::get<ControlResponse>(read).ok, "what is no request is refused");
        return;
    }
    const std::string written = format_request(*request);
    require(written.find('\n') == written.size() - 1, "a request is one line");
    const auto again = parse_request(std::string_view(written).substr(0, written.size() - 1));
    const auto* same = std::get_if<ControlRequest>(&again);
    // Bytes that are not UTF-8 become others, once.
    require(same != nullptr && format_request(*same) == written, "a request is read as it was written");
}

/// The lines that a client gets.
class Client {
   public:
    Client() {
        std::array<int, 2> ends{};
        require(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0, "a pair of sockets");
        near_.reset(ends[0]);
        far_.reset(ends[1]);
    }
    [[nodiscard]] Fd take_far() { return std::move(far_); }
    void send(std::string_view bytes) const {
        require(::send(near_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()),
                "room for what is sent");
    }
    void read_answers() {
        std::array<char, 65536> part{};
        ssize_t length = 0;
        while ((length = ::recv(near_.get(), part.data(), part.size(), MSG_DONTWAIT)) > 0) {
            answers_.append(part.data(), static_cast<std::size_t>(length));
        }
    }
    [[nodiscard]] const std::string& answers() const { return answers_; }

   private:
    Fd near_;
    Fd far_;
    std::string answers_;
};

void converse(std::string_view input, std::size_t piece) {
    static const CommandTable commands = make_commands();
    static const ControlConnection::Handler handler = [](const ControlRequest& request) {
        return commands.answer(request);
    };
    Client client;
    ControlConnection connection(client.take_far(), handler);
    bool open = true;
    while (open && !input.empty()) {
        const std::size_t size = std::min(piece, input.size());
        client.send(input.substr(0, size));
        input.remove_prefix(size);
        open = connection.on_ready();
        client.read_answers();
    }
    std::string_view answers = client.answers();
    for (std::size_t end = answers.find('\n'); end != std::string_view::npos; end = answers.find('\n')) {
        const ControlResponse response = parse_response(answers.substr(0, end));
        require(response.ok || response.error != "the daemon's answer is not understood", "an answer can be read");
        answers.remove_prefix(end + 1);
    }
    require(answers.empty(), "answers are whole lines");
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || size > UINT16_MAX) return 0;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
    const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    std::size_t complete = 0;
    for (std::size_t at = 0, end = input.find('\n'); end != std::string_view::npos; end = input.find('\n', at)) {
        check_line(input.substr(at, end - at));
        at = end + 1;
        ++complete;
    }
    if (complete > 0) converse(input, std::size_t{data[0]} * 8 + 1);
    return 0;
}
