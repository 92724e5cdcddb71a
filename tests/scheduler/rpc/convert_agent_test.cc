#include "scheduler/rpc/convert_agent.h"

#include <gtest/gtest.h>

#include "scheduler/base/limits.h"

namespace heliotrope::rpc {
namespace {

// It is kept in a protobuf string, which does not parse again if a character is torn.
TEST(ConvertAgentTest, ALongTextIsCutBetweenCharacters) {
  for (size_t before = kMaxMessageBytes - 8; before < kMaxMessageBytes; ++before) {
    v1::StatusReport report;
    v1::AttemptStatus& status = *report.add_attempts();
    status.set_phase(v1::AttemptStatus::PHASE_FAILED);
    std::string text(before, 'x');
    for (int i = 0; i < 10; ++i) text += "\xE2\x82\xAC";
    status.set_detail(text);
    const auto command = ReportFromProto(report, os::SchedulingClock());
    ASSERT_TRUE(command.ok()) << command.status();
    EXPECT_LE(command->attempts[0].detail.size(), kMaxMessageBytes);
    v1::AttemptStatus again;
    again.set_detail(command->attempts[0].detail);
    EXPECT_TRUE(v1::AttemptStatus().ParseFromString(again.SerializeAsString())) << before;
  }
}

}  // namespace
}  // namespace heliotrope::rpc
