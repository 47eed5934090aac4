import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { type RetryPolicy, RetryPolicySchema } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { PreviousHostsPredicateSchema } from '@weft/envoy-api/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts';
import type { Method, RetryCode } from '../model/method.ts';
import { deliveredHeader } from './names.ts';
import { extension } from './typed-config.ts';

/** Conditions under which a call has not reached the application, whatever the method. */
const neverDelivered = ['connect-failure', 'refused-stream', 'reset-before-request', 'retriable-headers'];

/** A call that was never delivered is tried again so often, soon: only another replica can answer it. */
const neverDeliveredTries = { codes: [], maxRetries: 3, baseBackoffMs: 10, maxBackoffMs: 100 };

// Callers that do not speak gRPC are told the same by these HTTP codes.
const httpCodes: Readonly<Record<RetryCode, readonly number[]>> = {
  cancelled: [499],
  'deadline-exceeded': [504],
  internal: [500],
  'resource-exhausted': [429],
  unavailable: [502, 503],
};

/** When a caller's proxy tries a call again. Only a method that may be repeated is, once it may have been delivered. */
export function retryPolicy(method: Method): RetryPolicy {
  const repeatable = method.safety !== 'unsafe' && method.retry !== undefined;
  const retry = repeatable && method.retry ? method.retry : neverDeliveredTries;
  // A hedged method's second try begins where another's first would end.
  const perTryMs = method.hedge?.afterMs ?? method.tryTimeoutMs;
  const statusCodes = retry.codes.flatMap((code) => httpCodes[code]);
  return create(RetryPolicySchema, {
    retryOn: [
      ...neverDelivered,
      // An UNAVAILABLE that arrives as a torn connection or a late try has no trailers to say so.
      ...(repeatable ? [...retry.codes, 'reset', 'retriable-status-codes'] : []),
    ].join(','),
    retriableStatusCodes: statusCodes,
    numRetries: Math.max(retry.maxRetries, (method.hedge?.maxTries ?? 1) - 1),
    ...(perTryMs === undefined ? {} : { perTryTimeout: durationFromMs(perTryMs) }),
    retriableHeaders: [
      {
        name: deliveredHeader,
        headerMatchSpecifier: { case: 'stringMatch', value: { matchPattern: { case: 'exact', value: 'never' } } },
      },
    ],
    retryBackOff: {
      baseInterval: durationFromMs(retry.baseBackoffMs),
      maxInterval: durationFromMs(retry.maxBackoffMs),
    },
    retryHostPredicate: [extension('envoy.retry_host_predicates.previous_hosts', PreviousHostsPredicateSchema, {})],
    hostSelectionRetryMaxAttempts: 5n,
  });
}
