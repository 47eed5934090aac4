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

interface Told {
  readonly pod: string;
  readonly ready: boolean;
  readonly zone?: string;
}

/** Says what EndpointSlices say of pods, by "namespace/name". A slice is read once. */
export class EndpointSlices {
  readonly #read = new WeakMap<KubernetesObject, readonly Told[]>();

  views(slices: Iterable<KubernetesObject>): ReadonlyMap<string, SliceView> {
    const views = new Map<string, SliceView>();
    for (const slice of slices) {
      for (const { pod, ready, zone } of this.#toldBy(slice)) {
        const known = views.get(pod);
        // A Service that publishes what is not ready must not make it ready for others, nor the other way round.
        const denied = (known?.denied ?? true) && !ready;
        const where = known?.zone ?? zone;
        views.set(pod, { denied, ...(where === undefined ? {} : { zone: where }) });
      }
    }
    return views;
  }

  #toldBy(slice: KubernetesObject): readonly Told[] {
    const known = this.#read.get(slice);
    if (known) return known;
    const read = endpointSliceSchema.safeParse(slice);
    const told = (read.success ? (read.data.endpoints ?? []) : []).flatMap(
      ({ conditions, zone, targetRef }): Told[] => {
        if (targetRef?.kind !== 'Pod' || !targetRef.name) return [];
        const namespace = targetRef.namespace ?? slice.metadata.namespace;
        // Absent counts as ready (discovery.k8s.io/v1).
        const ready = conditions?.ready !== false;
        return [{ pod: `${namespace}/${targetRef.name}`, ready, ...(zone ? { zone } : {}) }];
      },
    );
    this.#read.set(slice, told);
    return told;
  }
}
