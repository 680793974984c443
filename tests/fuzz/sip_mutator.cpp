// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fuzz/sip_mutator.h"

#include <algorithm>
#include <array>
#include <utility>

#include "alg/base/text.h"

namespace messenger::test {

namespace {

using std::string;
using std::string_view;

constexpr std::array<string_view, 14> kAddresses{
    "10.1.2.3",   "10.1.2.4", "10.1.2.2", "198.51.100.20", "198.51.100.99",   "203.0.113.30", "203.0.113.40",
    "192.0.2.10", "0.0.0.0",  "10.0.0.1", "2001:db8:1::3", "2001:db8:77::30", "224.2.1.1",    "127.0.0.1"};
constexpr std::array<string_view, 20> kNumbers{"0",    "1",     "2",     "9",     "70",         "255",     "1023",
                                               "1024", "1503",  "3389",  "5060",  "5350",       "5352",    "6891",
                                               "6900", "40000", "65535", "65536", "4294967295", "00000001"};
constexpr std::array<string_view, 12> kMethods{"INVITE", "ACK",  "BYE",     "CANCEL",  "REGISTER", "UPDATE",
                                               "PRACK",  "INFO", "MESSAGE", "OPTIONS", "REFER",    "NEGOTIATE"};
constexpr std::array<string_view, 12> kStatuses{
    "100 Trying",          "180 Ringing",       "183 Session Progress", "200 OK",        "202 Accepted",
    "302 Moved",           "401 Unauthorized",  "408 Timeout",          "486 Busy Here", "487 Request Terminated",
    "491 Request Pending", "606 Not Acceptable"};
constexpr std::array<string_view, 22> kHeaders{"Contact: <sip:a@10.1.2.3:5350;transport=tcp>",
                                               "Contact: <sip:a@10.1.2.3>;expires=60, <sip:a@10.1.2.4:40000>;expires=0",
                                               "m: *",
                                               "Expires: 0",
                                               "Expires: 3600",
                                               "Session-Expires: 90;refresher=uac",
                                               "Min-SE: 90",
                                               "Require: 100rel",
                                               "RSeq: 1",
                                               "RAck: 1 1 INVITE",
                                               "Record-Route: <sip:198.51.100.20;lr>",
                                               "Via: SIP/2.0/TCP 10.1.2.3:40000;rport;branch=z9hG4bKx",
                                               "v: SIP/2.0/UDP 198.51.100.20;received=192.0.2.10;rport=5060",
                                               "Content-Type: application/sdp",
                                               "c: multipart/mixed;boundary=\"b\"",
                                               "Content-Type: text/x-msmsgsinvite; charset=UTF-8",
                                               "Content-Encoding: gzip",
                                               "Identity: x",
                                               "Proxy-Authorization: NTLM qop=\"auth\", realm=\"r\", targetname=\"t\"",
                                               "Ms-Text-Format: text/plain",
                                               "Content-Length: 0",
                                               "Max-Forwards: 70"};
constexpr std::array<string_view, 30> kBodyLines{
    "m=audio 5350 RTP/AVP 0",
    "m=video 5352 RTP/AVP 34",
    "m=audio 5350/2 RTP/SAVP 0 8",
    "m=application 1503 tcp msdata",
    "m=image 5360 udptl t38",
    "m=message 5060 TCP/MSRP null",
    "m=x-ms-message 5060 sip null",
    "m=audio 0 RTP/AVP 0",
    "c=IN IP4 10.1.2.3",
    "c=IN IP4 203.0.113.30",
    "c=IN IP4 0.0.0.0",
    "c=IN IP4 224.2.1.1/127",
    "c=IN IP6 2001:db8:77::30",
    "o=- 0 0 IN IP4 10.1.2.3",
    "a=rtcp:5353",
    "a=rtcp:5355 IN IP4 10.1.2.3",
    "a=rtcp-mux",
    "a=sendonly",
    "a=recvonly",
    "a=inactive",
    "a=sendrecv",
    "a=setup:active",
    "a=candidate:1 1 UDP 2130706431 10.1.2.3 5350 typ host",
    "a=candidate:1 2 UDP 2130706430 10.1.2.3 5351 typ host",
    "a=candidate:2 1 UDP 1694498815 203.0.113.30 56000 typ srflx raddr 10.1.2.3 rport 5350",
    "a=remote-candidates:1 10.1.2.3 5350 2 10.1.2.3 5351",
    "Invitation-Command: ACCEPT",
    "IP-Address: 10.1.2.3",
    "Port: 6891",
    "--b"};
constexpr std::array<string_view, 12> kPieces{
    ";rport", ";lr", ";tag=z", ";maddr=10.1.2.3", ";transport=udp", ";transport=tcp", ";expires=60", ", ", "\"",
    "<sip:",  ">",   "\r\n "};

template <std::size_t n>
string_view any(const std::array<string_view, n>& list, std::size_t at) {
    return list[at % n];
}

std::vector<string> split_lines(string_view text) {
    std::vector<string> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        string_view line = text.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        lines.emplace_back(line);
        if (end == string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return lines;
}

string join_lines(const std::vector<string>& lines) {
    string text;
    for (const string& line : lines) text.append(line).append("\r\n");
    return text;
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

struct Span {
    std::size_t at = 0;
    std::size_t size = 0;
};

/// Longest runs of what fits.
template <class Fits>
std::vector<Span> find_runs(string_view line, Fits fits) {
    std::vector<Span> runs;
    for (std::size_t at = 0; at < line.size(); ++at) {
        if (!fits(line[at])) continue;
        const std::size_t begin = at;
        while (at < line.size() && fits(line[at])) ++at;
        runs.push_back({begin, at - begin});
    }
    return runs;
}

string_view name_of(string_view line) {
    return line.substr(0, line.find_first_of(": \t"));
}

bool is_response(const SipText& text) {
    return !text.head.empty() && text.head.front().starts_with("SIP/2.0");
}

}  // namespace

SipText SipText::read(string_view message) {
    SipText text;
    std::size_t end = message.find("\r\n\r\n");
    std::size_t gap = 4;
    if (const std::size_t bare = message.find("\n\n"); bare < end) {
        end = bare;
        gap = 2;
    }
    text.head = split_lines(message.substr(0, end));
    if (end != string_view::npos) text.body = message.substr(end + gap);
    return text;
}

string SipText::write() const {
    return join_lines(head) + "\r\n" + body;
}

std::size_t SipText::find(string_view name, string_view short_name) const {
    for (std::size_t i = 1; i < head.size(); ++i) {
        const string_view found = name_of(head[i]);
        if (alg::equals_ignoring_case(found, name)) return i;
        if (!short_name.empty() && alg::equals_ignoring_case(found, short_name)) return i;
    }
    return head.size();
}

void SipText::mend_length() {
    const std::size_t at = find("Content-Length", "l");
    if (at < head.size()) head[at] = "Content-Length: " + std::to_string(body.size());
}

void SipMutator::mutate(string& message, string_view other) {
    SipText text = SipText::read(message);
    const SipText from = SipText::read(other);
    for (std::size_t count = 1 + below(3); count > 0; --count) {
        if (text.body.empty() ? !one_in(6) : one_in(2)) {
            mutate_head(text, from);
        } else {
            mutate_body(text, from);
        }
    }
    if (!one_in(8)) text.mend_length();
    message = text.write();
}

void SipMutator::mutate_head(SipText& text, const SipText& other) {
    if (text.head.empty()) text.head.emplace_back("INVITE sip:b@example.com SIP/2.0");
    switch (below(8)) {
        case 0: {  // another method or status
            const string method(any(kMethods, random_()));
            if (is_response(text)) {
                text.head.front() = "SIP/2.0 " + string(any(kStatuses, random_()));
            } else {
                text.head.front().replace(0, text.head.front().find(' '), method);
                if (const std::size_t at = text.find("CSeq"); at < text.head.size() && !one_in(6)) {
                    text.head[at] = "CSeq: " + std::to_string(1 + below(4)) + ' ' + method;
                }
            }
            return;
        }
        case 1: {
            const std::size_t at = 1 + below(text.head.size());
            text.head.insert(text.head.begin() + static_cast<std::ptrdiff_t>(std::min(at, text.head.size())),
                             string(any(kHeaders, random_())));
            return;
        }
        case 2: {  // of that dialog
            for (const string_view name : {"Call-ID", "From", "To", "CSeq", "Via"}) {
                if (!one_in(4)) take_header(text, other, name);
            }
            return;
        }
        case 3:  // from the other end
            if (const std::size_t from = text.find("From", "f"), to = text.find("To", "t");
                from < text.head.size() && to < text.head.size()) {
                const string sender = text.head[from].substr(name_of(text.head[from]).size());
                text.head[from] = "From" + text.head[to].substr(name_of(text.head[to]).size());
                text.head[to] = "To" + sender;
            }
            return;
        default: mutate_lines(text.head, one_in(8) ? 0 : 1, other.head);
    }
}

void SipMutator::mutate_body(SipText& text, const SipText& other) {
    if (one_in(10)) {
        text.body = other.body;
        if (text.find("Content-Type", "c") == text.head.size()) take_header(text, other, "Content-Type");
        return;
    }
    std::vector<string> lines = split_lines(text.body);
    if (one_in(4)) {
        lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(below(lines.size() + 1)),
                     string(any(kBodyLines, random_())));
    } else {
        mutate_lines(lines, 0, split_lines(other.body));
    }
    text.body = join_lines(lines);
}

void SipMutator::mutate_lines(std::vector<string>& lines, std::size_t first, const std::vector<string>& others) {
    if (lines.size() <= first) return;
    const std::size_t at = first + below(lines.size() - first);
    const std::size_t second = first + below(lines.size() - first);
    switch (below(9)) {
        case 0: lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(at)); return;
        case 1: lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(second), string(lines[at])); return;
        case 2: std::swap(lines[at], lines[second]); return;
        case 3:
            if (!others.empty()) {
                lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at), others[below(others.size())]);
            }
            return;
        case 4:
        case 5: change_number(lines[at]); return;
        case 6: change_address(lines[at]); return;
        default: mutate_line(lines[at]);
    }
}

