// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace messenger::test {

/// A SIP message taken apart by lines, whatever is in it.
struct SipText {
    std::vector<std::string> head;  ///< the start line first
    std::string body;

    [[nodiscard]] static SipText read(std::string_view message);
    [[nodiscard]] std::string write() const;
    /// The first header of that name, compared without case; the name in `short_name` will do as well. head.size() if
    /// there is none.
    [[nodiscard]] std::size_t find(std::string_view name, std::string_view short_name = {}) const;
    /// Content-Length says what it should, where there is one.
    void mend_length();
};

/// Changes messages as somebody would who knows SIP and SDP: most of what comes out is still read, and means something
/// else.
class SipMutator {
   public:
    explicit SipMutator(unsigned seed) : random_(seed) {}

    /// Changes one thing or a few. other: a message that parts may be taken from; may be empty.
    void mutate(std::string& message, std::string_view other);
    /// The response to a request, or the next request of its dialog; other may have the body.
    [[nodiscard]] std::string answer(std::string_view request, std::string_view other);
    [[nodiscard]] std::string follow_up(std::string_view request);

    /// Below limit; 0 if that is 0.
    [[nodiscard]] std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }
    [[nodiscard]] bool one_in(std::size_t count) { return below(count) == 0; }

   private:
    void mutate_head(SipText& text, const SipText& other);
    void mutate_body(SipText& text, const SipText& other);
    void mutate_lines(std::vector<std::string>& lines, std::size_t first, const std::vector<std::string>& others);
    void mutate_line(std::string& line);
    void change_number(std::string& line);
    void change_address(std::string& line);
    void take_header(SipText& text, const SipText& other, std::string_view name);

    std::minstd_rand random_;
};

}  // namespace messenger::test
