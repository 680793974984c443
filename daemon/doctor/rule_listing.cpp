// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/doctor/rule_listing.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <vector>

#include "daemon/trial/program.h"

namespace messenger::daemon {

namespace {

constexpr std::string_view kHandle = " # handle ";

/// The words of a rule, without its counter, its comment and punctuation.
[[nodiscard]] std::vector<std::string> words_of(std::string_view rule) {
    std::string text(rule.substr(0, rule.find(" comment \"")));
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == ',' || c == '{' || c == '}'; }, ' ');
    std::istringstream in(text);
    std::vector<std::string> words;
    for (std::string word; in >> word;) {
        if (word == "counter") continue;
        if (word == "packets" || word == "bytes") {
            in >> word;  // its number
            continue;
        }
        words.push_back(word);
    }
    return words;
}

}  // namespace

std::string RuleListing::text_of(const nft::RulePlace& place) {
    const Chain chain{place.table, place.chain};
    auto known = chains_.find(chain);
    if (known == chains_.end()) known = chains_.emplace(chain, list(chain)).first;
    const auto text = known->second.find(place.handle);
    return text == known->second.end() ? "" : text->second;
}

RuleListing::Texts RuleListing::list(const Chain& chain) {
    std::vector<std::string> command{"nft", "-a", "list", "chain"};
    std::istringstream words(to_string(chain.first));
    for (std::string word; words >> word;) command.push_back(word);
    command.push_back(chain.second);
    std::istringstream lines(run_program(command).output);
    Texts texts;
    for (std::string line; std::getline(lines, line);) {
        const std::size_t mark = line.rfind(kHandle);
        if (mark == std::string::npos) continue;
        std::uint64_t handle = 0;
        const std::string_view digits = std::string_view(line).substr(mark + kHandle.size());
        if (std::from_chars(digits.data(), digits.data() + digits.size(), handle).ec != std::errc{}) continue;
        line.erase(mark);
        line.erase(0, std::min(line.find_first_not_of(" \t"), line.size()));
        // The chain's own line stands first, and has a handle of another kind.
        texts.insert_or_assign(handle, line);
    }
    return texts;
}

bool accepts_established(std::string_view rule) {
    const std::vector<std::string> words = words_of(rule);
    if (words.size() < 4 || words[0] != "ct" || words[1] != "state") return false;
    if (words[2] == "vmap") {
        static const std::vector<std::string> verdict{"established", ":", "accept"};
        return std::search(words.begin(), words.end(), verdict.begin(), verdict.end()) != words.end();
    }
    if (words.back() != "accept") return false;
    return std::find(words.begin() + 2, words.end(), "established") != words.end() &&
           std::all_of(words.begin() + 2, words.end() - 1,
                       [](const std::string& word) { return word == "established" || word == "related"; });
}

}  // namespace messenger::daemon
