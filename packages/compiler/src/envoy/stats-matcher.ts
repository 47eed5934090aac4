import type { MessageInitShape } from '@bufbuild/protobuf';
import type { StatsConfigSchema } from '@weft/envoy-api/envoy/config/metrics/v3/stats';

/**
 * Statistics that a proxy does not keep, by their names. Nobody reads them, and each costs memory for each cluster or listener, or time
 * for each call. What is asked of a sidecar stays: calls, codes, times, retries, connections, handshakes, endpoints and updates.
 */
const unread: readonly string[] = [
  // The same calls once more by where they come from: inside of a mesh all of them do from the same place.
  String.raw`cluster\..+\.(internal|external|canary)\.upstream_rq_.+`,
  String.raw`cluster\..+\.zone\..+`,
  // Decisions of the load balancer, one by one.
  String.raw`cluster\..+\.lb_(zone|local_cluster|recalculate|subsets)_.+`,
  // No cluster has requests of high priority, and all speak HTTP/2 within the mesh.
  String.raw`cluster\..+\.circuit_breakers\.high\..+`,
  String.raw`cluster\..+\.http[13]\..+`,
  String.raw`cluster\..+\.upstream_cx_http3_.+`,
  // How long connections lived.
  String.raw`.+\.(upstream|downstream)_cx_length_ms`,
  // Which of the few permitted ciphers a handshake chose.
  String.raw`.+\.ssl\.(ciphers|curves|sigalgs|versions)\..+`,
  // Envoy's own housekeeping, and the admin interface.
  String.raw`(runtime|filesystem|dns|main_thread|workers|thread_local_cluster_manager)\..+`,
  String.raw`server\.worker_.+`,
  String.raw`(http|listener)\.admin\..+`,
  String.raw`listener\..+\.worker_[0-9]+\..+`,
];

/** What of its statistics a proxy keeps. */
export const statsConfig: MessageInitShape<typeof StatsConfigSchema> = {
  statsMatcher: {
    statsMatcher: {
      case: 'exclusionList',
      value: { patterns: unread.map((regex) => ({ matchPattern: { case: 'safeRegex', value: { regex } } })) },
    },
  },
};
