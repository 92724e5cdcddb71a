// Early returns for absl::Status and absl::StatusOr. Both take an optional context, evaluated only
// on failure, which is put before the message:
//
//   HT_RETURN_IF_ERROR(store.Commit(batch), absl::StrCat("loading task ", task));
//   HT_ASSIGN_OR_RETURN(Task task, store.Load(id));
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "scheduler/base/errors.h"

#define HT_CONCAT_INNER_(a, b) a##b
#define HT_CONCAT_(a, b) HT_CONCAT_INNER_(a, b)

#define HT_RETURN_IF_ERROR(expr, ...)                                                    \
  do {                                                                                   \
    ::absl::Status ht_status = (expr);                                                   \
    if (!ht_status.ok()) [[unlikely]]                                                    \
      return ::heliotrope::WithContext(std::move(ht_status) __VA_OPT__(, ) __VA_ARGS__); \
  } while (false)

#define HT_ASSIGN_OR_RETURN(lhs, expr, ...) \
  HT_ASSIGN_OR_RETURN_(HT_CONCAT_(ht_status_or_, __LINE__), lhs, expr __VA_OPT__(, ) __VA_ARGS__)

#define HT_ASSIGN_OR_RETURN_(temporary, lhs, expr, ...)                                         \
  auto temporary = (expr);                                                                      \
  if (!temporary.ok()) [[unlikely]]                                                             \
    return ::heliotrope::WithContext(std::move(temporary).status() __VA_OPT__(, ) __VA_ARGS__); \
  lhs = *std::move(temporary)
