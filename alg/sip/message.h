// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <boost/container/static_vector.hpp>

#include "alg/base/expected.h"
#include "alg/limits.h"

namespace messenger::alg {

/// The methods that we act on; the others are `other` and pass.
enum class Method : std::uint8_t {
    invite, ack, bye, cancel, register_, prack, update, message, info, subscribe, notify, benotify, refer, options,
    publish, service, negotiate, other,
};

/// Method names are case-sensitive (RFC 3261 section 7.1).
[[nodiscard]] Method parse_method(std::string_view token);

/// The headers that something of ours reads. Compact forms (RFC 3261 section 7.3.3 and later) map to the same value.
enum class HeaderId : std::uint8_t {
    call_id, compression, contact, content_disposition, content_encoding, content_length, content_type, cseq, expires,
    from, max_forwards, ms_text_format, rack, record_route, refer_to, require, route, rseq, session_expires, supported,
    to, user_agent, via,
    other,
};

/// The name of a header, in any case, long or compact.
[[nodiscard]] HeaderId header_id(std::string_view name);

/// One header line, folds included. Offsets from the beginning of the message.
struct HeaderLine {
    HeaderId id = HeaderId::other;
    std::uint16_t name_length = 0;
    std::uint32_t begin = 0;         ///< of the name
    std::uint32_t value_begin = 0;   ///< without leading white space
    std::uint32_t value_end = 0;     ///< without trailing white space and line end
};

/// A SIP message read in place: start line and an index of the header lines (RFC 3261 section 7). Borrows the bytes it
/// was parsed from. Big (some kB): keep one and use it again.
class SipMessageView {
   public:
    /// Reads a whole message. In a datagram the body ends with Content-Length, or with the datagram without one (RFC
    /// 3261 section 18.3); body_truncated if Content-Length goes beyond. message: from the start line on; at most 4 GiB.
    /// Errors: not_sip, too_many_headers (Limits::headers, and never above kMaxHeaders), bad_header,
    /// bad_content_length, body_truncated, repeated_header (Call-ID, CSeq, From, To, Content-Length, Content-Type twice
    /// with different values), missing_header (Call-ID, CSeq, From, To), bad_cseq.
    /// After an error the view is empty.
    [[nodiscard]] Expected<void> parse(std::string_view message, const Limits& limits);
    Expected<void> parse(std::string&&, const Limits&) = delete;

    [[nodiscard]] bool is_request() const { return status_ == 0; }
    [[nodiscard]] Method method() const { return method_; }   ///< of a response: CSeq's
    [[nodiscard]] std::string_view method_text() const;       ///< the token, of a response CSeq's
    [[nodiscard]] std::string_view request_uri() const;       ///< empty in a response
    [[nodiscard]] unsigned status() const { return status_; }   ///< 100-699; 0 in a request
    [[nodiscard]] std::string_view reason() const;
    [[nodiscard]] std::uint32_t cseq() const { return cseq_; }

    [[nodiscard]] std::string_view call_id() const;
    [[nodiscard]] std::string_view from() const;
    [[nodiscard]] std::string_view to() const;
    [[nodiscard]] std::string_view from_tag() const;   ///< empty without one
    [[nodiscard]] std::string_view to_tag() const;     ///< empty without one
    [[nodiscard]] std::string_view top_via() const;    ///< the first value of the first Via; empty without one
    [[nodiscard]] std::string_view content_type() const;   ///< with parameters; empty without one
    [[nodiscard]] std::string_view body() const;

    [[nodiscard]] std::string_view whole() const { return text_; }   ///< head and body
    [[nodiscard]] std::string_view head() const { return text_.substr(0, head_length_); }

    /// The value of the first header of that kind; empty without one.
    [[nodiscard]] std::string_view value(HeaderId id) const;
    [[nodiscard]] std::string_view name_of(const HeaderLine& line) const;
    [[nodiscard]] std::string_view value_of(const HeaderLine& line) const;
    [[nodiscard]] const auto& lines() const { return lines_; }

    static constexpr std::size_t kMaxHeaders = 256;

   private:
    std::string_view text_;
    std::uint32_t head_length_ = 0;
    std::uint32_t start_line_end_ = 0;
    std::uint32_t cseq_ = 0;
    std::uint16_t status_ = 0;
    Method method_ = Method::other;
    // filled in by parse(), see message.cpp
    boost::container::static_vector<HeaderLine, kMaxHeaders> lines_;
};

}  // namespace messenger::alg
