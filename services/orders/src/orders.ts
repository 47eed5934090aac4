import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import {
  type ConnectionOptions,
  connectionFromEnvironment,
  type Database,
  logger,
  type ServiceImplementation,
} from '@weft/service-kit';
import type { Findings } from './advance-order.ts';
import { LeaseTable } from './lease-table.ts';
import { OrderFeed } from './order-feed.ts';
import { orderService } from './order-service.ts';
import type { OrderStep } from './order-state.ts';
import { type Callees, type GivingUp, OrderSteps } from './order-steps.ts';
import { Runner } from './runner.ts';

/** What orders needs. */
export interface OrdersOptions {
  readonly db: Database;
  readonly callees: Callees;
  /** Of the connection that listens. Default: as the pool's, from the environment. */
  readonly connection?: ConnectionOptions;
  /** How long a replica may be silent before another goes on with its orders. Default: 10 s. */
  readonly leaseMs?: number;
  /** Default: 3 s. */
  readonly renewMs?: number;
  /** Default: 1 s. */
  readonly pollMs?: number;
  /** Orders worked on at once. Default: 32. */
  readonly maxConcurrent?: number;
  /** Default: after 30 s, but not before 3 tries. */
  readonly givingUp?: GivingUp;
}

/** Orders at work: the service to serve, and the runner behind it. */
export interface Orders {
  readonly service: ServiceImplementation;
  /** Lets steps under way end for up to `graceMs`, leaves the rest to other replicas. Default: 3 s. */
  stop(graceMs?: number): Promise<void>;
}

/** Puts a replica of orders together and starts its runner. */
export function startOrders({ db, callees, ...options }: OrdersOptions): Orders {
  const log = logger();
  const leaseMs = options.leaseMs ?? 10_000;
  const givingUp = options.givingUp ?? { afterMs: 30_000, minTries: 3 };
  const wake = () => runner.wake();
  const feed = new OrderFeed({
    db,
    connection: options.connection ?? connectionFromEnvironment(),
    log,
    onPlaced: wake,
  });
  const runner = new Runner<OrderStep, Findings>({
    leases: new LeaseTable(db, { holder: `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`, leaseMs }),
    workflow: new OrderSteps({ db, feed, callees, givingUp, leaseMs }),
    log,
    renewMs: options.renewMs ?? 3_000,
    pollMs: options.pollMs ?? 1_000,
    maxConcurrent: options.maxConcurrent ?? 32,
    backoff: { baseMs: 100, maxMs: 10_000 },
  });
  return {
    service: orderService({ db, feed, payments: callees.payments, onPlaced: wake }),
    async stop(graceMs = 3_000) {
      await runner.stop(graceMs);
      await feed.close();
    },
  };
}
