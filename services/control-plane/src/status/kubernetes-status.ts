import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ApiError, type KubernetesApi } from '../kubernetes/api.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import type { ClusterObjects } from '../sources/kubernetes/cluster-objects.ts';
import type { DatedProblem } from './problem-log.ts';

export interface KubernetesStatusOptions {
  readonly api: KubernetesApi;
  /** The pod's name. */
  readonly replica: string;
  /** Whether this replica writes. */
  readonly decides: () => boolean;
  readonly objects: () => ClusterObjects | undefined;
  readonly log: { warn(fields: object, message: string): void };
}

/** Kinds of weft.dev/v1 that have conditions, and where they are written. */
const conditioned = {
  MeshPolicy: { plural: 'meshpolicies', objects: 'meshPolicies' },
  MeshOverride: { plural: 'meshoverrides', objects: 'meshOverrides' },
  MeshConfig: { plural: 'meshconfigs', objects: 'meshConfigs' },
  Gateway: { plural: 'gateways', objects: 'gateways' },
  ExternalService: { plural: 'externalservices', objects: 'externalServices' },
} as const;

/** Kinds that are not ours: what is wrong with them is an Event. A Workload is its pod. */
const evented: Readonly<Record<string, { apiVersion: string; kind: string }>> = {
  Service: { apiVersion: 'v1', kind: 'Service' },
  ConfigMap: { apiVersion: 'v1', kind: 'ConfigMap' },
  Pod: { apiVersion: 'v1', kind: 'Pod' },
  Workload: { apiVersion: 'v1', kind: 'Pod' },
};

const conditionsSchema = z.looseObject({
  status: z
    .looseObject({
      conditions: z
        .array(
          z.looseObject({
            type: z.string(),
            status: z.string(),
            message: z.string().nullish(),
            observedGeneration: z.number().nullish(),
          }),
        )
        .nullish(),
    })
    .nullish(),
  metadata: z.looseObject({ generation: z.number().nullish() }),
});

/**
 * Says on what a user wrote what became of it: the condition Accepted on resources of ours, a Warning Event on those of others. One
 * replica writes, and only what is not there already.
 */
export class KubernetesStatus {
  readonly #options: KubernetesStatusOptions;
  #problems: readonly DatedProblem[] = [];
  #known = false;
  #writing: Promise<void> | undefined;
  #again = false;
  #closed = false;
  /** Events that were written. */
  readonly #said = new Set<string>();

  constructor(options: KubernetesStatusOptions) {
    this.#options = options;
  }

  /** Takes what there is to say. */
  report(problems: readonly DatedProblem[]): void {
    this.#problems = problems;
    this.#known = true;
    this.look();
  }

  /** Looks whether something is to be written, after objects changed. */
  look(): void {
    if (this.#closed || !this.#known || !this.#options.decides()) return;
    this.#again = true;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#writing;
  }

  async #write(): Promise<void> {
    // What comes together is said together, and none of it is urgent.
    await new Promise((resolve) => setTimeout(resolve, 200).unref());
    while (this.#again && !this.#closed) {
      this.#again = false;
      const objects = this.#options.objects();
      if (objects === undefined) return;
      const about = new Map<string, string[]>();
      for (const problem of this.#problems) {
        for (const resource of resourcesOf(problem.resource)) {
          about.set(resource, [...(about.get(resource) ?? []), sentence(problem)]);
        }
      }
      for (const [kind, { plural, objects: name }] of Object.entries(conditioned)) {
        for (const [key, object] of objects[name]) {
          await this.#condition(plural, object, about.get(`${kind} ${key}`) ?? []);
        }
      }
      for (const [resource, messages] of about) {
        for (const message of messages) await this.#event(resource, message, objects);
      }
    }
  }

  async #condition(plural: string, object: KubernetesObject, messages: readonly string[]): Promise<void> {
    const read = conditionsSchema.safeParse(object);
    if (!read.success) return;
    const { namespace, name } = object.metadata;
    const observedGeneration = read.data.metadata.generation ?? 0;
    const conditions = read.data.status?.conditions ?? [];
    const known = conditions.find(({ type }) => type === 'Accepted');
    const status = messages.length === 0 ? 'True' : 'False';
    const message = messages.join('\n').slice(0, 32_000);
    if (
      known?.status === status &&
      (known.message ?? '') === message &&
      known.observedGeneration === observedGeneration
    ) {
      return;
    }
    const changed = known?.status !== status;
    const fresh = {
      ...known,
      type: 'Accepted',
      status,
      reason: messages.length === 0 ? 'Accepted' : 'Problems',
      message,
      observedGeneration,
      lastTransitionTime: changed ? `${new Date().toISOString().slice(0, -5)}Z` : Object(known).lastTransitionTime,
    };
    const others = conditions.filter(({ type }) => type !== 'Accepted');
    const at = namespace === undefined ? '' : `/namespaces/${namespace}`;
    const path = `/apis/weft.dev/v1${at}/${plural}/${name}/status`;
    await this.#try({ method: 'PATCH', path, body: { status: { conditions: [...others, fresh] } } }, [404]);
  }

  async #event(resource: string, message: string, objects: ClusterObjects): Promise<void> {
    const [kind = '', key = ''] = resource.split(' ');
    const [namespace, name] = key.split('/');
    const involved = evented[kind];
    if (involved === undefined || namespace === undefined || name === undefined) return;
    const maps = { Service: objects.services, ConfigMap: objects.contracts, Pod: objects.pods };
    const object = Object.entries(maps)
      .find(([of]) => of === involved.kind)?.[1]
      .get(key);
    const uid = object?.metadata.uid;
    if (uid === undefined) return;
    // The name follows from what is said: another replica, or the next start, does not say it again while the Event is there.
    const mark = createHash('sha256').update(`${uid} ${message}`).digest('hex').slice(0, 16);
    if (this.#said.has(mark)) return;
    const now = `${new Date().toISOString().slice(0, -5)}Z`;
    const body = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace, name: `${name}.${mark}` },
      involvedObject: { ...involved, namespace, name, uid, resourceVersion: object?.metadata.resourceVersion },
      type: 'Warning',
      reason: 'MeshProblem',
      message: message.slice(0, 1000),
      source: { component: 'weft-control-plane' },
      reportingComponent: 'weft.dev/control-plane',
      reportingInstance: this.#options.replica,
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    };
    const path = `/api/v1/namespaces/${namespace}/events`;
    // 409: said already. 403, 404: the namespace ends.
    if (await this.#try({ method: 'POST', path, body }, [409, 403, 404])) this.#said.add(mark);
    if (this.#said.size > 10_000) this.#said.clear();
  }

  async #try(request: { method: 'POST' | 'PATCH'; path: string; body: unknown }, harmless: readonly number[]) {
    try {
      await this.#options.api.call(request);
      return true;
    } catch (error) {
      if (error instanceof ApiError && harmless.includes(error.status)) return true;
      this.#options.log.warn({ path: request.path, error: String(error) }, 'a status could not be written');
      return false;
    }
  }
}

/** "Service shop/a, Service shop/b" names two; what stands in brackets behind is where it was read. */
function resourcesOf(text: string): string[] {
  return [...text.matchAll(/\b([A-Z][A-Za-z]+) ([a-z0-9][-a-z0-9.]*(?:\/[a-z0-9][-a-z0-9.]*)?)/g)].map(
    ([, kind, key]) => `${kind} ${key}`,
  );
}

function sentence({ field, message, advice }: DatedProblem): string {
  return `${field ? `${field}: ` : ''}${message}${advice ? `; right would be: ${advice}` : ''}`;
}
