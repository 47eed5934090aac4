import {
  create,
  type DescMessage,
  type Message,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import type { Call } from '../current-call.ts';
import type { Database, Transaction } from '../postgres/database.ts';
import { ServiceError } from '../service-error.ts';
import { identify } from './idempotency-key.ts';
import { type Answer, createRecord, readAnswer, storeAnswer } from './key-record.ts';
import type { Once } from './keyed.ts';
import { answerOnce } from './replay.ts';
import { toStoredError } from './stored-error.ts';

/** What separates idempotency keys, besides the caller. */
export interface KeyOwner {
  /**
   * The end user that the application authenticated. Two subjects never share a key. Default: none; then clients outside the mesh are
   * distinguished by the address that the gateway saw.
   */
  readonly subject?: string;
}

/**
 * Answers a keyed request whose only effect is in this database. The answer is stored in the same transaction as the effect, so the effect
 * happens once, and each repeat within 24 h, at any replica, gets the same answer. A final error (INVALID_ARGUMENT, NOT_FOUND,
 * ALREADY_EXISTS, PERMISSION_DENIED, FAILED_PRECONDITION, OUT_OF_RANGE, UNIMPLEMENTED) is also a stored answer, without the effect; after
 * any other error the request may be repeated.
 *
 * `effect` runs again after a serialization failure, so it must have no effect except through `tx`, and must not call other services; use
 * {@link onceAcross} for that.
 *
 * @throws ServiceError ALREADY_EXISTS when the key was used for another request.
 */
export async function once<Desc extends DescMessage>(
  db: Database,
  call: Call,
  request: Message,
  responseSchema: Desc,
  effect: (tx: Transaction) => Promise<MessageInitShape<Desc>>,
  { subject }: KeyOwner = {},
): Promise<Once<MessageShape<Desc>>> {
  const id = identify(call, request, subject);
  const { requestHash } = id;
  return answerOnce(db, id, responseSchema, () =>
    db.transaction(async (tx): Promise<Answer> => {
      const lease = await createRecord(tx, id, 0);
      if (!lease) {
        const answer = await readAnswer(tx, id);
        if (answer) return answer;
        throw new ServiceError(Code.Aborted, `${id.method}: the same request is under way; try again`);
      }
      await tx.query('savepoint effect');
      const answer = await effect(tx).then(
        (response) => ({
          requestHash,
          response: Buffer.from(toBinary(responseSchema, create(responseSchema, response))),
          error: null,
        }),
        async (cause) => {
          const error = toStoredError(cause);
          if (!error) throw cause;
          await tx.query('rollback to savepoint effect');
          return { requestHash, response: null, error };
        },
      );
      await storeAnswer(tx, id, lease.number, answer);
      return answer;
    }),
  );
}
