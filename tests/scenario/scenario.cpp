// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/scenario/scenario.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace messenger::testing {

namespace {

using std::string;
using std::string_view;

string_view next_word(string_view& line) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    const string_view word = line.substr(0, line.find(' '));
    line.remove_prefix(word.size());
    return word;
}

std::uint64_t number(string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        throw std::runtime_error("no number: " + string(text));
    return value;
}

alg::IpAddress address(string_view text) {
    const auto parsed = alg::IpAddress::parse(text);
    if (!parsed) throw std::runtime_error("no address: " + string(text));
    return *parsed;
}

alg::Endpoint endpoint(string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == string_view::npos) throw std::runtime_error("no endpoint: " + string(text));
    return {address(text.substr(0, colon)), static_cast<std::uint16_t>(number(text.substr(colon + 1)))};
}

alg::Prefix prefix(string_view text) {
    const auto parsed = alg::Prefix::parse(text);
    if (!parsed) throw std::runtime_error("no prefix: " + string(text));
    return *parsed;
}

std::vector<std::size_t> numbers(string_view text) {
    std::vector<std::size_t> all;
    while (!text.empty()) {
        const string_view one = text.substr(0, text.find(','));
        all.push_back(number(one));
        text.remove_prefix(std::min(one.size() + 1, text.size()));
    }
    return all;
}

void read_limit(string_view line, alg::Limits& limits) {
    const string_view name = next_word(line);
    const std::uint64_t value = number(next_word(line));
    const auto seconds = std::chrono::seconds(value);
    if (name == "calls")
        limits.calls = value;
    else if (name == "calls_per_host")
        limits.calls_per_host = value;
    else if (name == "calls_per_peer")
        limits.calls_per_peer = value;
    else if (name == "pinholes")
        limits.pinholes = value;
    else if (name == "pinholes_per_host")
        limits.pinholes_per_host = value;
    else if (name == "dialogs_per_call")
        limits.dialogs_per_call = value;
    else if (name == "registrations_per_host")
        limits.registrations_per_host = value;
    else if (name == "flows")
        limits.flows = value;
    else if (name == "body_bytes")
        limits.body_bytes = value;
    else if (name == "head_bytes")
        limits.head_bytes = value;
    else if (name == "pending_bytes")
        limits.pending_bytes = value;
    else if (name == "messages_per_second")
        limits.messages_per_second = static_cast<std::uint32_t>(value);
    else if (name == "message_burst")
        limits.message_burst = static_cast<std::uint32_t>(value);
    else if (name == "bindings_per_host")
        limits.bindings_per_host = value;
    else if (name == "flow_idle")
        limits.flow_idle = seconds;
    else
        throw std::runtime_error("unknown limit " + string(name));
}

alg::PortRange port_range(string_view line) {
    const auto first = static_cast<std::uint16_t>(number(next_word(line)));
    return {first, static_cast<std::uint16_t>(number(next_word(line)))};
}

void read_setting(string_view line, Scenario& scenario) {
    const string_view name = next_word(line);
    alg::Policy& policy = scenario.policy;
    if (name == "inside")
        policy.inside.add(prefix(next_word(line)));
    else if (name == "relay")
        policy.relays.add(prefix(next_word(line)));
    else if (name == "gateway")
        policy.protected_addresses.push_back(address(next_word(line)));
    else if (name == "protected-port")
        policy.protected_ports.push_back(static_cast<std::uint16_t>(number(next_word(line))));
    else if (name == "reserved-port")  // in ascending order
        policy.reserved_ports.push_back(static_cast<std::uint16_t>(number(next_word(line))));
    else if (name == "any-sip-port")
        policy.any_sip_port = true;
    else if (name == "drop-malformed")
        policy.drop_malformed = true;
    else if (name == "take-up-any-stream")
        policy.take_up_any_stream = true;
    else if (name == "early-media-after-offer")
        policy.early_media = alg::EarlyMedia::after_offer;
    else if (name == "cut-anywhere")
        scenario.cut_anywhere = true;
    else if (name == "limit")
        read_limit(line, scenario.limits);
    else if (name == "compression-pass")
        policy.compression = alg::Compression::pass;
    else if (name == "compression-decline")
        policy.compression = alg::Compression::decline;
    else if (name == "tls-server")
        policy.tls.servers.add(prefix(next_word(line)));
    else if (name == "in-queue")
        scenario.in_queue = true;
    else if (name == "fixed-ranges") {
        const string_view whom = next_word(line);
        if (whom != "registered" && whom != "off") throw std::runtime_error("fixed-ranges: registered or off");
        policy.fixed_ranges = whom == "off" ? alg::FixedRanges::off : alg::FixedRanges::registered;
    } else if (name == "media-ports")
        policy.media_ports = port_range(line);
    else if (name == "dynamic-sip-ports")
        policy.dynamic_sip_ports = port_range(line);
    else if (name == "nat") {
        const alg::IpAddress outside = address(next_word(line));
        const string_view advertised = next_word(line);
        scenario.nat = alg::NatPath{outside, advertised.empty() ? outside : address(advertised)};
        policy.protected_addresses.push_back(outside);
    } else if (name == "nat-ports")
        policy.nat_ports = port_range(line);
    else if (name == "no-rewrite")
        policy.no_rewrite.add(prefix(next_word(line)));
    else
        throw std::runtime_error("unknown setting " + string(name));
}

