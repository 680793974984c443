// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/closed_looks.h"

#include "tests/daemon/gateway/pipeline_fixture.h"

namespace messenger::daemon {
namespace {

class ClosedLooksTest : public PipelineTest {
   protected:
    /// A call whose pinholes packets bring back while its BYE closes them.
    void end_call_with_packets_under_way() {
        establish();
        EXPECT_FALSE(run());
        const auto elements = kernel_.elements;
        queue(sip("BYE sip:b@x SIP/2.0", "2 BYE", "b", ""), true);
        EXPECT_FALSE(run());
        kernel_.elements = elements;
    }

    EventLoop loop_;
    ClosedLooks looks_{loop_, sync_, engine_, [](const auto& error) { EXPECT_FALSE(error); }};
};

TEST_F(ClosedLooksTest, LooksInTheRoundThatHasClosed) {
    end_call_with_packets_under_way();
    looks_.end_round(false);
    EXPECT_EQ(kernel_.count(nft::SetId::pinholes4), 0U);
    loop_.run_once();
    EXPECT_FALSE(sync_.closed().has_new()) << "what was open has been looked at again";
    const std::size_t commits = kernel_.commits;
    looks_.end_round(false);
    EXPECT_EQ(kernel_.commits, commits);
}

TEST_F(ClosedLooksTest, LooksSoonInARush) {
    end_call_with_packets_under_way();
    looks_.end_round(true);
    EXPECT_EQ(kernel_.count(nft::SetId::pinholes4), 2U);
    loop_.run_once();
    EXPECT_EQ(kernel_.count(nft::SetId::pinholes4), 0U);
    looks_.end_round(true);
    loop_.run_once();
    EXPECT_FALSE(sync_.closed().has_new());
}

}  // namespace
}  // namespace messenger::daemon
