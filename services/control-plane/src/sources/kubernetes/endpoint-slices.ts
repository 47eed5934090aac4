import type { Collection, Graph, Index } from '@weft/collections';
import { z } from 'zod';
import type { KubernetesObject } from '../../kubernetes/object.ts';
import type { SliceView } from './pod-workload.ts';

const endpointSliceSchema = z.looseObject({
  endpoints: z
    .array(
      z.looseObject({
        conditions: z.looseObject({ ready: z.boolean().nullish() }).nullish(),
        zone: z.string().nullish(),
        targetRef: z
          .looseObject({ kind: z.string().nullish(), namespace: z.string().nullish(), name: z.string().nullish() })
          .nullish(),
      }),
    )
    .nullish(),
});

/** What one EndpointSlice says of one pod. */
export interface SliceEndpoint {
  /** "namespace/name". */
  readonly pod: string;
  readonly ready: boolean;
  readonly zone?: string;
}

/**
 * What EndpointSlices say of pods, by pod. A slice that names a pod of another namespace is not believed: whoever may write slices
 * in one namespace must not take the replicas of others away.
 */
export function sliceEndpoints(graph: Graph, slices: Collection<KubernetesObject>): Index<SliceEndpoint> {
  const endpoints = graph.deriveMany<KubernetesObject, SliceEndpoint>('endpoints of slices', slices, (slice, _, key) =>
    endpointsOf(slice).map((endpoint) => [`${endpoint.pod} ${key}`, endpoint] as const),
  );
  return endpoints.index('by pod', ({ pod }) => [pod]);
}

/** What all slices together say of a pod; undefined when none names it. */
export function sliceView(endpoints: readonly SliceEndpoint[]): SliceView | undefined {
  if (endpoints.length === 0) return undefined;
  const zone = endpoints.find((endpoint) => endpoint.zone !== undefined)?.zone;
  // A Service that publishes what is not ready must not make it ready for others, nor the other way round.
  return { denied: endpoints.every(({ ready }) => !ready), ...(zone === undefined ? {} : { zone }) };
}

function endpointsOf(slice: KubernetesObject): readonly SliceEndpoint[] {
  const read = endpointSliceSchema.safeParse(slice);
  const { namespace } = slice.metadata;
  return (read.success ? (read.data.endpoints ?? []) : []).flatMap(({ conditions, zone, targetRef }) => {
    if (targetRef?.kind !== 'Pod' || !targetRef.name || (targetRef.namespace ?? namespace) !== namespace) return [];
    // Absent counts as ready (discovery.k8s.io/v1).
    const ready = conditions?.ready !== false;
    return [{ pod: `${namespace}/${targetRef.name}`, ready, ...(zone ? { zone } : {}) }];
  });
}
