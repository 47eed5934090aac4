import { createHash } from 'node:crypto';
import type { Kind } from '@weft/compiler/kinds/kind';
import { allKinds, apiVersionOf, kindOfRef, watchesOf } from '@weft/compiler/kinds/registry';
import type { Override } from '@weft/compiler/model/override';
import { problemWords } from '@weft/compiler/model/problem';
import { type ResourceRef, refKey } from '@weft/compiler/model/resource-ref';
import { ApiError, type KubernetesApi } from '../kubernetes/api.ts';
import { type KubernetesObject, refOf } from '../kubernetes/object.ts';
import type { ClusterObjects } from '../sources/kubernetes/cluster-objects.ts';
import { accepted, active, type Condition, conditionChange } from './conditions.ts';
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

interface Said {
  readonly type: 'Normal' | 'Warning';
  /** "MeshProblem", "OverrideEnded". */
  readonly reason: string;
  readonly message: string;
}

/**
 * Says on what a user wrote what became of it: the conditions Accepted and, of an override, Active on resources of ours, with an Event
 * when one of them turns; a Warning Event on resources of others. One replica writes, and only what is not there already.
 */
export class KubernetesStatus {
  readonly #options: KubernetesStatusOptions;
  #problems: readonly DatedProblem[] = [];
  #overrides: readonly Override[] = [];
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
  report(problems: readonly DatedProblem[], overrides: readonly Override[]): void {
    this.#problems = problems;
    this.#overrides = overrides;
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
      const about = new Map<string, { readonly ref: ResourceRef; readonly messages: string[] }>();
      for (const problem of this.#problems) {
        for (const ref of problem.about ?? []) {
          const key = refKey(ref);
          const known = about.get(key);
          if (known) known.messages.push(sentence(problem));
          else about.set(key, { ref, messages: [sentence(problem)] });
        }
      }
      const overrides = new Map(this.#overrides.map((override) => [refKey(override.ref), override]));
      for (const kind of allKinds.filter(({ conditions }) => conditions.length > 0)) {
        for (const object of objectsOf(kind, objects)) {
          const key = refKey(refOf(object));
          const override = kind.conditions.includes('Active') ? overrides.get(key) : undefined;
          const wanted = [accepted(about.get(key)?.messages ?? []), ...(override ? [active(override)] : [])];
          await this.#conditions(kind, object, wanted);
        }
      }
      for (const { ref, messages } of about.values()) {
        const named = kindOfRef(ref);
        const kind = named?.standsFor ? allKinds.find((each) => each.kind === named.standsFor) : named;
        // What is ours says it by its conditions.
        if (kind === undefined || kind.conditions.length > 0) continue;
        const key = ref.namespace === '' ? ref.name : `${ref.namespace}/${ref.name}`;
        const object = watchesOf(kind).flatMap(([name]) => objects[name].get(key) ?? [])[0];
        if (object === undefined) continue;
        for (const message of messages) {
          await this.#event(kind, object, { type: 'Warning', reason: 'MeshProblem', message });
        }
      }
    }
  }

  async #conditions(kind: Kind, object: KubernetesObject, wanted: readonly Condition[]): Promise<void> {
    const change = conditionChange(object, wanted, Date.now());
    if (change === undefined) return;
    const { namespace, name } = object.metadata;
    const at = namespace === undefined ? '' : `/namespaces/${namespace}`;
    const path = `/apis/${apiVersionOf(kind)}${at}/${kind.plural}/${name}/status`;
    const body = { status: { conditions: change.conditions } };
    if (!(await this.#try({ method: 'PATCH', path, body }, [404]))) return;
    for (const condition of change.turned) {
      const said = eventOf(condition);
      if (said) await this.#event(kind, object, said);
    }
  }

  async #event(
    kind: Kind,
    { metadata: { namespace, name, uid, resourceVersion } }: KubernetesObject,
    { type, reason, message }: Said,
  ): Promise<void> {
    if (uid === undefined) return;
    const involved = { apiVersion: apiVersionOf(kind), kind: kind.kind };
    // The name follows from what is said: another replica, or the next start, does not say it again while the Event is there.
    const mark = createHash('sha256').update(`${uid} ${message}`).digest('hex').slice(0, 16);
    if (this.#said.has(mark)) return;
    const now = `${new Date().toISOString().slice(0, -5)}Z`;
    // Events of what is in no namespace are here (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/).
    const place = namespace ?? 'default';
    const body = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace: place, name: `${name}.${mark}` },
      involvedObject: { ...involved, ...(namespace === undefined ? {} : { namespace }), name, uid, resourceVersion },
      type,
      reason,
      message: message.slice(0, 1000),
      source: { component: 'weft-control-plane' },
      reportingComponent: 'weft.dev/control-plane',
      reportingInstance: this.#options.replica,
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    };
    const path = `/api/v1/namespaces/${place}/events`;
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

/** What is told when a condition turns; undefined: that it is well, which nobody waits for. */
function eventOf({ type, status, reason, message }: Condition): Said | undefined {
  if (type === 'Active') {
    return { type: reason === 'Refused' ? 'Warning' : 'Normal', reason: `Override${reason}`, message };
  }
  return status === 'True' ? undefined : { type: 'Warning', reason: 'MeshProblem', message };
}

function objectsOf(kind: Kind, objects: ClusterObjects): KubernetesObject[] {
  return watchesOf(kind).flatMap(([name]) => [...objects[name].values()]);
}

function sentence(problem: DatedProblem): string {
  return `${problem.field ? `${problem.field}: ` : ''}${problemWords(problem)}`;
}
