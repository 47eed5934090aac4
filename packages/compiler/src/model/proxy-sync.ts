/** How far a proxy has taken what it was sent. A refusal outweighs what is only under way. */
export type ProxySync = 'not connected' | 'in sync' | 'behind' | 'refused';

/** What is known of one type of resource at a connected proxy. */
export interface TypeAnswer {
  readonly sentVersion: string;
  /** Absent or empty: it has taken none. */
  readonly ackedVersion?: string;
  /** Absent or empty: it refuses nothing. */
  readonly nack?: string | object;
}

/** Sums up the answers of a proxy, one for each type; undefined: it is not connected. One that was sent nothing yet is behind. */
export function proxySync(answers: Iterable<TypeAnswer> | undefined): ProxySync {
  if (answers === undefined) return 'not connected';
  let some = false;
  let behind = false;
  for (const { sentVersion, ackedVersion, nack } of answers) {
    some = true;
    if (nack) return 'refused';
    behind ||= sentVersion !== ackedVersion;
  }
  return some && !behind ? 'in sync' : 'behind';
}
