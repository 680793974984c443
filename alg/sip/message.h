// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
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
    invite,
    ack,
    bye,
    cancel,
    register_,  // NOLINT(readability-identifier-naming): a keyword without it
    prack,
    update,
    message,
    info,
    subscribe,
    notify,
    benotify,
    refer,
    options,
    publish,
    service,
    negotiate,
    other
};

/// Method names are case-sensitive (RFC 3261 section 7.1).
[[nodiscard]] Method parse_method(std::string_view token);

/// The headers that something of ours reads. Compact forms (RFC 3261 section 7.3.3 and later) map to the same value.
enum class HeaderId : std::uint8_t {
    call_id,
    compression,
    contact,
    content_disposition,
    content_encoding,
    content_length,
    content_type,
    cseq,
    expires,
    from,
    max_forwards,
    ms_text_format,
    rack,
    record_route,
    refer_to,
    require,
    route,
    rseq,
    session_expires,
    supported,
    to,
    user_agent,
    via,
    other
};

/// The name of a header, in any case, long or compact.
[[nodiscard]] HeaderId header_id(std::string_view name);

/// One header line, folds included. Offsets from the beginning of the message.
struct HeaderLine {
    HeaderId id = HeaderId::other;
    std::uint16_t name_length = 0;
    std::uint32_t begin = 0;        ///< of the name
    std::uint32_t value_begin = 0;  ///< without leading white space
    std::uint32_t value_end = 0;    ///< without trailing white space and line end
};

/// A SIP message read in place: start line and an index of the header lines (RFC 3261 section 7). Borrows the bytes it
/// was parsed from. Big (some kB): keep one and use it again.
class SipMessageView {
   public:
    /// Reads a whole message, at most 4 GiB; line ends before the start line are skipped (RFC 3261 section 7.5). In a
    /// datagram the body ends with Content-Length, and what follows is left out; without Content-Length it ends with
    /// the datagram (section 18.3).
    ///
    /// Errors, after which the view is empty:
    /// - not_sip: no whole start line
    /// - too_many_headers: more than Limits::headers, or than kMaxHeaders
    /// - bad_header: a line without a token and a colon, or no empty line behind the headers. A datagram cut off in its
    ///   head is not read, because its last value could be half a value
    /// - repeated_header: Call-ID, CSeq, From, To, Content-Length or Content-Type twice, with different values. Long
    ///   and compact names are the same header; the same value twice is let pass
    /// - missing_header: no Call-ID, CSeq, From or To, or an empty one
    /// - bad_cseq: not a number below 2^31 and a method, or another method than the request's
    /// - bad_content_length: not a number, or above 2^31 - 1
    /// - body_truncated: Content-Length goes beyond the message
    /// - too_large: above 4 GiB
    [[nodiscard]] Expected<void> parse(std::string_view message, const Limits& limits);
    Expected<void> parse(std::string&&, const Limits&) = delete;
    /// Reads a head whose body is not there, or not all of it: the message ends with the empty line, whatever
    /// Content-Length says, and body() is empty. Errors as in parse, body_truncated excepted.
    [[nodiscard]] Expected<void> parse_head(std::string_view message, const Limits& limits);
    Expected<void> parse_head(std::string&&, const Limits&) = delete;

    [[nodiscard]] bool is_request() const { return status_ == 0; }
    [[nodiscard]] Method method() const { return method_; }                      ///< of a response: CSeq's
    [[nodiscard]] std::string_view method_text() const { return method_text_; }  ///< the token, of a response CSeq's
    [[nodiscard]] std::string_view request_uri() const { return request_uri_; }  ///< empty in a response
    [[nodiscard]] unsigned status() const { return status_; }                    ///< 100-699; 0 in a request
    [[nodiscard]] std::string_view reason() const { return reason_; }
    [[nodiscard]] std::uint32_t cseq() const { return cseq_; }

    [[nodiscard]] std::string_view call_id() const;
    [[nodiscard]] std::string_view from() const;
    [[nodiscard]] std::string_view to() const;
    [[nodiscard]] std::string_view from_tag() const;      ///< empty without one
    [[nodiscard]] std::string_view to_tag() const;        ///< empty without one
    [[nodiscard]] std::string_view top_via() const;       ///< the first value of the first Via; empty without one
    [[nodiscard]] std::string_view content_type() const;  ///< with parameters; empty without one
    [[nodiscard]] std::string_view body() const { return text_.substr(head_length_); }

    [[nodiscard]] std::string_view whole() const { return text_; }  ///< head and body
    [[nodiscard]] std::string_view head() const { return text_.substr(0, head_length_); }

    /// The value of the first header of that kind; empty without one.
    [[nodiscard]] std::string_view value(HeaderId id) const {
        return has(id) ? value_of(lines_[first_[static_cast<std::size_t>(id)]]) : std::string_view{};
    }
    [[nodiscard]] std::string_view name_of(const HeaderLine& line) const {
        return text_.substr(line.begin, line.name_length);
    }
    [[nodiscard]] std::string_view value_of(const HeaderLine& line) const {
        return text_.substr(line.value_begin, line.value_end - line.value_begin);
    }
    [[nodiscard]] const auto& lines() const { return lines_; }

    static constexpr std::size_t kMaxHeaders = 256;

   private:
    static constexpr std::size_t kHeaderIds = static_cast<std::size_t>(HeaderId::other);
    static constexpr std::uint16_t kAbsent = UINT16_MAX;

    Expected<void> read_head(std::string_view message, const Limits& limits);
    Expected<void> read_headers(const Limits& limits);
    bool add_line(const HeaderLine& line);
    [[nodiscard]] bool has(HeaderId id) const {
        return id != HeaderId::other && first_[static_cast<std::size_t>(id)] != kAbsent;
    }
    Expected<void> read_cseq();
    Expected<void> read_body(bool is_there);
    void clear();
    [[nodiscard]] std::string_view tag_of(HeaderId id) const;

    std::string_view text_;
    std::string_view request_uri_;
    std::string_view reason_;
    std::string_view method_text_;
    std::uint32_t head_length_ = 0;
    std::uint32_t cseq_ = 0;
    std::uint16_t status_ = 0;
    Method method_ = Method::other;
    std::array<std::uint16_t, kHeaderIds> first_ = absent_headers();  ///< index in lines_, by HeaderId; or kAbsent
    boost::container::static_vector<HeaderLine, kMaxHeaders> lines_;

    static constexpr std::array<std::uint16_t, kHeaderIds> absent_headers() {
        std::array<std::uint16_t, kHeaderIds> none{};
        for (std::uint16_t& index : none) index = kAbsent;
        return none;
    }
};

}  // namespace messenger::alg
