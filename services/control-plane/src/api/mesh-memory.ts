import { create } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import {
  ListRevisionsResponseSchema,
  type Pin as PinMessage,
  PinSchema,
  RevertResponseSchema,
  type Revision as RevisionMessage,
  RevisionSchema,
} from '@weft/api/weft/api/v1/mesh';
import { ServiceError } from '@weft/service-kit';
import { grpcCode } from '@weft/service-kit/grpc';
import type { Memory } from '../history/memory.ts';
import type { Pin } from '../history/pin.ts';
import type { Revision } from '../history/revision.ts';
import { checkText } from './api-limits.ts';
import type { MeshMemory } from './mesh-service.ts';

const defaultLimit = 20;

export interface MeshMemoryOptions {
  readonly memory: Memory;
  /** Writes a line that says who did what and why. */
  readonly audit: (fields: object, message: string) => void;
  readonly why: MeshMemory['why'];
}

/** history, why and revert of weft.api.v1. */
export function meshMemory({ memory, audit, why }: MeshMemoryOptions): MeshMemory {
  const { history } = memory;
  return {
    list({ limit, withoutEndpointsOnly }) {
      const revisions = memory.revisions({ limit: limit === 0 ? defaultLimit : limit, withoutEndpointsOnly });
      return create(ListRevisionsResponseSchema, { revisions: revisions.map(revisionMessage), kept: history.size });
    },
    why,
    async revert({ revisionId, clear, why: reason, by }) {
      checkText('why', reason);
      checkText('by', by);
      if (clear === (revisionId !== '')) {
        throw new ServiceError(grpcCode.invalidArgument, 'a revision to go back to, or clear: one of the two');
      }
      if (!clear && !/^[0-9a-f]{4,12}$/.test(revisionId)) {
        throw new ServiceError(grpcCode.invalidArgument, `revision ${revisionId} must be 4 to 12 hex digits of its id`);
      }
      const found = clear ? undefined : history.find(revisionId);
      if (typeof found === 'string') throw new ServiceError(grpcCode.notFound, found);
      const before = memory.pin?.revisionId ?? '';
      try {
        if (found === undefined) await memory.clear({ why: reason });
        else await memory.revert(found, { why: reason, by });
      } catch (cause) {
        const said = cause instanceof Error ? cause.message : String(cause);
        throw new ServiceError(grpcCode.failedPrecondition, `nothing was changed: ${said}`, { cause });
      }
      const to = found?.id ?? '';
      const done = found === undefined ? 'revert ended' : 'contracts and policies reverted';
      audit({ audit: 'revert', by, why: reason, before, revision: to }, done);
      return create(RevertResponseSchema, memory.pin ? { pin: pinMessage(memory.pin) } : {});
    },
  };
}

/** A pin as weft.api.v1 says it. */
export function pinMessage({ revisionId, sinceMs, why, by }: Pin): PinMessage {
  return create(PinSchema, { revisionId, since: timestampFromMs(sinceMs), why, by });
}

/** A revision as weft.api.v1 says it. */
export function revisionMessage(revision: Revision): RevisionMessage {
  const { number, id, atMs, causes, endpointsOnly, sent, acknowledged, answers } = revision;
  return create(RevisionSchema, {
    id,
    number: BigInt(number),
    at: timestampFromMs(atMs),
    causes: [...causes],
    endpointsOnly,
    sent,
    acknowledged,
    answers: [...answers].map(([workload, { acknowledgedAtMs, nack = '' }]) => ({
      workload,
      nack,
      ...(acknowledgedAtMs === undefined ? {} : { acknowledgedAt: timestampFromMs(acknowledgedAtMs) }),
    })),
  });
}

/** The revision that a request's time names, or the latest. Throws a `ServiceError` when history does not reach so far back. */
export function revisionAt(memory: Memory, at: Parameters<typeof timestampMs>[0] | undefined): Revision | undefined {
  if (at === undefined) return memory.revisions({ limit: 1 })[0];
  const atMs = timestampMs(at);
  const found = memory.history.at(atMs);
  if (found !== undefined) return found;
  const { beganMs } = memory.history;
  const begins = beganMs === undefined ? 'is empty' : `begins at ${new Date(beganMs).toISOString()}`;
  throw new ServiceError(grpcCode.notFound, `history ${begins}, after ${new Date(atMs).toISOString()}`);
}
