// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/control/command_table.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace messenger::daemon {
namespace {

using nlohmann::json;

class CommandTableTest : public testing::Test {
   protected:
    CommandTableTest() {
        table_.add("echo", [](const CommandArguments& arguments) { return json(arguments.required_text("text")); });
        table_.add("list", [](const CommandArguments& arguments) { return json(arguments.number("limit", 10, 100)); });
    }
    [[nodiscard]] ControlResponse ask(const std::string& command, const json& arguments) const {
        return table_.answer({command, arguments});
    }

   private:
    CommandTable table_;
};

TEST_F(CommandTableTest, GivesARequestToItsCommand) {
    const auto response = ask("echo", {{"text", "hello"}});
    EXPECT_TRUE(response.ok);
    EXPECT_EQ(response.result, "hello");
}

TEST_F(CommandTableTest, NamesTheCommandsWhereThereIsNoneOfThatName) {
    const auto response = ask("ecko", json::object());
    EXPECT_FALSE(response.ok);
    EXPECT_EQ(response.error, "there is no such command; there are echo, list");
}

TEST_F(CommandTableTest, RefusesArgumentsThatAreMissingOrOfAnotherType) {
    EXPECT_EQ(ask("echo", json::object()).error, "the argument text is missing");
    EXPECT_EQ(ask("echo", {{"text", ""}}).error, "the argument text is missing");
    EXPECT_EQ(ask("echo", {{"text", 5}}).error, "the argument text is a string");
    EXPECT_EQ(ask("list", {{"limit", -1}}).error, "the argument limit is a whole number");
    EXPECT_EQ(ask("list", {{"limit", "5"}}).error, "the argument limit is a whole number");
}

TEST_F(CommandTableTest, CapsNumbers) {
    EXPECT_EQ(ask("list", json::object()).result, 10);
    EXPECT_EQ(ask("list", {{"limit", 50}}).result, 50);
    EXPECT_EQ(ask("list", {{"limit", 18446744073709551615U}}).result, 100);
}

}  // namespace
}  // namespace messenger::daemon