void SipMutator::mutate_line(string& line) {
    const std::size_t at = below(line.size() + 1);
    switch (below(4)) {
        case 0: line.insert(at, any(kPieces, random_())); return;
        case 1: line.erase(at, 1 + below(8)); return;
        case 2: line.insert(at, 1, static_cast<char>(below(256))); return;
        default:
            if (!line.empty()) line[below(line.size())] = static_cast<char>(32 + below(95));
    }
}

void SipMutator::change_number(string& line) {
    const auto runs = find_runs(line, is_digit);
    if (runs.empty()) return mutate_line(line);
    const Span run = runs[below(runs.size())];
    string number(any(kNumbers, random_()));
    if (run.size < 9 && one_in(2)) {  // a neighbour
        number = std::to_string(std::max(0, std::stoi(line.substr(run.at, run.size)) + static_cast<int>(below(5)) - 2));
    }
    line.replace(run.at, run.size, number);
}

void SipMutator::change_address(string& line) {
    auto runs = find_runs(line, [](char c) { return is_digit(c) || c == '.'; });
    std::erase_if(runs, [&](const Span& run) {
        return std::count(line.begin() + static_cast<std::ptrdiff_t>(run.at),
                          line.begin() + static_cast<std::ptrdiff_t>(run.at + run.size), '.') != 3;
    });
    if (runs.empty()) return change_number(line);
    const Span run = runs[below(runs.size())];
    line.replace(run.at, run.size, any(kAddresses, random_()));
}

