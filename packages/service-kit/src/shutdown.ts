import { logger } from './log/logger.ts';

/** SIGTERM: others may still be sending calls here. SIGINT: somebody waits at a terminal, so only what is under way is ended. */
export type StopSignal = 'SIGTERM' | 'SIGINT';

/** The longest that what runs at the end may take, together. */
const closeTimeoutMs = 5_000;

type Drain = (signal: StopSignal) => Promise<void>;

const drains = new Set<Drain>();
const closers = new Set<() => Promise<void>>();
let stopping = false;

/**
 * Has `close` run when the process has been told to stop and the last call has been answered: pools, exporters. Returns
 * what takes it back.
 */
export function onShutdown(close: () => Promise<void>): () => void {
  closers.add(close);
  return () => closers.delete(close);
}

/** Has `drain` run first when the process is told to stop (SIGTERM, SIGINT). Returns what takes it back. For serve(). */
export function onStopSignal(drain: Drain): () => void {
  if (drains.size === 0) {
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  }
  drains.add(drain);
  return () => {
    drains.delete(drain);
    if (drains.size > 0 || stopping) return;
    process.off('SIGTERM', stop);
    process.off('SIGINT', stop);
  };
}

/** Drains, closes, exits with 0. The second signal means at once. */
function stop(signal: StopSignal): void {
  if (stopping) process.exit(signal === 'SIGINT' ? 130 : 143);
  stopping = true;
  logger().info({ signal }, 'draining');
  void Promise.allSettled([...drains].map((drain) => drain(signal)))
    .then(() =>
      Promise.race([
        Promise.allSettled([...closers].map((close) => close())),
        new Promise((resolve) => setTimeout(resolve, closeTimeoutMs)),
      ]),
    )
    .then(() => process.exit(0));
}
