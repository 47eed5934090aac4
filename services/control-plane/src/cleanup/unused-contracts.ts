import { contractHashPattern } from '@weft/compiler/contracts/contract-hash';
import { marks } from '@weft/compiler/pod/marks';
import { z } from 'zod';
import { ApiError, type KubernetesApi } from '../kubernetes/api.ts';
import type { ClusterObjects } from '../kubernetes/cluster-objects.ts';
import { type KubernetesObject, listSchema } from '../kubernetes/object.ts';

export interface UnusedContractsOptions {
  readonly api: KubernetesApi;
  /** Whether this replica removes. All watch, so that another can go on. */
  readonly decides: () => boolean;
  /** All that there is; undefined while that is not known. */
  readonly objects: () => ClusterObjects | undefined;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** How long nobody must have needed a version. Default: 10 minutes. */
  readonly graceMs?: number;
  /** How often it looks. Default: 30 s. */
  readonly everyMs?: number;
  /** Default: Date.now. */
  readonly now?: () => number;
}

/** What may make a pod again, and where: pods of the past come back by a rollback, those of the future by a schedule. */
const templates = [
  ['apps', 'replicasets'],
  ['apps', 'deployments'],
  // What a StatefulSet or a DaemonSet can be rolled back to.
  ['apps', 'controllerrevisions'],
  ['batch', 'cronjobs'],
  ['batch', 'jobs'],
] as const;

/**
 * Removes contract versions from a cluster after their last pod. A version goes when for a while no pod runs it, and nothing in its
 * namespace could make such a pod again: a ReplicaSet that a rollback may return to keeps its version. One that no pod was ever seen
 * to run may be for pods that are still to come, so it goes only when a later version of the same contract is run by now.
 */
export class UnusedContracts {
  readonly #options: UnusedContractsOptions;
  readonly #graceMs: number;
  /** By "namespace/hash": run by a pod since this process began. */
  readonly #served = new Set<string>();
  readonly #unusedSince = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> | undefined;
  #closed = false;

  constructor(options: UnusedContractsOptions) {
    this.#options = options;
    this.#graceMs = options.graceMs ?? 600_000;
    this.#timer = setInterval(() => void this.look(), options.everyMs ?? 30_000).unref();
  }

  /** Looks now. Never rejects: what could not be asked or removed is left for the next time. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#looking;
  }

  async #look(): Promise<void> {
    const objects = this.#options.objects();
    if (objects === undefined || this.#closed) return;
    const now = (this.#options.now ?? Date.now)();
    const running = new Set([...objects.pods.values()].map(versionOf));
    const versions = Map.groupBy([...objects.contracts.values()].filter(isContract), versionOf);
    for (const key of this.#unusedSince.keys()) if (!versions.has(key)) this.#unusedSince.delete(key);
    for (const [key, parts] of versions) {
      if (running.has(key)) {
        this.#served.add(key);
        this.#unusedSince.delete(key);
        continue;
      }
      if (!this.#served.has(key) && !isSuperseded(parts, versions, running)) continue;
      const since = this.#unusedSince.get(key) ?? now;
      this.#unusedSince.set(key, since);
      if (now - since < this.#graceMs || !this.#options.decides()) continue;
      try {
        if (await this.#isNamed(key)) continue;
        for (const part of parts) await this.#remove(part);
        this.#served.delete(key);
        this.#options.log.info({ contract: key }, 'a contract version that nothing runs any more was removed');
      } catch (error) {
        this.#options.log.warn(
          { contract: key, error: String(error) },
          'an unused contract version could not be removed',
        );
      }
    }
  }

  /** Asked anew each time, right before a removal: what is watched may be late. */
  async #isNamed(key: string): Promise<boolean> {
    const [namespace = ''] = key.split('/');
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    if (await this.#some(pods, (pod) => versionOf(withNamespace(pod, namespace)) === key)) return true;
    for (const [group, plural] of templates) {
      const path = `/apis/${group}/v1/namespaces/${namespace}/${plural}`;
      const names = (object: unknown) =>
        templatesOf(object).some((template) => versionOf(withNamespace(template, namespace)) === key);
      if (await this.#some(path, names)) return true;
    }
    return false;
  }

  async #some(path: string, matches: (object: unknown) => boolean): Promise<boolean> {
    let more: string | undefined;
    do {
      const answer = await this.#options.api.call({ path, query: { limit: '200', continue: more } });
      const page = listSchema.parse(answer);
      if ((page.items ?? []).some(matches)) return true;
      more = page.metadata.continue || undefined;
    } while (more !== undefined);
    return false;
  }

  /** Exactly this object: one that has come since in its place stays. */
  async #remove({ metadata: { namespace, name, uid, resourceVersion } }: KubernetesObject): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}/configmaps/${name}`;
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid, resourceVersion } };
    try {
      await this.#options.api.call({ method: 'DELETE', path, body });
    } catch (error) {
      // Gone already.
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
    }
  }
}

const markedSchema = z.looseObject({
  metadata: z
    .looseObject({
      labels: z.record(z.string(), z.string()).nullish(),
      annotations: z.record(z.string(), z.string()).nullish(),
    })
    .nullish(),
});

type Marked = Pick<KubernetesObject['metadata'], 'namespace' | 'labels' | 'annotations'>;

/** "namespace/hash" of what an object runs or holds. */
function versionOf({ metadata }: { readonly metadata: Marked }): string {
  const hash = metadata.labels?.[marks.contract] ?? metadata.annotations?.[marks.contract];
  return `${metadata.namespace}/${hash}`;
}

function withNamespace(value: unknown, namespace: string): { readonly metadata: Marked } {
  const read = markedSchema.safeParse(value);
  return { metadata: { ...(read.success ? read.data.metadata : {}), namespace } };
}

/** The pod templates of an object of one of `templates`. */
function templatesOf(object: unknown): unknown[] {
  const { spec, data }: { spec?: unknown; data?: unknown } = Object(object);
  const { template, jobTemplate }: { template?: unknown; jobTemplate?: unknown } = Object(spec);
  const inside = (value: unknown) => {
    const { spec: own }: { spec?: unknown } = Object(value);
    const { template: found }: { template?: unknown } = Object(own);
    return found;
  };
  return [template, inside(jobTemplate), inside(data)].filter((found) => found !== undefined);
}

/** A ConfigMap that only looks like one by its label is somebody's own. */
function isContract(object: KubernetesObject): boolean {
  const { binaryData, data } = object;
  const isHash = contractHashPattern.test(object.metadata.labels?.[marks.contract] ?? '');
  return isHash && Object.keys(Object(binaryData)).length === 1 && data === undefined;
}

/** A later version of the same contract is run. */
function isSuperseded(
  parts: readonly KubernetesObject[],
  versions: ReadonlyMap<string, readonly KubernetesObject[]>,
  running: ReadonlySet<string>,
): boolean {
  const [own] = parts;
  if (own === undefined) return false;
  return [...versions].some(
    ([key, [other]]) =>
      other !== undefined &&
      running.has(key) &&
      other.metadata.namespace === own.metadata.namespace &&
      fileOf(other) === fileOf(own) &&
      madeMs(other) > madeMs(own),
  );
}

function fileOf({ binaryData }: KubernetesObject): string | undefined {
  return Object.keys(Object(binaryData))[0];
}

function madeMs({ metadata }: KubernetesObject): number {
  return Date.parse(metadata.creationTimestamp ?? '') || 0;
}