void SipMutator::take_header(SipText& text, const SipText& other, string_view name) {
    const std::size_t from = other.find(name);
    if (from == other.head.size()) return;
    const std::size_t to = text.find(name);
    if (to == text.head.size()) {
        text.head.push_back(other.head[from]);
    } else {
        text.head[to] = other.head[from];
    }
}

string SipMutator::answer(string_view request, string_view other) {
    const SipText asked = SipText::read(request);
    SipText text;
    text.head.emplace_back("SIP/2.0 " + string(any(kStatuses, one_in(2) ? 3 : random_())));
    for (const string& line : asked.head) {
        for (const string_view name : {"Via", "v", "From", "f", "To", "t", "Call-ID", "i", "CSeq"}) {
            if (alg::equals_ignoring_case(name_of(line), name)) text.head.push_back(line);
        }
    }
    if (const std::size_t to = text.find("To", "t");
        to < text.head.size() && text.head[to].find(";tag=") == string::npos) {
        text.head[to] += ";tag=" + string(1, static_cast<char>('a' + below(4)));
    }
    text.head.emplace_back("Contact: <sip:b@" + string(any(kAddresses, random_())) + ">");
    if (!one_in(4)) {
        const SipText source = SipText::read(one_in(2) ? other : request);
        take_header(text, source, "Content-Type");
        text.body = source.body;
        if (one_in(2)) mutate_body(text, source);
    }
    text.head.emplace_back("Content-Length: 0");
    text.mend_length();
    return text.write();
}

string SipMutator::follow_up(string_view request) {
    SipText text = SipText::read(request);
    if (text.head.empty() || is_response(text)) return string(request);
    const string method(any(kMethods, one_in(4) ? random_() : below(6)));
    text.head.front().replace(0, text.head.front().find(' '), method);
    const std::size_t sequence = text.find("CSeq");
    const bool same = method == "ACK" || method == "CANCEL";
    if (sequence < text.head.size())
        text.head[sequence] = "CSeq: " + std::to_string(same ? 1 : 2 + below(3)) + ' ' + method;
    if (const std::size_t to = text.find("To", "t");
        to < text.head.size() && method != "CANCEL" && text.head[to].find(";tag=") == string::npos) {
        text.head[to] += ";tag=" + string(1, static_cast<char>('a' + below(4)));
    }
    if (method != "INVITE" && method != "UPDATE" && !one_in(6)) text.body.clear();
    if (!text.body.empty() && one_in(2)) mutate_body(text, text);
    text.mend_length();
    return text.write();
}

}  // namespace messenger::test
