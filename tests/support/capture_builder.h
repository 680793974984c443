// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <pcap/pcap.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/support/packet_builder.h"

/// Capture files for tests: pcap through libpcap, pcapng (which libpcap does not write) as octets.
namespace messenger::testing {

struct CaptureRecord {
    Bytes octets;
    std::int64_t seconds = 1'000'000'000;
    std::int64_t nanoseconds = 0;
    std::size_t original_size = 0;  ///< 0: as captured
};

struct PcapOptions {
    int link_type = DLT_EN10MB;
    bool nanoseconds = true;  ///< false: time stamps in microseconds
};

inline void write_pcap(const std::string& path, const std::vector<CaptureRecord>& records,
                       const PcapOptions& options = {}) {
    pcap_t* handle = ::pcap_open_dead_with_tstamp_precision(
        options.link_type, 65535,
        static_cast<unsigned>(options.nanoseconds ? PCAP_TSTAMP_PRECISION_NANO : PCAP_TSTAMP_PRECISION_MICRO));
    if (handle == nullptr) std::abort();
    pcap_dumper_t* dumper = ::pcap_dump_open(handle, path.c_str());
    if (dumper == nullptr) std::abort();
    for (const CaptureRecord& record : records) {
        pcap_pkthdr header{};
        header.ts.tv_sec = record.seconds;
        header.ts.tv_usec = options.nanoseconds ? record.nanoseconds : record.nanoseconds / 1000;
        header.caplen = static_cast<bpf_u_int32>(record.octets.size());
        header.len = static_cast<bpf_u_int32>(record.original_size == 0 ? record.octets.size() : record.original_size);
        ::pcap_dump(reinterpret_cast<u_char*>(dumper), &header, reinterpret_cast<const u_char*>(record.octets.data()));
    }
    ::pcap_dump_close(dumper);
    ::pcap_close(handle);
}

// pcapng blocks, in big-endian sections: network byte order like everything else here.

[[nodiscard]] inline Bytes pcapng_block(std::uint32_t type, ByteSpan body) {
    const auto size = static_cast<std::uint32_t>(12 + (body.size() + 3) / 4 * 4);
    Bytes block;
    append32(block, type);
    append32(block, size);
    append(block, body);
    block.resize(size - 4);
    append32(block, size);
    return block;
}

[[nodiscard]] inline Bytes pcapng_section() {
    Bytes body;
    append32(body, 0x1A2B3C4D);
    append16(body, 1);
    append16(body, 0);
    append32(body, 0xFFFFFFFF);  // section length not given
    append32(body, 0xFFFFFFFF);
    return pcapng_block(0x0A0D0D0A, body);
}

/// Time stamps of the interface are in nanoseconds.
[[nodiscard]] inline Bytes pcapng_interface(unsigned link_type, std::uint32_t snap_length = 65535) {
    Bytes body;
    append16(body, link_type);
    append16(body, 0);
    append32(body, snap_length);
    append16(body, 9);  // if_tsresol
    append16(body, 1);
    append32(body, 0x09000000);
    append32(body, 0);  // end of options
    return pcapng_block(1, body);
}

[[nodiscard]] inline Bytes pcapng_packet(const CaptureRecord& record, std::uint32_t interface_id = 0) {
    const auto stamp = static_cast<std::uint64_t>(record.seconds * 1'000'000'000 + record.nanoseconds);
    const std::size_t original = record.original_size == 0 ? record.octets.size() : record.original_size;
    Bytes body;
    append32(body, interface_id);
    append32(body, static_cast<std::uint32_t>(stamp >> 32U));
    append32(body, static_cast<std::uint32_t>(stamp));
    append32(body, static_cast<std::uint32_t>(record.octets.size()));
    append32(body, static_cast<std::uint32_t>(original));
    append(body, record.octets);
    return pcapng_block(6, body);
}

}  // namespace messenger::testing
