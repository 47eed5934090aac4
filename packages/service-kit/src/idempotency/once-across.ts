import { setTimeout as sleep } from 'node:timers/promises';
import {
  create,
  type DescMessage,
  type Message,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { type Call, runOutsideCalls } from '../current-call.ts';
import type { Database, Transaction } from '../postgres/database.ts';
import { statementLimit, untilOver } from '../postgres/statement-limit.ts';
import { deriveKey, identify, type RequestIdentity } from './idempotency-key.ts';
import {
  type Answer,
  createRecord,
  type Lease,
  readAnswer,
  renew,
  storeAnswer,
  storeState,
  takeOver,
} from './key-record.ts';
import type { Once } from './keyed.ts';
import type { KeyOwner } from './once.ts';
import { answerOnce } from './replay.ts';
import { toStoredError } from './stored-error.ts';

/** A method that calls others. */
export interface AcrossSteps<State, Response> extends KeyOwner {
  /**
   * Decides, in one transaction, what must be the same in every attempt: ids, prices. What it returns is kept as JSON and
   * reaches `work` as JSON gives it back.
   */
  readonly begin: (tx: Transaction) => Promise<State>;
  /**
   * Does the work, with no transaction around it. May be done again, wholly or in part, after a crash, and by another
   * replica: each call onward takes `key(step)` as its idempotency key. `signal` is aborted when the lease was lost.
   */
  readonly work: (state: State, key: (step: string) => string, signal: AbortSignal) => Promise<Response>;
  /** How long after a crash another attempt may take over; renewed while the work goes on. Default: 10 s. */
  readonly leaseMs?: number;
}

/**
 * Answers a keyed request whose handling calls other services. The record is committed as running, with what `begin`
 * decided and a lease; then the work is done; then the answer is stored, if the lease is still held. A repeat waits for that
 * answer within its deadline, or takes the work over when the lease has ended. No connection is held meanwhile. What is
 * stored, and for how long, is as with {@link once}.
 *
 * @throws ServiceError ALREADY_EXISTS when the key was used for another request.
 */
export async function onceAcross<Desc extends DescMessage, State>(
  db: Database,
  call: Call,
  request: Message,
  responseSchema: Desc,
  steps: AcrossSteps<State, MessageInitShape<Desc>>,
): Promise<Once<MessageShape<Desc>>> {
  const id = identify(call, request, steps.subject);
  const { leaseMs = 10_000 } = steps;
  const work = async (lease: Lease, signal: AbortSignal): Promise<Buffer> => {
    const state = lease.state as State; // As `begin` of this method returned it, once through JSON.
    const response = await steps.work(state, (step) => deriveKey(id, step), signal);
    return Buffer.from(toBinary(responseSchema, create(responseSchema, response)));
  };
  return answerOnce(db, id, responseSchema, async () => {
    const limit = statementLimit(db.schema, undefined);
    for (let waitMs = 10; ; waitMs = Math.min(250, waitMs * 2)) {
      const known = await findOrBegin(db, id, leaseMs, steps.begin);
      if ('requestHash' in known) return known;
      if ('number' in known) {
        const answer = await holdLease(db, id, known, leaseMs, (signal) => work(known, signal));
        if (answer) return answer;
      }
      await untilOver(sleep(waitMs * (0.5 + Math.random())), limit);
      limit.throwIfOver();
    }
  });
}

/** The answer, or the lease to work on it, or that somebody else has the lease. */
async function findOrBegin(
  db: Database,
  id: RequestIdentity,
  leaseMs: number,
  begin: (tx: Transaction) => Promise<unknown>,
): Promise<Answer | Lease | { readonly busy: true }> {
  const known = await readAnswer(db, id);
  if (known) return known;
  return db.transaction(async (tx) => {
    const created = await createRecord(tx, id, leaseMs);
    const lease = created ?? (await takeOver(tx, id, leaseMs));
    if (!lease) return (await readAnswer(tx, id)) ?? { busy: true as const };
    // Committed with the record or not at all, so whoever takes over finds it.
    if (!created) return lease;
    await tx.query('savepoint begun');
    try {
      const state: unknown = JSON.parse(JSON.stringify((await begin(tx)) ?? null));
      await storeState(tx, id, lease.number, state);
      return { ...lease, state };
    } catch (cause) {
      const error = toStoredError(cause);
      if (!error) throw cause;
      await tx.query('rollback to savepoint begun');
      const answer: Answer = { requestHash: id.requestHash, response: null, error };
      await storeAnswer(tx, id, lease.number, answer);
      return answer;
    }
  });
}

/**
 * Does the work while renewing the lease, then stores its answer. Undefined when the lease was lost: another holder's answer
 * counts. After an error that a repeat may mend the lease ends at once, for the repeat to take over.
 */
async function holdLease(
  db: Database,
  id: RequestIdentity,
  lease: Lease,
  leaseMs: number,
  work: (signal: AbortSignal) => Promise<Buffer>,
): Promise<Answer | undefined> {
  const lost = new AbortController();
  // All of this goes on when the caller has hung up: the work was done, and its repeat will want to know.
  const renewal = runOutsideCalls(() =>
    setInterval(() => {
      renew(db, id, lease.number, leaseMs).then(
        (kept) => {
          if (!kept) lost.abort(new Error(`${id.method}: another attempt has taken over`));
        },
        // Not reachable: the lease may yet be renewed in time, and if not, the last update tells.
        () => {},
      );
    }, leaseMs / 3).unref(),
  );
  try {
    let answer: Answer;
    try {
      answer = { requestHash: id.requestHash, response: await work(lost.signal), error: null };
    } catch (cause) {
      const error = toStoredError(cause);
      if (!error) throw cause;
      answer = { requestHash: id.requestHash, response: null, error };
    }
    const stored = await runOutsideCalls(() => storeAnswer(db, id, lease.number, answer));
    return stored ? answer : undefined;
  } catch (error) {
    if (lost.signal.aborted) return undefined;
    await runOutsideCalls(() => renew(db, id, lease.number, 0)).catch(() => {});
    throw error;
  } finally {
    clearInterval(renewal);
  }
}
