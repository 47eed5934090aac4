import { logger } from './log/logger.ts';

/** SIGTERM: others may still send calls. SIGINT: a user waits at a terminal, so only in-flight calls finish. */
export type StopSignal = 'SIGTERM' | 'SIGINT';

/** The longest that all shutdown callbacks together may take. */
const closeTimeoutMs = 5_000;

type Drain = (signal: StopSignal) => Promise<void>;

const drains = new Set<Drain>();
const closers = new Set<() => Promise<void>>();
let stopping = false;

/**
 * Registers `close` to run when the process has been told to stop and the last call has been answered, for example to close pools and
 * exporters. Returns a function that unregisters it.
 */
export function onShutdown(close: () => Promise<void>): () => void {
  closers.add(close);
  return () => closers.delete(close);
}

/**
 * /** Registers `drain` to run first when the process is told to stop (SIGTERM, SIGINT). Returns a function that unregisters it. For
 * serve().
 */
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

/** Drains, closes, exits with 0. A second signal exits at once. */
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
