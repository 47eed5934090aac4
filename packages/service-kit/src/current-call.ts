import { AsyncLocalStorage } from 'node:async_hooks';
import type { HandlerContext } from '@connectrpc/connect';
import type { Logger } from 'pino';
import type { Caller } from './caller.ts';

/**
 * One call that this process answers, as its handler sees it: a HandlerContext of connect-es, and what a mesh knows besides. `signal` is
 * aborted when the caller hangs up, when the deadline passes and when the server closes for good. `timeoutMs()` is never below 0.
 */
export interface Call extends HandlerContext {
  /** Who calls, as the sidecar proved it. */
  readonly caller: Caller;
  /** When the caller stops waiting, in milliseconds since the epoch. Absent: it waits as long as it takes. */
  readonly deadline?: number;
  /** The trace that this call is part of: 32 hexadecimal digits. In each log line and in each error answer. */
  readonly traceId: string;
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
