import { AsyncLocalStorage } from 'node:async_hooks';
import { type ConnectionOptions, type Database, uuidv7 } from '@weft/service-kit';
import type { Logger } from 'pino';
import { listen } from './listen.ts';

const changedChannel = 'orders_changed';
const placedChannel = 'orders_placed';

/** A notification has room for 8,000 bytes; an id takes 37. */
const idsInOne = 200;

/** Waits for changes of one order. */
export interface Subscription {
  /**
   * Resolves when the order may have changed since the last time this was asked, or after `maxMs`: notifications are a
   * shortcut, and whoever waits looks again now and then. Rejects with the signal's reason when it is aborted.
   */
  changed(maxMs: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** How to run a feed. */
export interface OrderFeedOptions {
  readonly db: Database;
  readonly connection: ConnectionOptions;
  readonly log: Logger;
  /** An order was placed on another replica, or that may have been missed. */
  readonly onPlaced: () => void;
}

/**
 * Tells the replicas of orders which orders have changed, over one connection a replica.
 *
 * Changes are announced after their transaction, not in it: PostgreSQL lets only one transaction that notifies commit at a
 * time, and waits for its disk. What is lost in a crash between the two is found by looking again.
 */
export class OrderFeed {
  readonly #db: Database;
  readonly #log: Logger;
  /** So that a replica knows its own announcements, which it has acted on already. */
  readonly #self = uuidv7();
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #changed = new Set<string>();
  #placed = false;
  #announcing: Promise<void> | undefined;
  /** Announcing goes on when the call that began it has ended: it has no part in that call's deadline. */
  readonly #outsideOfCalls = AsyncLocalStorage.snapshot();
  readonly #close: () => Promise<void>;

  constructor({ db, connection, log, onPlaced }: OrderFeedOptions) {
    this.#db = db;
    this.#log = log;
    this.#close = listen({
      channels: [changedChannel, placedChannel],
      connection,
      log,
      onNotification: (channel, payload) => {
        const [origin, ...ids] = payload.split(',');
        if (origin === this.#self) return;
        if (channel === placedChannel) onPlaced();
        else for (const id of ids) this.#wake(id);
      },
      onConnected: () => {
        onPlaced();
        for (const id of this.#waiting.keys()) this.#wake(id);
      },
    });
  }

  /** Says that an order was placed. Call it after the transaction. */
  placed(): void {
    this.#placed = true;
    this.#announce();
  }

  /** Says that an order has changed. Call it after the transaction. */
  changed(orderId: string): void {
    this.#wake(orderId);
    this.#changed.add(orderId);
    this.#announce();
  }

  /** Waits for changes of an order from now on. Close it. */
  subscribe(orderId: string): Subscription {
    const waiters = this.#waiting.get(orderId) ?? new Set();
    this.#waiting.set(orderId, waiters);
    let next = Promise.withResolvers<void>();
    const wake = () => next.resolve();
    waiters.add(wake);
    return {
      changed: async (maxMs, signal) => {
        signal.throwIfAborted();
        const over = Promise.withResolvers<void>();
        const timer = setTimeout(over.resolve, maxMs);
        const abort = () => over.reject(signal.reason);
        signal.addEventListener('abort', abort, { once: true });
        try {
          await Promise.race([next.promise, over.promise]);
          next = Promise.withResolvers<void>();
        } finally {
          clearTimeout(timer);
          signal.removeEventListener('abort', abort);
        }
      },
      close: () => {
        waiters.delete(wake);
        if (waiters.size === 0 && this.#waiting.get(orderId) === waiters) this.#waiting.delete(orderId);
      },
    };
  }

  /** Sends what is still to be announced and stops listening. */
  async close(): Promise<void> {
    await this.#announcing;
    await this.#close();
  }

  #wake(orderId: string): void {
    for (const wake of this.#waiting.get(orderId) ?? []) wake();
  }

  // One statement at a time: whatever comes up meanwhile goes out together with the next.
  #announce(): void {
    this.#announcing ??= this.#outsideOfCalls(() => this.#announceAll()).finally(() => {
      this.#announcing = undefined;
    });
  }

  async #announceAll(): Promise<void> {
    while (this.#placed || this.#changed.size > 0) {
      const ids = [...this.#changed].slice(0, idsInOne);
      for (const id of ids) this.#changed.delete(id);
      const placed = this.#placed;
      this.#placed = false;
      try {
        await this.#db.query(
          `select case when $1 then pg_notify('${placedChannel}', $2) end,
                  case when $3 <> $2 then pg_notify('${changedChannel}', $3) end`,
          [placed, this.#self, [this.#self, ...ids].join(',')],
        );
      } catch (error) {
        this.#log.warn({ err: error }, 'changes of orders could not be announced; other replicas see them later');
      }
    }
  }
}
