import { AsyncLocalStorage } from 'node:async_hooks';
import type { DescMethod } from '@bufbuild/protobuf';
import type { Logger } from 'pino';

/** One call that this process answers, as its handler sees it. */
export interface Call {
  readonly method: DescMethod;
  /** SPIFFE id of the caller as its sidecar proved it, or "local" for a call that came past no sidecar. */
  readonly caller: string;
  readonly requestHeaders: Headers;
  /** Sent before the first message. */
  readonly responseHeaders: Headers;
  /** Sent after the last message. */
  readonly responseTrailers: Headers;
  /** Aborted when the caller hangs up, when the deadline passes and when the server closes for good. */
  readonly signal: AbortSignal;
  /** When the caller stops waiting, in milliseconds since the epoch. Absent: it waits as long as it takes. */
  readonly deadline?: number;
  /** Milliseconds until the deadline, never below 0; undefined without a deadline. */
  remainingMs(): number | undefined;
  /** Writes lines that carry the trace of this call. */
  readonly log: Logger;
}

const calls = new AsyncLocalStorage<Call>();

/** The call that the running code answers; undefined outside of a handler. Follows every await. */
export function currentCall(): Call | undefined {
  return calls.getStore();
}

/** Runs `fn` as part of answering `call`. For servers. */
export function runAsCall<T>(call: Call, fn: () => T): T {
  return calls.run(call, fn);
}

/** Runs `fn` as part of no call: for work that must go on when the caller has gone, such as storing an answer. */
export function runOutsideCalls<T>(fn: () => T): T {
  return calls.exit(fn);
}
