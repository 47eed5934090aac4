import { AsyncLocalStorage } from 'node:async_hooks';
import type { HandlerContext } from '@connectrpc/connect';
import type { Logger } from 'pino';
import type { Caller } from './caller.ts';

/**
 * An incoming call, as its handler sees it: a connect-es HandlerContext, plus what the mesh knows. `signal` is aborted when the caller
 * hangs up, when the deadline passes and when the server closes for good. `timeoutMs()` is never below 0.
 */
export interface Call extends HandlerContext {
  /** The caller, as verified by the sidecar. */
  readonly caller: Caller;
  /** The deadline, in milliseconds since the epoch. Absent: the caller waits without a limit. */
  readonly deadline?: number;
  /** The id of this call's trace: 32 hexadecimal digits. Each log line and each error response has it. */
  readonly traceId: string;
  /** A logger whose lines carry the trace of this call. */
  readonly log: Logger;
}

const calls = new AsyncLocalStorage<Call>();

/** The call that the running code handles; undefined outside a handler. Survives every await. */
export function currentCall(): Call | undefined {
  return calls.getStore();
}

/** Runs `fn` as part of handling `call`. For servers. */
export function runAsCall<T>(call: Call, fn: () => T): T {
  return calls.run(call, fn);
}

/** Runs `fn` outside any call: for work that must continue after the caller has hung up, such as storing an answer. */
export function runOutsideCalls<T>(fn: () => T): T {
  return calls.exit(fn);
}
