// Lists that the API gives in pages, read whole.
#pragma once

#include <algorithm>
#include <limits>
#include <string>

#include "absl/status/statusor.h"
#include "scheduler/base/limits.h"
#include "scheduler/cli/client.h"

namespace heliotrope::cli {

// At most so many; for lists that may be long.
struct PageLimit {
  int items = std::numeric_limits<int>::max();
};

// All pages as one answer. `count` says how many items an answer holds. If there are more than the
// limit, next_page_token is not empty.
template <class Stub, class Request, class Response>
absl::StatusOr<Response> ListAll(Client& client, Client::Method<Stub, Request, Response> method,
                                 Request request, int (*count)(const Response&),
                                 PageLimit limit = {}) {
  Response all;
  while (true) {
    request.set_page_size(std::min(kMaxPageSize, limit.items - count(all)));
    HT_ASSIGN_OR_RETURN(Response page, client.Read(method, request));
    const std::string token = page.next_page_token();
    all.MergeFrom(page);
    all.set_next_page_token(token);
    if (token.empty() || count(all) >= limit.items) return all;
    // An empty page may have others after it: a filter looks at so many items at a time.
    if (token == request.page_token()) {
      return absl::InternalError("the scheduler sent the same page twice");
    }
    request.set_page_token(token);
  }
}

}  // namespace heliotrope::cli
