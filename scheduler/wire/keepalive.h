// The figures of gRPC's connection upkeep. Client and server must agree on them: a server that
// finds pings too frequent closes the connection.
#pragma once

namespace heliotrope::wire {

// Silence after which a ping asks whether the peer is still there.
inline constexpr int kKeepaliveTimeMs = 20'000;
// How long the answer may take before the connection counts as dead.
inline constexpr int kKeepaliveTimeoutMs = 10'000;
// What a server tolerates: half of what our clients do.
inline constexpr int kMinPingIntervalMs = 10'000;
// Backoff of a broken channel, and the time that one attempt to connect gets at least.
inline constexpr int kInitialReconnectBackoffMs = 200;
inline constexpr int kMaxReconnectBackoffMs = 5'000;
inline constexpr int kMinConnectTimeoutMs = 5'000;

}  // namespace heliotrope::wire