/// The lines of one message with CRLF, and its Content-Length put in.
string wire_text(const std::vector<string>& lines) {
    const auto empty = std::find(lines.begin(), lines.end(), "");
    string body;
    if (empty != lines.end()) {
        for (auto line = empty + 1; line != lines.end(); ++line) body += *line + "\r\n";
    }
    string head;
    for (auto line = lines.begin(); line != empty; ++line) {
        head += (*line == "Content-Length: *" ? "Content-Length: " + std::to_string(body.size()) : *line) + "\r\n";
    }
    return head + "\r\n" + body;
}

/// "\r", "\n", "\\" and "\x16" in a raw line.
string unescape(string_view line) {
    string bytes;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] != '\\' || i + 1 == line.size()) {
            bytes += line[i];
            continue;
        }
        ++i;
        if (line[i] == 'x' && i + 2 < line.size()) {
            bytes += static_cast<char>(std::stoi(string(line.substr(i + 1, 2)), nullptr, 16));
            i += 2;
            continue;
        }
        bytes += line[i] == 'r' ? '\r' : line[i] == 'n' ? '\n' : line[i];
    }
    return bytes;
}

/// The text below a step: messages divided by a line "&", and raw bytes in lines that begin with '|'.
string payload_of(std::vector<string> lines) {
    string payload;
    std::vector<string> message;
    const auto finish = [&] {
        while (!message.empty() && message.back().empty()) message.pop_back();
        if (!message.empty()) payload += wire_text(message);
        message.clear();
    };
    for (string& line : lines) {
        if (line == "&") {
            finish();
        } else if (line.starts_with('|')) {
            finish();
            payload += unescape(string_view(line).substr(1));
        } else if (!message.empty() || !line.empty()) {
            message.push_back(std::move(line));
        }
    }
    finish();
    return payload;
}

void read_option(string_view word, Step& step) {
    if (word == "syn")
        step.syn = true;
    else if (word == "syn-again")
        step.syn = step.syn_again = true;
    else if (word == "ack")
        step.ack = true;
    else if (word == "fin")
        step.fin = true;
    else if (word == "rst")
        step.rst = true;
    else if (word == "marked")
        step.marked = true;
    else if (word.starts_with("at="))
        step.offset = static_cast<std::uint32_t>(number(word.substr(3)));
    else if (word.starts_with("cut="))
        step.cuts = numbers(word.substr(4));
    else if (word.starts_with("order="))
        step.order = numbers(word.substr(6));
    else
        throw std::runtime_error("unknown option " + string(word));
}

Step read_heading(string_view line) {
    Step step;
    step.heading = line;
    line.remove_prefix(1);
    step.at = alg::TimePoint{} + std::chrono::milliseconds(std::llround(std::stod(string(next_word(line))) * 1000));
    const string_view kind = next_word(line);
    if (kind == "time") {
        const string_view what = next_word(line);
        if (!what.empty() && what != "restart") throw std::runtime_error("unknown option " + string(what));
        if (!what.empty()) step.kind = Step::Kind::restart;
        return step;
    }
    if (kind == "udp")
        step.kind = Step::Kind::udp;
    else if (kind == "tcp")
        step.kind = Step::Kind::tcp;
    else if (kind == "media")
        step.kind = Step::Kind::media;
    else if (kind == "first")
        step.kind = Step::Kind::first;
    else
        throw std::runtime_error("unknown step " + string(kind));
    step.tuple.source = endpoint(next_word(line));
    if (next_word(line) != ">") throw std::runtime_error("no > between the endpoints");
    step.tuple.destination = endpoint(next_word(line));
    step.tuple.transport = step.kind == Step::Kind::tcp ? alg::Transport::tcp : alg::Transport::udp;
    for (string_view word = next_word(line); !word.empty(); word = next_word(line)) {
        if ((step.kind == Step::Kind::media || step.kind == Step::Kind::first) && word == "tcp")
            step.tuple.transport = alg::Transport::tcp;
        else
            read_option(word, step);
    }
    return step;
}

}  // namespace

Scenario read_scenario(string_view text) {
    Scenario scenario;
    std::vector<string> below;
    std::size_t line_number = 0;
    const auto finish = [&] {
        if (!scenario.steps.empty()) scenario.steps.back().payload = payload_of(std::move(below));
        below.clear();
    };
    while (!text.empty()) {
        ++line_number;
        const string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        try {
            if (line.starts_with('#')) continue;
            if (line.starts_with('@')) {
                finish();
                scenario.steps.push_back(read_heading(line));
            } else if (!scenario.steps.empty()) {
                below.emplace_back(line);
            } else if (!line.empty()) {
                read_setting(line, scenario);
            }
        } catch (const std::exception& error) {
            throw std::runtime_error("line " + std::to_string(line_number) + ": " + error.what());
        }
    }
    finish();
    std::sort(scenario.policy.protected_ports.begin(), scenario.policy.protected_ports.end());
    return scenario;
}

string read_text_file(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace messenger::testing
