// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/registration.h"

#include "tests/alg/call/signalling_fixture.h"

namespace messenger::alg {
namespace {

using testing::address;

class RegistrationTest : public SignallingFixture {
   protected:
    void ask(int cseq, const std::string& lines, int seconds = 0, const FlowTuple& tuple = out()) {
        say(tuple, of_user(request("REGISTER", cseq, "")) + lines, "", seconds);
    }
    void answer(int cseq, const std::string& lines, int status = 200, int seconds = 0) {
        say(in(), of_user(response(status, "REGISTER", cseq)) + lines, "", seconds);
    }
    void sign_on(const std::string& call_id, int lifetime, int now) {
        call_id_ = call_id;
        ask(1, "\nContact: <sip:a@10.1.2.3>", now);
        answer(1, "\nContact: <sip:a@10.1.2.3>;expires=" + std::to_string(lifetime), 200, now);
    }
    void sign_off(const std::string& contact, int cseq) {
        ask(cseq, contact);
        answer(cseq, "");
    }
    /// A callback that these users held before a restart.
    void restore(const char* registrar, std::uint16_t port, const std::vector<std::string>& users, int seconds) {
        CallbackHolders holders{0, 0, false};
        for (const std::string& user : users) {
            ++holders.users;
            holders.marks |= CallbackTable::mark_of(make_tag("sip:" + user + "@example.com"));
        }
        signalling_.restore_callback({Transport::udp, testing::endpoint("10.1.2.3", port), address(registrar)},
                                     std::nullopt, holders, std::chrono::seconds(seconds), at(0));
    }
    std::string of_user(std::string message) const {
        const std::string to = "To: <sip:";
        return message.replace(message.find(to) + to.size(), 1, user_);
    }
    std::string user_ = "b";
    std::uint32_t granted() { return events<RegistrationEvent>().at(0).seconds; }
};

TEST_F(RegistrationTest, FindsTheLifetime) {
    struct Row {
        std::string lines;
        std::uint32_t seconds;
    };
    const std::vector<Row> rows{
        {"\nContact: <sip:a@10.1.2.3>;expires=600\nExpires: 900", 600},
        {"\nContact: <sip:a@10.1.2.3>\nExpires: 900", 900},
        {"\nContact: <sip:a@10.1.2.3>", 3600},
        {"\nContact: <sip:x@192.0.2.1>;expires=60, <sip:a@10.1.2.3>;expires=120", 120},
        {"\nContact: <sip:x@192.0.2.1>;expires=60\nContact: <sip:a@10.1.2.3>;expires=120", 120},
        {"\nContact: <sip:a@10.1.2.3>;expires=120, <sip:z@10.1.2.3>;expires=600", 120},
        {"\nContact: <sip:y@10.1.2.3>;expires=120, <sip:z@10.1.2.3>;expires=60, <sip:a@192.0.2.1>;expires=600", 120},
        {"\nContact: <sip:a@10.1.2.3>;expires=4294967295", 86400},
        {"", 0},
    };
    for (const Row& row : rows) {
        ask(1, "\nContact: <sip:a@10.1.2.3>");
        answer(1, row.lines);
        EXPECT_EQ(granted(), row.seconds) << row.lines;
    }
}

TEST_F(RegistrationTest, BelievesOnlyTheSendersOwnAddress) {
    ask(1, "\nContact: <sip:a@example.com:7100;maddr=10.1.2.3>");
    answer(1, "\nContact: <sip:a@10.1.2.3>");
    EXPECT_EQ(events<RegistrationEvent>().at(0).contact, testing::endpoint("10.1.2.3", 7100));
    ask(2, "\nContact: <sip:a@10.1.2.99:7100>");
    answer(2, "\nContact: <sip:a@10.1.2.3>");
    EXPECT_EQ(events<RegistrationEvent>().at(0).contact, testing::endpoint("10.1.2.3", 5060));
}

TEST_F(RegistrationTest, IgnoresAnswersToNothing) {
    answer(1, "\nContact: <sip:a@10.1.2.3>");
    EXPECT_TRUE(events<RegistrationEvent>().empty());
    ask(1, "\nContact: <sip:a@10.1.2.3>");
    answer(2, "\nContact: <sip:a@10.1.2.3>");
    answer(1, "\nContact: <sip:a@10.1.2.3>", 401);
    EXPECT_TRUE(events<RegistrationEvent>().empty());
    ask(1, "\nContact: <sip:x@198.51.100.20>", 0, in());
    EXPECT_EQ(signalling_.registrations().size(), 1U) << "an outside host registers nothing here";
}

TEST_F(RegistrationTest, IgnoresAnswersThatOnlyForgeTheRegistrarsAddress) {
    ask(1, "\nContact: <sip:a@10.1.2.3>");
    answer(1, "\nContact: <sip:a@10.1.2.3>");
    EXPECT_EQ(events<RegistrationEvent>().size(), 1U);
    call_id_ = "guessed";
    answer(1, "\nContact: <sip:a@10.1.2.3>;expires=0");
    EXPECT_TRUE(events<RegistrationEvent>().empty()) << "another Call-ID";
    call_id_ = "c1";
    std::string forged = response(200, "REGISTER", 1);
    forged.replace(forged.find("tag=a"), 5, "tag=x");
    say(in(), forged + "\nExpires: 0");
    EXPECT_TRUE(events<RegistrationEvent>().empty()) << "another From tag";
    EXPECT_TRUE(signalling_.registrations().has_accepted(address("10.1.2.3")));
    answer(1, "");
    EXPECT_EQ(granted(), 0U) << "the registrar's own word";
}

TEST_F(RegistrationTest, ForgetsWhatRunsOutOrIsNeverAccepted) {
    ask(1, "\nContact: <sip:a@10.1.2.3>");
    pass_time(32);
    EXPECT_EQ(signalling_.registrations().size(), 0U);
    ask(2, "\nContact: <sip:a@10.1.2.3>", 40);
    answer(2, "\nContact: <sip:a@10.1.2.3>;expires=100", 200, 40);
    pass_time(139);
    EXPECT_EQ(signalling_.registrations().size(), 1U);
    pass_time(140);
    EXPECT_EQ(signalling_.registrations().size(), 0U);
}

TEST_F(RegistrationTest, GoesOnOverAnotherConnection) {
    ask(1, "\nContact: <sip:a@10.1.2.3>;expires=600");
    answer(1, "\nContact: <sip:a@10.1.2.3>;expires=600");
    FlowTuple other = out();
    other.source.port = 5062;
    ask(2, "\nContact: <sip:a@10.1.2.3>;expires=0", 0, other);
    EXPECT_EQ(signalling_.registrations().size(), 1U);
    answer(2, "");
    EXPECT_EQ(granted(), 0U);
    EXPECT_TRUE(signalling_.callbacks().all().empty());
}

TEST_F(RegistrationTest, ACallbackLivesAsLongAsTheLastOfItsUsers) {
    user_ = "u";
    sign_on("c1", 600, 0);
    user_ = "v";
    sign_on("c2", 100, 0);
    ASSERT_EQ(plan_.callbacks.size(), 1U);
    EXPECT_EQ(plan_.callbacks[0].kind, CallbackChange::Kind::refresh);
    EXPECT_EQ(plan_.callbacks[0].timeout, std::chrono::seconds(632)) << "the other one's";
    user_ = "u";
    call_id_ = "c1";
    ask(2, "\nContact: *");
    answer(2, "");
    ASSERT_EQ(plan_.callbacks.size(), 1U);
    EXPECT_EQ(plan_.callbacks[0].kind, CallbackChange::Kind::refresh);
    EXPECT_EQ(plan_.callbacks[0].holders.users, 1U) << "which is all that has changed";
    EXPECT_EQ(signalling_.callbacks().all().size(), 1U);
    pass_time(100);
    EXPECT_EQ(signalling_.registrations().size(), 0U);
    pass_time(131);
    EXPECT_EQ(signalling_.callbacks().all().size(), 1U);
    pass_time(132);
    EXPECT_TRUE(signalling_.callbacks().all().empty()) << "nobody has been registered there since 100";
    // The only one makes it shorter at once.
    sign_on("c1", 600, 200);
    sign_on("c1", 60, 200);
    EXPECT_EQ(plan_.callbacks.at(0).timeout, std::chrono::seconds(92));
}

TEST_F(RegistrationTest, AUserHasAContactOnceWhateverTheCallId) {
    sign_on("c1", 600, 0);
    sign_on("c2", 100, 1);
    EXPECT_EQ(plan_.callbacks.at(0).timeout, std::chrono::seconds(132)) << "the registrar knows no longer one";
    call_id_ = "c3";
    ask(1, "\nContact: *", 2);
    answer(1, "", 200, 2);
    EXPECT_TRUE(signalling_.callbacks().all().empty());
    EXPECT_FALSE(signalling_.registrations().has_accepted(address("10.1.2.3")));
}

TEST_F(RegistrationTest, ManySessionsOfAUserAreLeftToTheirTime) {
    for (int session = 0; session < 40; ++session) {
        call_id_ = "c" + std::to_string(session);
        const std::string contact = "\nContact: <sip:a@10.1.2.3:" + std::to_string(7000 + session) + ">";
        ask(1, contact);
        answer(1, contact + ";expires=600");
    }
    EXPECT_EQ(signalling_.callbacks().all().size(), 40U);
    call_id_ = "all";
    ask(1, "\nContact: *");
    answer(1, "");
    EXPECT_EQ(signalling_.callbacks().all().size(), 25U) << "this session and the fifteen before it";
    call_id_ = "c0";
    ask(2, "\nContact: <sip:a@10.1.2.3:7000>;expires=0");
    answer(2, "");
    EXPECT_EQ(signalling_.callbacks().all().size(), 24U) << "its own it always knows";
    pass_time(632);
    EXPECT_TRUE(signalling_.callbacks().all().empty());
    EXPECT_EQ(signalling_.registrations().size(), 0U);
}

// A client that begins anew with each REGISTER has one binding; the sessions before stay as long as an answer may come.
TEST_F(RegistrationTest, ASessionThatAnotherHasTakenOverIsForgotten) {
    for (int session = 0; session < 55; ++session) {
        pass_time(60 * session);
        sign_on("session-" + std::to_string(session), 3600, 60 * session);
    }
    EXPECT_LE(signalling_.registrations().size(), 2U);
}

TEST_F(RegistrationTest, ARequestHasOnlySoManyContacts) {
    std::string contacts;
    for (int port = 7001; port <= 7006; ++port) {
        contacts += "\nContact: <sip:a@10.1.2.3:" + std::to_string(port) + ">";
    }
    ask(1, contacts);
    EXPECT_EQ(events<RefuseEvent>().size(), 2U);
    answer(1, contacts);
    EXPECT_EQ(signalling_.callbacks().all().size(), 4U);
}

TEST_F(RegistrationTest, ContactsOfOneSessionEndEachAtItsTime) {
    const std::string contacts = "\nContact: <sip:a@10.1.2.3:7001>;expires=100, <sip:a@10.1.2.3:7002>;expires=600";
    ask(1, contacts);
    answer(1, contacts);
    pass_time(132);
    EXPECT_EQ(signalling_.callbacks().all().size(), 1U);
    EXPECT_EQ(signalling_.registrations().size(), 1U);
    pass_time(632);
    EXPECT_TRUE(signalling_.callbacks().all().empty());
    EXPECT_EQ(signalling_.registrations().size(), 0U);
}

TEST_F(RegistrationTest, AContactThatItsUserHasLeftIsCalledUntilItsTimeHasCome) {
    ask(1, "\nContact: <sip:a@10.1.2.3:7100>");
    answer(1, "\nContact: <sip:a@10.1.2.3:7100>;expires=600");
    ask(2, "\nContact: <sip:a@10.1.2.3:7200>;expires=100");
    answer(2, "\nContact: <sip:a@10.1.2.3:7200>;expires=100");
    EXPECT_EQ(signalling_.callbacks().all().size(), 2U);
    pass_time(132);
    EXPECT_EQ(signalling_.callbacks().all().size(), 1U);
    pass_time(632);
    EXPECT_TRUE(signalling_.callbacks().all().empty());
}

TEST_F(RegistrationTest, TheContactThatStaysCounts) {
    ask(1, "\nContact: <sip:a@10.1.2.3:7100>;expires=0, <sip:a@10.1.2.3:7200>;expires=600");
    answer(1, "\nContact: <sip:a@10.1.2.3:7200>;expires=600");
    EXPECT_EQ(granted(), 600U);
    EXPECT_EQ(events<RegistrationEvent>().at(0).contact, testing::endpoint("10.1.2.3", 7200));
}

TEST_F(RegistrationTest, ASignOffAfterARestartEndsTheCallback) {
    const CallbackTable::Key key{Transport::udp, testing::endpoint("10.1.2.3", 5060), address("198.51.100.20")};
    signalling_.restore_callback(key, std::nullopt, {}, std::chrono::seconds(600), at(0));
    ask(2, "\nContact: *");
    answer(2, "");
    EXPECT_TRUE(signalling_.callbacks().all().empty());
}

// The answer to a sign-off was lost.
TEST_F(RegistrationTest, ASignOffAfterARestartThatIsRepeatedSignsOffNobodyElse) {
    restore("198.51.100.20", 5060, {"u", "v"}, 600);
    user_ = "u";
    for (const int cseq : {1, 2}) {
        sign_off("\nContact: <sip:a@10.1.2.3>;expires=0", cseq);
        EXPECT_TRUE(signalling_.callbacks().has_restored_users(address("10.1.2.3")));
    }
    EXPECT_EQ(signalling_.callbacks().all().size(), 1U);
    user_ = "v";
    sign_off("\nContact: <sip:a@10.1.2.3>;expires=0", 1);
    EXPECT_TRUE(signalling_.callbacks().all().empty());
}

TEST_F(RegistrationTest, SomebodyNewIsNobodyFromBeforeARestart) {
    restore("198.51.100.20", 5060, {"u"}, 600);
    user_ = "v";
    sign_on("new", 3600, 10);
    EXPECT_EQ(plan_.callbacks.at(0).holders.users, 2U);
    sign_off("\nContact: <sip:a@10.1.2.3>;expires=0", 2);
    EXPECT_EQ(signalling_.callbacks().all().size(), 1U);
    EXPECT_EQ(plan_.callbacks.at(0).holders.users, 1U) << "and after another restart, too";
    pass_time(600);
    EXPECT_TRUE(signalling_.callbacks().all().empty());
}

// "*" takes back what that user had, at whatever Contact, and nothing of others.
TEST_F(RegistrationTest, EverythingThatAUserHadBeforeARestartIsHisOnly) {
    restore("198.51.100.20", 7100, {"u"}, 600);
    restore("198.51.100.20", 7200, {"v"}, 600);
    user_ = "u";
    sign_off("\nContact: *", 1);
    ASSERT_EQ(signalling_.callbacks().all().size(), 1U);
    EXPECT_EQ(signalling_.callbacks().all().begin()->first.inside.port, 7200);
}

TEST_F(RegistrationTest, WhoHasMovedOverARestartHasLeftWhatHeHad) {
    restore("198.51.100.20", 7100, {"b"}, 600);
    sign_on("begun-anew", 3600, 0);
    EXPECT_EQ(signalling_.callbacks().all().size(), 2U) << "the registrar knows both";
    EXPECT_FALSE(signalling_.callbacks().has_restored_users(address("10.1.2.3")));
    pass_time(600);
    EXPECT_EQ(signalling_.callbacks().all().size(), 1U);
}

// What a user takes back ends at every registrar where he had it, but not where he has gone to since.
TEST_F(RegistrationTest, WhoSignsOffAfterARestartHasAtTheRegistrarHeCameToLast) {
    for (const int first : {600, 900}) {
        restore("198.51.100.20", 7100, {"b"}, first);
        restore("198.51.100.21", 7100, {"b"}, 700);
        sign_off("\nContact: <sip:a@10.1.2.3:7100>;expires=0", first);
        EXPECT_EQ(signalling_.callbacks().all().size(), first == 600 ? 1U : 0U);
    }
}

TEST_F(RegistrationTest, TakesNoMoreMemoryForAnswersThatShortenItEachTime) {
    ask(1, "\nContact: <sip:a@10.1.2.3>");
    for (int seconds = 86'400; seconds > 82'000; --seconds) {
        answer(1, "\nContact: <sip:a@10.1.2.3>;expires=" + std::to_string(seconds));
    }
    EXPECT_LT(signalling_.registrations().queued(), 1100U);
    pass_time(82'000);
    EXPECT_EQ(signalling_.registrations().size(), 1U);
    pass_time(82'001);
    EXPECT_EQ(signalling_.registrations().size(), 0U);
}

TEST_F(RegistrationTest, HoldsItsLimit) {
    limits_.registrations = 1;
    ask(1, "\nContact: <sip:a@10.1.2.3>");
    call_id_ = "c2";
    ask(1, "\nContact: <sip:a@10.1.2.3>");
    EXPECT_EQ(signalling_.registrations().size(), 1U);
}

TEST_F(RegistrationTest, OneHostLeavesRoomForTheOthers) {
    limits_.registrations_per_host = 1;
    ask(1, "\nContact: <sip:a@10.1.2.3>");
    call_id_ = "c2";
    ask(1, "\nContact: <sip:a@10.1.2.3>");
    EXPECT_EQ(signalling_.registrations().size(), 1U);
    ASSERT_EQ(events<RefuseEvent>().size(), 1U);
    EXPECT_EQ(events<RefuseEvent>()[0].reason, RefuseReason::too_many_registrations);
    FlowTuple other = out();
    other.source.address = address("10.1.2.4");
    ask(1, "\nContact: <sip:a@10.1.2.4>", 0, other);
    EXPECT_EQ(signalling_.registrations().size(), 2U);
    pass_time(32);
    ask(1, "\nContact: <sip:a@10.1.2.3>", 32);
    EXPECT_EQ(signalling_.registrations().size(), 1U) << "those that ended no longer count";
}

TEST_F(RegistrationTest, AHostIsCalledAtSoManyContactsOnly) {
    limits_.registrations_per_host = 2;
    for (const int port : {7001, 7002, 7003}) {
        ask(port, "\nContact: <sip:a@10.1.2.3:" + std::to_string(port) + ">");
        answer(port, "\nContact: <sip:a@10.1.2.3>;expires=600");
    }
    EXPECT_EQ(signalling_.callbacks().all().size(), 2U);
    ASSERT_EQ(events<RefuseEvent>().size(), 1U);
    const RefuseEvent refused = events<RefuseEvent>()[0];
    EXPECT_EQ(refused.reason, RefuseReason::too_many_registrations);
    EXPECT_EQ(refused.tuple, out());
    EXPECT_EQ(refused.announced, address("10.1.2.3"));
    EXPECT_EQ(refused.port, 7003);
    pass_time(632);
    ask(7004, "\nContact: <sip:a@10.1.2.3:7004>", 632);
    answer(7004, "\nContact: <sip:a@10.1.2.3>;expires=600", 200, 632);
    EXPECT_EQ(signalling_.callbacks().all().size(), 1U);
}

}  // namespace
}  // namespace messenger::alg
