#include "agent/link/glob.h"

#include <vector>

namespace heliotrope::agent::link {
namespace {

enum class Kind { kLiteral, kOne, kMany, kAll, kAllFolders };
struct Token {
  Kind kind;
  char literal = 0;
};

std::vector<Token> Tokenize(absl::string_view pattern) {
  std::vector<Token> tokens;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '?') {
      tokens.push_back({Kind::kOne});
    } else if (pattern[i] != '*') {
      tokens.push_back({Kind::kLiteral, pattern[i]});
    } else if (i + 1 == pattern.size() || pattern[i + 1] != '*') {
      tokens.push_back({Kind::kMany});
    } else if (i + 2 < pattern.size() && pattern[i + 2] == '/' &&
               (i == 0 || pattern[i - 1] == '/')) {
      tokens.push_back({Kind::kAllFolders});
      i += 2;
    } else {
      tokens.push_back({Kind::kAll});
      ++i;
    }
  }
  return tokens;
}

}  // namespace

bool GlobMatches(absl::string_view pattern, absl::string_view path) {
  // reached[i]: the tokens so far can have matched path[0, i).
  std::vector<bool> reached(path.size() + 1, false);
  reached[0] = true;
  for (const Token& token : Tokenize(pattern)) {
    std::vector<bool> next(path.size() + 1, false);
    bool open = false;  // An earlier position may still stretch to here.
    bool any = false;
    for (size_t i = 0; i <= path.size(); ++i) {
      switch (token.kind) {
        case Kind::kLiteral:
          next[i] = i > 0 && reached[i - 1] && path[i - 1] == token.literal;
          break;
        case Kind::kOne:
          next[i] = i > 0 && reached[i - 1] && path[i - 1] != '/';
          break;
        case Kind::kMany:
          if (i > 0 && path[i - 1] == '/') open = false;
          open |= reached[i];
          next[i] = open;
          break;
        case Kind::kAll:
          open |= reached[i];
          next[i] = open;
          break;
        case Kind::kAllFolders:
          // Nothing, or anything that ends with '/'.
          next[i] = reached[i] || (open && path[i - 1] == '/');
          open |= reached[i];
          break;
      }
      any |= next[i];
    }
    if (!any) return false;
    reached = std::move(next);
  }
  return reached[path.size()];
}

}  // namespace heliotrope::agent::link
