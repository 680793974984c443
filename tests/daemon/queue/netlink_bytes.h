// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace messenger::daemon {

/// Builds what the kernel sends, and, told to, what it never would.
class NetlinkBytes {
   public:
    NetlinkBytes& message(std::uint16_t type, std::uint32_t sequence = 0) {
        begin_ = bytes_.size();
        host(std::uint32_t{0});
        host(type);
        host(std::uint16_t{0});
        host(sequence);
        host(std::uint32_t{0});
        return *this;
    }
    NetlinkBytes& packet_message(std::uint16_t queue) {
        message(NFNL_SUBSYS_QUEUE << 8U | NFQNL_MSG_PACKET);
        return raw(
            {std::byte{2}, std::byte{0}, static_cast<std::byte>(queue >> 8U), static_cast<std::byte>(queue & 0xffU)});
    }
    /// length: what the attribute claims to hold; by default, what it holds.
    NetlinkBytes& attribute(std::uint16_t type, const std::vector<std::byte>& value, int length = -1) {
        host(static_cast<std::uint16_t>(sizeof(nlattr) +
                                        (length < 0 ? value.size() : static_cast<std::size_t>(length))));
        host(type);
        raw(value);
        while (bytes_.size() % 4 != 0) bytes_.push_back(std::byte{0});
        return end();
    }
    NetlinkBytes& number(std::uint16_t type, std::uint32_t value) { return attribute(type, big_endian(value)); }
    NetlinkBytes& packet_header(std::uint32_t id, std::uint16_t protocol, std::uint8_t hook) {
        std::vector<std::byte> value = big_endian(id);
        value.push_back(static_cast<std::byte>(protocol >> 8U));
        value.push_back(static_cast<std::byte>(protocol & 0xffU));
        value.push_back(static_cast<std::byte>(hook));
        return attribute(NFQA_PACKET_HDR, value);
    }
    NetlinkBytes& raw(const std::vector<std::byte>& bytes) {
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
        return end();
    }
    template <class T>
    NetlinkBytes& host(const T& value) {
        std::vector<std::byte> bytes(sizeof(T));
        std::memcpy(bytes.data(), &value, sizeof(T));
        return raw(bytes);
    }
    NetlinkBytes& claim_length(std::uint32_t length) {
        std::memcpy(bytes_.data() + begin_, &length, sizeof(length));
        return *this;
    }

    [[nodiscard]] const std::vector<std::byte>& bytes() const { return bytes_; }

    [[nodiscard]] static std::vector<std::byte> big_endian(std::uint32_t value) {
        return {static_cast<std::byte>(value >> 24U), static_cast<std::byte>(value >> 16U & 0xffU),
                static_cast<std::byte>(value >> 8U & 0xffU), static_cast<std::byte>(value & 0xffU)};
    }
    [[nodiscard]] static std::vector<std::byte> of_text(std::string_view text) {
        const auto bytes = std::as_bytes(std::span(text));
        return {bytes.begin(), bytes.end()};
    }

   private:
    NetlinkBytes& end() {
        if (bytes_.size() >= begin_ + 4) claim_length(static_cast<std::uint32_t>(bytes_.size() - begin_));
        return *this;
    }

    std::vector<std::byte> bytes_;
    std::size_t begin_ = 0;
};

}  // namespace messenger::daemon
