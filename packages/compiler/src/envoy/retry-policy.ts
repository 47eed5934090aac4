import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { type RetryPolicy, RetryPolicySchema } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { PreviousHostsPredicateSchema } from '@weft/envoy-api/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts';
import type { Method } from '../model/method.ts';
import { effectiveRetry } from '../model/retry.ts';
import { deliveredHeader, outcomeHeader } from './names.ts';
import { retriableOutcome } from './outcome.ts';
import { extension } from './typed-config.ts';

/** Conditions under which a call has not reached the application, whatever the method. */
const neverDelivered = ['connect-failure', 'refused-stream', 'reset-before-request', 'retriable-headers'];

/** A call that was never delivered is tried again so often, soon: only another replica can answer it. */
const neverDeliveredTries = { codes: [], maxRetries: 3, baseBackoffMs: 10, maxBackoffMs: 100 } as const;

/**
 * When a caller's proxy tries a call again. Only a method that may be repeated is, once it may have been delivered, and then by
 * what the callee's sidecar says of the answer: not every UNAVAILABLE is the callee's own.
 */
export function retryPolicy(method: Method): RetryPolicy {
  const agreed = effectiveRetry(method);
  const { codes, maxRetries, baseBackoffMs, maxBackoffMs } = agreed ?? neverDeliveredTries;
  const perTryMs = tryEndsMs(method);
  return create(RetryPolicySchema, {
    retryOn: [
      ...neverDelivered,
      ...(agreed && isRepeatedAfterReset(method) ? ['reset'] : []),
      // Otherwise Envoy takes the answer of a rate limit for final, whatever else it says.
      ...(agreed?.codes.includes('resource-exhausted') ? ['envoy-ratelimited'] : []),
    ].join(','),
    numRetries: tries(method, maxRetries),
    ...(perTryMs === undefined ? {} : { perTryTimeout: durationFromMs(perTryMs) }),
    retriableHeaders: [
      {
        name: deliveredHeader,
        headerMatchSpecifier: { case: 'stringMatch', value: { matchPattern: { case: 'exact', value: 'never' } } },
      },
      ...(agreed
        ? [
            {
              name: outcomeHeader,
              headerMatchSpecifier: {
                case: 'stringMatch' as const,
                value: { matchPattern: { case: 'safeRegex' as const, value: { regex: retriableOutcome(codes) } } },
              },
            },
          ]
        : []),
    ],
    retryBackOff: {
      baseInterval: durationFromMs(baseBackoffMs),
      maxInterval: durationFromMs(maxBackoffMs),
    },
    retryHostPredicate: [extension('envoy.retry_host_predicates.previous_hosts', PreviousHostsPredicateSchema, {})],
    // A replica that serves nothing has the fewest requests, so it is chosen again and again: three times of four, of two replicas.
    hostSelectionRetryMaxAttempts: 20n,
  });
}

/**
 * A hedged method's second try begins where another's first would end. Nothing follows a try that may take as long as the call: its
 * end and the call's would be two clocks that race.
 */
function tryEndsMs({ hedge, tryTimeoutMs, deadlineMs }: Method): number | undefined {
  const endsMs = hedge?.afterMs ?? tryTimeoutMs;
  return endsMs === undefined || (deadlineMs !== undefined && endsMs >= deadlineMs) ? undefined : endsMs;
}

/**
 * A torn connection is UNAVAILABLE and a late try DEADLINE_EXCEEDED, without an answer that could say so. Envoy has one condition
 * for both; a try timeout that nothing follows would only be a shorter deadline.
 */
export function isRepeatedAfterReset({ retry, tryTimeoutMs }: Method): boolean {
  return (
    tryTimeoutMs !== undefined ||
    retry?.codes.some((code) => code === 'unavailable' || code === 'deadline-exceeded') === true
  );
}

/** Envoy counts hedges and retries together, so neither may have more than both allow. */
function tries({ hedge, retry }: Method, maxRetries: number): number {
  if (hedge === undefined) return maxRetries;
  return retry === undefined ? hedge.maxTries - 1 : Math.min(hedge.maxTries - 1, maxRetries);
}
