#include "scheduler/base/text.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace heliotrope {
namespace {

TEST(Text, KnowsUtf8) {
  for (const char* good : {"", "plain", "\xc3\xbc", "\xe4\xb8\xad", "\xf0\x9f\x8c\x99",
                           "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
  EXPECT_TRUE(IsUtf8(absl::string_view("a\0b", 3)));
  const std::vector<std::pair<const char*, const char*>> bad = {
      {"a lone continuation", "\x80"},       {"no end", "a\xc3"},
      {"too long for its code", "\xc0\xaf"}, {"the same in three bytes", "\xe0\x80\xaf"},
      {"a surrogate", "\xed\xa0\x80"},       {"beyond the last code", "\xf4\x90\x80\x80"},
      {"no such first byte", "\xff"},        {"a wrong continuation", "\xe4\xb8z"}};
  for (const auto& [why, text] : bad) EXPECT_FALSE(IsUtf8(text)) << why;
}

TEST(Text, IsCutBetweenCharactersAndShownWhole) {
  EXPECT_EQ(Cut("short", 5), "short");
  EXPECT_EQ(Cut("longer", 5), "lo...");
  EXPECT_EQ(Cut("a\xc3\xbcz..", 6), "a\xc3\xbcz..");
  EXPECT_EQ(Cut("a\xc3\xbcz...", 5), "a...") << "the second character would be halved";
  EXPECT_EQ(Cut("a\xff"
                "b\xc3",
                10),
            "a?b?");
}

}  // namespace
}  // namespace heliotrope
