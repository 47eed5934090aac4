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

/** Whose keys count, beside the caller's. */
export interface KeyOwner {
  /**
   * The end user that the application has authenticated. Keys of two subjects are never the same key. Default: none; then clients
   * outside the mesh are told apart by the address that the gateway saw.
   */
  readonly subject?: string;
}

/**
 * Answers a keyed request whose effect is in this database alone: the answer is stored in the transaction of its effect, so
 * that there is one effect and each repeat, for 24 h and at any replica, gets the same answer. A final error
 * (INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, FAILED_PRECONDITION, OUT_OF_RANGE, UNIMPLEMENTED) is an
 * answer too, without its effect; after any other the request may be made again.
 *
 * `effect` runs again after a serialization failure, so it must have no effect but that of `tx`, and call no other service:
 * for that there is {@link onceAcross}.
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
