import { randomBytes } from 'node:crypto';

/** Names the trace of a call in each error answer: a trailer of gRPC, else a header. Not of the mesh's own (x-weft-): it leaves by the edge, too. */
export const traceIdHeader = 'weft-trace-id';

/** The trace of a call with this traceparent; a trace of its own without one, or with one that the W3C's recommendation refuses. */
export function traceIdOf(traceparent: string | null | undefined): string {
  const [, version, id] = /^([0-9a-f]{2})-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(traceparent ?? '') ?? [];
  return id !== undefined && version !== 'ff' && !/^0+$/.test(id) ? id : randomBytes(16).toString('hex');
}
