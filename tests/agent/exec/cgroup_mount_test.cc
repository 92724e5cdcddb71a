#include "agent/exec/cgroup_mount.h"

#include "gtest/gtest.h"

namespace heliotrope::agent::exec {
namespace {

TEST(CgroupMountTest, FindsTheMount) {
  const struct {
    const char* name;
    const char* mountinfo;
    std::optional<CgroupMount> want;
  } cases[] = {
      {"none", "31 23 0:28 / /sys rw - sysfs sysfs rw\n", std::nullopt},
      {"nothing at all", "", std::nullopt},
      {"unified", "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n",
       CgroupMount{"/sys/fs/cgroup", "/"}},
      {"beside version 1",
       "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
       "37 31 0:34 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer\n"
       "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n",
       CgroupMount{"/sys/fs/cgroup/unified", "/"}},
      {"part of it, in a path with a space",
       "41 31 0:38 /a/b /mnt/c\\040g rw - cgroup2 cgroup2 rw\n", CgroupMount{"/mnt/c g", "/a/b"}},
      {"cut short", "41 31 0:38 - cgroup2 cgroup2 rw", std::nullopt},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(FindCgroupMount(c.mountinfo), c.want);
  }
}

TEST(CgroupMountTest, FindsOurOwnDirectory) {
  const struct {
    const char* name;
    const char* proc_self_cgroup;
    CgroupMount mount;
    std::optional<std::string> want;
  } cases[] = {
      {"root", "0::/\n", {"/sys/fs/cgroup", "/"}, "/sys/fs/cgroup"},
      {"a unit's",
       "0::/system.slice/heliotrope-agent.service\n",
       {"/sys/fs/cgroup", "/"},
       "/sys/fs/cgroup/system.slice/heliotrope-agent.service"},
      {"version 1 lines come first", "9:name=systemd:/x\n0::/y\n", {"/cg", "/"}, "/cg/y"},
      {"only version 1", "9:name=systemd:/x\n", {"/cg", "/"}, std::nullopt},
      {"part of it", "0::/a/b/c\n", {"/cg", "/a/b"}, "/cg/c"},
      {"exactly the part", "0::/a/b\n", {"/cg", "/a/b"}, "/cg"},
      {"another part", "0::/a/bc\n", {"/cg", "/a/b"}, std::nullopt},
      {"outside of it", "0::/x\n", {"/cg", "/a"}, std::nullopt},
      {"above a namespace", "0::/../x\n", {"/cg", "/"}, std::nullopt},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(OwnCgroupDirectory(c.proc_self_cgroup, c.mount), c.want);
  }
}

}  // namespace
}  // namespace heliotrope::agent::exec
