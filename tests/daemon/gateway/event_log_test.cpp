// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/event_log.h"

#include <memory>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include "tests/support/packet_builder.h"

namespace messenger::daemon {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

[[nodiscard]] std::string written(const alg::Event& event) {
    std::ostringstream out;
    Log log(LogLevel::info, LogFormat::people, std::make_shared<spdlog::sinks::ostream_sink_st>(out));
    alg::Plan plan;
    plan.events.push_back(event);
    EventLog(log).on_plan(plan, {});
    return out.str();
}

[[nodiscard]] alg::RefuseEvent refusal(alg::RefuseReason reason) {
    alg::RefuseEvent event;
    event.reason = reason;
    event.tuple = {testing::endpoint("10.1.2.3", 7100), testing::endpoint("198.51.100.20", 5060), alg::Transport::tcp};
    event.announced = event.tuple.source.address;
    event.user = "sip:alice@example.com";
    event.call_id = "c1";
    return event;
}

TEST(EventLog, NamesClientAndPolicyOfAMediaPortOutsideThePinnedRange) {
    alg::RefuseEvent event = refusal(alg::RefuseReason::port_out_of_range);
    event.port = 20000;
    event.allowed = {5350, 5353};
    EXPECT_THAT(written(event),
                AllOf(HasSubstr("refused: 10.1.2.3:7100 of sip:alice@example.com (sending to 198.51.100.20:5060) asked "
                                "for 10.1.2.3:20000"),
                      HasSubstr("(5350-5353)"), HasSubstr("network.media_ports"),
                      HasSubstr("MinMediaPort to MaxMediaPort in the Group Policy"), HasSubstr("call c1")));
}

TEST(EventLog, NamesClientAndPolicyOfAContactOutsideThePinnedRange) {
    alg::RefuseEvent event = refusal(alg::RefuseReason::contact_out_of_range);
    event.port = 7104;
    event.allowed = {7100, 7103};
    EXPECT_THAT(written(event),
                AllOf(HasSubstr("10.1.2.3:7100 of sip:alice@example.com"), HasSubstr("(7100-7103)"),
                      HasSubstr("sip.dynamic_ports"), HasSubstr("MinSipDynamicPort to MaxSipDynamicPort")));
}

TEST(EventLog, SpeaksOfNoRangeWhereThereIsNone) {
    EXPECT_THAT(written(refusal(alg::RefuseReason::low_port)), ::testing::Not(HasSubstr("Group Policy")));
}

}  // namespace
}  // namespace messenger::daemon
