// The version of this build.
#pragma once

#include <string>

namespace heliotrope::os {

// "0.1.0".
std::string Version();
// What git calls the sources: "a1b2c3d4e5" or "v0.1.0-3-ga1b2c3d4e5-dirty"; "" outside a checkout.
std::string SourceRevision();
// "0.1.0 (a1b2c3d4e5)", or "0.1.0" alone.
std::string VersionText();

}  // namespace heliotrope::os
