import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import type { Database } from '../postgres/database.ts';
import { statementLimit, untilOver } from '../postgres/statement-limit.ts';
import { expireRecords } from './expire-records.ts';
import type { RequestIdentity } from './idempotency-key.ts';
import { fly, inFlight } from './in-flight.ts';
import { type Answer, refuseOtherRequest } from './key-record.ts';
import type { Once } from './keyed.ts';
import { fromStoredError } from './stored-error.ts';

/** Waits for this process's own attempt at the key, or makes one; then gives its answer as a handler would. */
export async function answerOnce<Desc extends DescMessage>(
  db: Database,
  id: RequestIdentity,
  schema: Desc,
  attempt: () => Promise<Answer>,
): Promise<Once<MessageShape<Desc>>> {
  const limit = statementLimit(db.schema, undefined);
  expireRecords(db);
  for (;;) {
    const flight = inFlight(db, id);
    if (!flight) return replay(id, schema, await fly(db, id, attempt));
    const answer = await untilOver(flight, limit);
    if (answer) return replay(id, schema, answer);
    limit.throwIfOver();
  }
}

function replay<Desc extends DescMessage>(id: RequestIdentity, schema: Desc, answer: Answer): Once<MessageShape<Desc>> {
  refuseOtherRequest(id, answer.requestHash);
  if (answer.error) throw fromStoredError(answer.error);
  // The mark is in the type alone: this is where such answers come from.
  return fromBinary(schema, answer.response ?? new Uint8Array()) as Once<MessageShape<Desc>>;
}
