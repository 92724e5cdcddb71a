#include "agent/link/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace heliotrope::agent::link {
namespace {

TEST(GlobMatches, Table) {
  const struct {
    const char* pattern;
    const char* path;
    bool want;
  } cases[] = {
      {"**", "a", true},
      {"**", "a/b/c", true},
      {"*", "a", true},
      {"*", "a/b", false},
      {"*.csv", "x.csv", true},
      {"*.csv", "d/x.csv", false},
      {"**/*.csv", "d/x.csv", true},
      {"**/*.csv", "d/e/x.csv", true},
      {"**/*.csv", "x.csv", true},
      {"**/*.csv", "xcsv", false},
      {"d/**", "d/a/b", true},
      {"d/**", "e/a", false},
      {"d/**/x", "d/x", true},
      {"d/**/x", "d/a/b/x", true},
      {"d/**/x", "d/ax", false},
      {"a**z", "a/b/z", true},
      {"?", "a", true},
      {"?", "/", false},
      {"part-?????", "part-00017", true},
      {"part-?????", "part-0017", false},
      {"a.b", "axb", false},
      {"", "", true},
      {"", "a", false},
      {"*", "", true},
      {"*a*b*", "xxaxxbxx", true},
      {"*a*b*", "xxbxxaxx", false},
      {"[ab]", "a", false},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(GlobMatches(c.pattern, c.path), c.want) << c.pattern << " on " << c.path;
  }
}

TEST(GlobMatches, ManyStarsDoNotExplode) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  EXPECT_FALSE(GlobMatches(pattern + "b", std::string(4000, 'a')));
}

}  // namespace
}  // namespace heliotrope::agent::link
