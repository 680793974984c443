// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/packet_builder.h"

namespace messenger::bench {

/// A packet that is made once; what differs from call to call is then written into it, at the same width. So making the
/// packets costs next to nothing beside sending them.
class Template {
   public:
    /// text: the payload, in which each name of marks, such as "<<call>>", stands for a number of as many digits.
    Template(const alg::Endpoint& source, const alg::Endpoint& destination, std::string_view text,
             std::initializer_list<std::string_view> marks)
        : bytes_(testing::udp_packet(source, destination, text)) {
        // Checksum 0, "none", is allowed for UDP over IPv4; otherwise each number written would change it.
        testing::put16(bytes_, kUdp + 6, 0);
        for (const std::string_view mark : marks) {
            Field& field = fields_.emplace_back();
            field.width = mark.size();
            for (std::size_t at = text.find(mark); at != std::string_view::npos; at = text.find(mark, at + 1)) {
                field.places.push_back(kPayload + at);
            }
            if (field.places.empty()) throw std::logic_error("a mark is not in the text: " + std::string(mark));
        }
    }

    static constexpr std::size_t kSourceAddress = 12;
    static constexpr std::size_t kDestinationAddress = 16;
    static constexpr std::size_t kUdp = 20;
    static constexpr std::size_t kPayload = 28;

    /// mark: its place in the list that the constructor got. The number has leading zeros.
    void write(std::size_t mark, std::uint64_t number) {
        const Field& field = fields_[mark];
        for (std::size_t i = field.width; i > 0; --i) {
            for (const std::size_t place : field.places) {
                bytes_[place + i - 1] = static_cast<std::byte>('0' + number % 10);
            }
            number /= 10;
        }
    }
    void set_source(std::uint8_t last_octet, std::uint16_t port) {
        bytes_[kSourceAddress + 3] = std::byte{last_octet};
        testing::put16(bytes_, kUdp, port);
    }
    void set_destination(std::uint8_t last_octet, std::uint16_t port) {
        bytes_[kDestinationAddress + 3] = std::byte{last_octet};
        testing::put16(bytes_, kUdp + 2, port);
    }
    void set32(std::size_t place_in_payload, std::uint32_t value) {
        testing::put16(bytes_, kPayload + place_in_payload, value >> 16U);
        testing::put16(bytes_, kPayload + place_in_payload + 2, value & 0xFFFFU);
    }
    /// Where the digits of a mark are in the packet, the first time.
    [[nodiscard]] std::size_t place(std::size_t mark) const { return fields_[mark].places.front(); }
    [[nodiscard]] testing::ByteSpan bytes() const { return bytes_; }

   private:
    struct Field {
        std::size_t width = 0;
        std::vector<std::size_t> places;
    };
    testing::Bytes bytes_;
    std::vector<Field> fields_;
};

/// The number that the digits at this place say.
[[nodiscard]] inline std::uint64_t read_number(testing::ByteSpan packet, std::size_t at, std::size_t width) {
    std::uint64_t number = 0;
    for (const std::byte digit : packet.subspan(at, width)) {
        number = number * 10 + (std::to_integer<std::uint64_t>(digit) - '0');
    }
    return number;
}

}  // namespace messenger::bench
