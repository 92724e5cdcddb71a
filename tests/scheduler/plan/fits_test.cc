// Whether a start of this moment is sound.
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/scheduler/plan/builders.h"

namespace heliotrope::plan {
namespace {

struct Case {
  const char* name;
  SiteBuilder site;
  Class task_class;
  Mode mode;
  bool want;
};

// It is 14:00; capacity is 100 cores, the target 80.
TEST(FitsNow, ByWhatIsMeasuredAndWhatIsForecast) {
  const Mode soon = Mode::kAsSoonAsPossible;
  const Case cases[] = {
      {"an empty data center takes a task", ASite("x").Headroom(Always(80)), AClass(), soon, true},
      {"the last core of headroom is given", ASite("x").Headroom(Always(10)).Batch(9), AClass(),
       soon, true},
      {"and no more", ASite("x").Headroom(Always(10)).Batch(9.5), AClass(), soon, false},
      {"measured foreground counts whatever the forecast says",
       ASite("x").Headroom(Always(60)).Foreground(75).Batch(4.5), AClass(), soon, false},
      {"deferred tasks are held to the same", ASite("x").Headroom(Always(10)).Batch(9.5), AClass(),
       Mode::kDeferred, false},
      {"a task that can checkpoint needs headroom for half an hour",
       ASite("x").Headroom(Daily(12, 14.5, 10, 0)), AClass().Hours(5), soon, true},
      {"and not for less", ASite("x").Headroom(Daily(12, 14.25, 10, 0)), AClass().Hours(5), soon,
       false},
      {"unless it ends before that", ASite("x").Headroom(Daily(12, 14.25, 10, 0)),
       AClass().Hours(0.2), soon, true},
      {"one that cannot needs it for its whole run", ASite("x").Headroom(Daily(12, 18, 10, 0)),
       AClass().Hours(5).CannotCheckpoint(), soon, false},
      {"and gets it when it lasts", ASite("x").Headroom(Daily(12, 19, 10, 0)),
       AClass().Hours(5).CannotCheckpoint(), soon, true},
      {"batch is taken to stay when it is not known what can leave",
       ASite("x").Headroom(Daily(12, 16, 50, 20)).Batch(30), AClass().Hours(5).CannotCheckpoint(),
       soon, false},
      {"what can leave will have left by then",
       ASite("x").Headroom(Daily(12, 16, 50, 20)).Batch(30).Pinned(10),
       AClass().Hours(5).CannotCheckpoint(), soon, true},
      {"under the safety net free cores are enough",
       ASite("x").Headroom(Always(0)).Foreground(90).Batch(9), AClass(), Mode::kMustRun, true},
      {"but there must be some", ASite("x").Headroom(Always(0)).Foreground(90).Batch(9.5), AClass(),
       Mode::kMustRun, false},
      {"residency holds under the safety net too", ASite("x").Headroom(Always(80)),
       AClass().Allowed(2), Mode::kMustRun, false},
      {"no node is large enough", ASite("x").Headroom(Always(80)).LargestNode(4, Bytes::FromGiB(8)),
       AClass().Cores(5), soon, false},
      {"no node has the memory", ASite("x").Headroom(Always(80)).LargestNode(8, Bytes::FromMiB(8)),
       AClass(), Mode::kMustRun, false},
      {"the last of the memory is given",
       ASite("x").Headroom(Always(80)).Memory(Bytes::FromGiB(8)).BatchMemory(Bytes::FromGiB(7)),
       AClass(), soon, true},
      {"and no more",
       ASite("x").Headroom(Always(80)).Memory(Bytes::FromGiB(8)).BatchMemory(Bytes::FromMiB(7200)),
       AClass(), soon, false},
      {"what the foreground holds of it counts",
       ASite("x")
           .Headroom(Always(80))
           .Memory(Bytes::FromGiB(8))
           .ForegroundMemory(Bytes::FromMiB(7200)),
       AClass(), soon, false},
      {"memory is not exceeded under the safety net",
       ASite("x").Headroom(Always(0)).Memory(Bytes::FromGiB(8)).BatchMemory(Bytes::FromMiB(7200)),
       AClass(), Mode::kMustRun, false},
      {"without nodes nothing fits", ASite("x").Headroom(Always(80)).NoNodes(), AClass(), soon,
       false},
      {"what can never run does not start", ASite("x").Headroom(Always(80)), AClass(), Mode::kNever,
       false},
      {"a reactive data center is judged by measured load",
       ASite("x").Reactive().Headroom(Always(30)).Foreground(50).Batch(29), AClass(), soon, true},
  };
  for (const Case& c : cases) {
    const Input input = InputOf({.now = 14, .sites = {c.site}});
    EXPECT_EQ(FitsNow(input, c.task_class, 0, c.mode), c.want) << c.name;
  }
}

}  // namespace
}  // namespace heliotrope::plan
