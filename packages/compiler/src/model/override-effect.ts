import type { RateLimit } from './method.ts';
import type { LogicalName } from './names.ts';

/** One thing that an override changes. */
export type OverrideEffect =
  | { readonly kind: 'deny' | 'allow'; readonly caller: LogicalName }
  | { readonly kind: 'deadline' | 'max-duration'; readonly ms: number }
  | { readonly kind: 'no-retry' }
  | { readonly kind: 'retry'; readonly maxRetries: number }
  | { readonly kind: 'rate-limit'; readonly limit: RateLimit }
  | { readonly kind: 'max-concurrent-requests'; readonly requests: number };

/** An effect as people read it: "denies bakery.orders", "deadline 500 ms". The same words for the same effect. */
export function effectWords(effect: OverrideEffect): string {
  switch (effect.kind) {
    case 'deny':
      return `denies ${effect.caller}`;
    case 'allow':
      return `allows ${effect.caller}`;
    case 'deadline':
      return `deadline ${effect.ms} ms`;
    case 'max-duration':
      return `longest duration ${effect.ms} ms`;
    case 'no-retry':
      return 'no retry';
    case 'retry':
      return `at most ${effect.maxRetries} retries`;
    case 'rate-limit':
      return `at most ${effect.limit.requests} calls of ${effect.limit.caller} in ${effect.limit.perMs} ms`;
    case 'max-concurrent-requests':
      return `at most ${effect.requests} requests at once`;
  }
}
