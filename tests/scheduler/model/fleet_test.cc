// Promise 6 at its root: who may be where, and that every doubt is a refusal.
#include "scheduler/model/fleet.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace heliotrope::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

JurisdictionTable ReferenceTable() {
  using Code = JurisdictionCode;
  return JurisdictionTable({{"EU", {Code("DE"), Code("FR")}}, {"APAC", {Code("CN"), Code("SG")}}},
                           {Code("US"), Code("AE"), Code("DE")});
}

Residency Words(std::vector<std::string> words) {
  return {.any = false, .words = std::move(words)};
}
Residency Anywhere() { return {.any = true, .words = {}}; }

struct AllowsCase {
  const char* name;
  Residency residency;
  const char* jurisdiction;
  bool want;
};

TEST(JurisdictionTable, Allows) {
  const AllowsCase cases[] = {
      {"a code allows itself", Words({"DE"}), "DE", true},
      {"a code allows nothing else", Words({"DE"}), "FR", false},
      {"a group allows its members", Words({"EU"}), "FR", true},
      {"a group allows nobody else", Words({"EU"}), "US", false},
      {"several words allow what any of them allows", Words({"EU", "US"}), "US", true},
      {"any allows every known jurisdiction", Anywhere(), "AE", true},
      {"any does not allow an unknown jurisdiction", Anywhere(), "XX", false},
      {"any does not allow no jurisdiction", Anywhere(), "", false},
      {"an unknown word allows nothing", Words({"XX"}), "DE", false},
      {"an unknown word does not even allow itself", Words({"XX"}), "XX", false},
      {"an unknown word takes nothing from the others", Words({"DE", "XX"}), "DE", true},
      {"no words allow nothing", Words({}), "DE", false},
      {"a group's name is not a jurisdiction", Words({"EU"}), "EU", false},
      {"letter case counts", Words({"de"}), "DE", false},
      {"any beside other words counts as the words", {.any = true, .words = {"DE"}}, "US", false},
  };
  const JurisdictionTable table = ReferenceTable();
  for (const AllowsCase& c : cases) {
    EXPECT_EQ(table.Allows(c.residency, JurisdictionCode(c.jurisdiction)), c.want) << c.name;
  }
}

TEST(JurisdictionTable, AnEmptyTableAllowsNothing) {
  EXPECT_FALSE(JurisdictionTable().Allows(Anywhere(), JurisdictionCode("DE")));
  EXPECT_FALSE(JurisdictionTable().Allows(Words({"DE"}), JurisdictionCode("DE")));
}

TEST(JurisdictionTable, ExpandsToSortedCodes) {
  const JurisdictionTable table = ReferenceTable();
  EXPECT_THAT(table.Expand(Words({"EU", "US"})), ElementsAre("DE", "FR", "US"));
  EXPECT_THAT(table.Expand(Words({"DE", "EU"})), ElementsAre("DE", "FR"));
  EXPECT_THAT(table.Expand(Anywhere()), ElementsAre("*"));
  EXPECT_THAT(table.Expand(Words({"XX"})), IsEmpty());
}

TEST(JurisdictionTable, NamesTheNearestKnownWord) {
  const JurisdictionTable table = ReferenceTable();
  EXPECT_TRUE(table.CheckKnown(Words({"EU", "US"})).ok());
  EXPECT_TRUE(table.CheckKnown(Anywhere()).ok());
  const std::string text(table.CheckKnown(Words({"APCA"})).message());
  EXPECT_THAT(text, HasSubstr("\"APCA\""));
  EXPECT_THAT(text, HasSubstr("did you mean \"APAC\"?"));
}

TEST(JurisdictionTable, ListsTheKnownWordsWhenNoneIsNear) {
  const std::string text(ReferenceTable().CheckKnown(Words({"Atlantis"})).message());
  EXPECT_THAT(text, HasSubstr("use one of any, APAC, EU, AE, CN, DE, FR, SG, US"));
}

TEST(JurisdictionTable, RefusesNoWordsAndAnyBesideOthers) {
  EXPECT_EQ(ReferenceTable().CheckKnown(Words({})).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReferenceTable().CheckKnown({.any = true, .words = {"DE"}}).code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace heliotrope::model
