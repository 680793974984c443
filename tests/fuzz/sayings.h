// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "alg/base/text.h"
#include "alg/net/tuple.h"

namespace messenger::test {

/// What each host has said, in the roughest way: the numbers in its payloads, and the addresses that anybody named. A
/// port or an address that nobody said was made up, however the messages are read. What Content-Length cuts off in the
/// middle of a number is said all the same: its beginning.
class Sayings {
   public:
    void hear(const alg::FlowTuple& tuple, std::string_view payload) { note(tuple.source.address, payload); }
    /// Of a TCP connection, where a number may be cut in two. begin: in the stream.
    void hear(const alg::FlowTuple& tuple, std::string_view payload, std::size_t begin) {
        constexpr std::size_t kLongestWord = 48;
        std::string& stream = streams_[tuple];
        stream.resize(std::max(stream.size(), begin + payload.size()), '\0');
        stream.replace(begin, payload.size(), payload);
        const std::size_t from = begin - std::min(begin, kLongestWord);
        note(tuple.source.address, std::string_view(stream).substr(from, begin - from + payload.size() + kLongestWord));
    }

    [[nodiscard]] bool has_spoken(const alg::IpAddress& host) const { return hosts_.contains(host); }
    /// Whether the host has said a number at most `behind` below this one.
    [[nodiscard]] bool said_port(const alg::IpAddress& host, std::uint16_t port, std::uint16_t behind) const {
        const auto found = hosts_.find(host);
        if (found == hosts_.end()) return false;
        for (unsigned i = 0; i <= behind && i <= port; ++i) {
            if (found->second.numbers.test(port - i)) return true;
        }
        return false;
    }
    [[nodiscard]] bool said_word(const alg::IpAddress& host, std::string_view word) const {
        const auto found = hosts_.find(host);
        return found != hosts_.end() && found->second.words.find(word) != found->second.words.end();
    }
    [[nodiscard]] bool named(const alg::IpAddress& address) const {
        return addresses_.contains(address) || hosts_.contains(address);
    }

   private:
    struct Host {
        std::bitset<UINT16_MAX + 1> numbers;
        std::set<std::string, std::less<>> words;  ///< of those that matter
    };

    void note(const alg::IpAddress& speaker, std::string_view text) {
        Host& host = hosts_[speaker];
        for (const std::string_view word : {"REGISTER", "Ms-Text-Format"}) {
            const auto same = [](char a, char b) { return alg::equals_ignoring_case({&a, 1}, {&b, 1}); };
            if (std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end()) {
                host.words.emplace(word);
            }
        }
        std::size_t at = 0;
        while ((at = text.find_first_of("0123456789abcdefABCDEF:", at)) != std::string_view::npos) {
            const std::size_t end = std::min(text.find_first_not_of("0123456789abcdefABCDEF.:", at), text.size());
            note_word(host, text.substr(at, end - at));
            at = end;
        }
    }

    void note_word(Host& host, std::string_view word) {
        for (std::size_t at = 0; at < word.size(); ++at) {
            std::uint32_t number = 0;
            while (at < word.size() && word[at] >= '0' && word[at] <= '9') {
                number = std::min<std::uint32_t>(number * 10 + static_cast<std::uint32_t>(word[at] - '0'), 1U << 20U);
                ++at;
                if (number <= UINT16_MAX) host.numbers.set(number);
            }
        }
        for (; word.find_first_of(".:") != std::string_view::npos; word.remove_suffix(1)) {
            if (const auto address = alg::IpAddress::parse(word)) addresses_.insert(*address);
        }
    }

    std::map<alg::IpAddress, Host> hosts_;
    std::set<alg::IpAddress> addresses_;
    std::map<alg::FlowTuple, std::string> streams_;
};

}  // namespace messenger::test
