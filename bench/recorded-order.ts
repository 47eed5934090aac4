import { randomUUID } from 'node:crypto';
import { uuidv7 } from '@weft/service-kit';
import type pg from 'pg';
import type { LoggedStatement } from './statement-log.ts';

/** Statements that one session ran together: a transaction, or one statement on its own. */
interface Unit {
  readonly role: string;
  readonly statements: readonly LoggedStatement[];
}

/** Everything that one order made the services say to PostgreSQL, in the order in which PostgreSQL heard it. */
export interface RecordedOrder {
  readonly units: readonly Unit[];
  readonly statements: number;
}

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-([47])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** Puts together what was logged while one order was under way; what came after its last trace is not the order's. */
export function recordOrder(logged: readonly LoggedStatement[], isOrders: (text: string) => boolean): RecordedOrder {
  const last = logged.findLastIndex(({ values }) => values.some((value) => value !== null && isOrders(value)));
  // A transaction that the last statement is in goes on to its end.
  const open = logged.findIndex((statement, i) => i >= last && statement.pid === logged[last]?.pid && ends(statement));
  const inTransaction = isInTransaction(logged, last);
  const own = logged.slice(0, (inTransaction && open >= 0 ? open : last) + 1);
  const units: { role: string; statements: LoggedStatement[] }[] = [];
  const running = new Map<string, LoggedStatement[]>();
  for (const statement of own) {
    const unit = running.get(statement.pid);
    if (unit) unit.push(statement);
    else {
      const statements = [statement];
      units.push({ role: statement.role, statements });
      if (begins(statement)) running.set(statement.pid, statements);
    }
    if (ends(statement)) running.delete(statement.pid);
  }
  return { units, statements: own.length };
}

function isInTransaction(logged: readonly LoggedStatement[], index: number): boolean {
  const before = logged.slice(0, index + 1).filter(({ pid }) => pid === logged[index]?.pid);
  const edge = before.findLast((statement) => begins(statement) || ends(statement));
  return edge !== undefined && begins(edge);
}

function begins({ text }: LoggedStatement): boolean {
  return /^\s*(begin|start transaction)\b/i.test(text);
}

function ends({ text }: LoggedStatement): boolean {
  return /^\s*(commit|rollback|end)\b/i.test(text);
}

/** Says it all again, with every UUID replaced by a new one of the same kind, the same for the same throughout the order. */
export async function replayOrder(order: RecordedOrder, pools: ReadonlyMap<string, pg.Pool>): Promise<void> {
  const fresh = new Map<string, string>();
  const renew = (text: string) =>
    text.replace(uuid, (found, version: string) => {
      const known = fresh.get(found);
      if (known !== undefined) return known;
      const made = version === '7' ? uuidv7() : randomUUID();
      fresh.set(found, made);
      return made;
    });
  for (const { role, statements } of order.units) {
    const client = await pools.get(role)?.connect();
    if (client === undefined) throw new Error(`orders: no pool for ${role}`);
    try {
      // Queued at once: the driver sends each when the one before it is answered.
      await Promise.all(
        statements.map(({ text, name, values }) =>
          client.query({
            text,
            ...(name === undefined ? {} : { name }),
            values: values.map((value) => (value === null ? null : renew(value))),
          }),
        ),
      );
      client.release();
    } catch (error) {
      client.release(true);
      throw error;
    }
  }
}
