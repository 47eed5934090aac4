import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { ProxySync, WhyResponseSchema } from '@weft/api/weft/api/v1/mesh';
import type { Facts } from '@weft/compiler/facts/facts';
import type { Mesh, WorkloadId } from '@weft/compiler/model/mesh';
import type { Workload } from '@weft/compiler/model/workload';
import { assemble } from '@weft/compiler/translation/assemble';
import { explain } from '@weft/compiler/why/explain';
import type { Explanation } from '@weft/compiler/why/explanation';
import { ServiceError } from '@weft/service-kit';
import { grpcCode } from '@weft/service-kit/grpc';
import type { Memory } from '../history/memory.ts';
import type { ProxyState } from '../xds/proxy-state.ts';
import { checkText, PastMeshes } from './api-limits.ts';
import { revisionAt, revisionMessage } from './mesh-memory.ts';
import type { MeshMemory } from './mesh-service.ts';

export interface WhyOptions {
  readonly memory: Memory;
  /** The mesh of now and what it was made of; undefined while it is not known yet. */
  readonly now: () => { readonly mesh: Mesh; readonly facts: Facts } | undefined;
  readonly proxies: () => ReadonlyMap<WorkloadId, ProxyState>;
  readonly certificateNotAfterMs: (workload: Workload) => number;
}

/** why of weft.api.v1: the mesh of now, or that of an earlier time made again from history. */
export function answerWhy({ memory, now, proxies, certificateNotAfterMs }: WhyOptions): MeshMemory['why'] {
  const pastMeshes = new PastMeshes();
  return async ({ caller, method, at }) => {
    checkText('caller', caller);
    checkText('method', method);
    if (caller === '' || method === '') throw new ServiceError(grpcCode.invalidArgument, 'a caller and a method');
    const revision = revisionAt(memory, at);
    const shown = revision === undefined ? {} : { revision: revisionMessage(revision) };
    if (at === undefined) {
      const current = now();
      if (current === undefined) throw new ServiceError(grpcCode.unavailable, 'the mesh is not known yet');
      const live = { proxies: proxies(), certificateNotAfterMs };
      return create(WhyResponseSchema, {
        ...explanationMessage(explain({ ...current, ...live, caller, method })),
        ...shown,
      });
    }
    return pastMeshes.run(async () => {
      const facts = revision && (await memory.history.factsAt(revision.number));
      if (facts === undefined) {
        throw new ServiceError(grpcCode.notFound, `revision ${revision?.id ?? ''} is no longer on disk`);
      }
      const mesh = assemble(facts, timestampMs(at));
      return create(WhyResponseSchema, { ...explanationMessage(explain({ mesh, facts, caller, method })), ...shown });
    });
  };
}

/** An explanation as weft.api.v1 says it. */
function explanationMessage(explanation: Explanation): MessageInitShape<typeof WhyResponseSchema> {
  const { allowed, isUnknown = false, verdict, advice = '', adviceElement, steps } = explanation;
  return {
    allowed,
    unknown: isUnknown,
    verdict,
    advice,
    ...(adviceElement ? { adviceElement } : {}),
    steps: steps.map((step) => ({
      ...step,
      values: step.values.map(({ proxySync, ...value }) => ({
        ...value,
        ...(proxySync === undefined ? {} : { proxySync: proxySyncs[proxySync] }),
      })),
    })),
  };
}

const proxySyncs = {
  'not connected': ProxySync.NOT_CONNECTED,
  'in sync': ProxySync.IN_SYNC,
  behind: ProxySync.BEHIND,
  refused: ProxySync.REFUSED,
} as const;
