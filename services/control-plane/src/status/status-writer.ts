import { createHash } from 'node:crypto';
import type { Kind } from '@weft/compiler/kinds/kind';
import { apiVersionOf } from '@weft/compiler/kinds/registry';
import { ApiError, type KubernetesApi } from '../kubernetes/api.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { type Condition, conditionChange } from './conditions.ts';

export interface StatusWriterOptions {
  readonly api: KubernetesApi;
  /** The pod's name. */
  readonly replica: string;
  readonly log: { warn(fields: object, message: string): void };
}

/** What an Event says. */
export interface Said {
  readonly type: 'Normal' | 'Warning';
  /** "MeshProblem", "OverrideEnded". */
  readonly reason: string;
  readonly message: string;
}

/** Writes conditions and Events, and only what is not there already. Each method resolves to whether it says now what it should. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  /** Events that were written. */
  readonly #said = new Set<string>();

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** Makes an object of ours say `wanted`, with an Event for each condition that turns. */
  async conditions(kind: Kind, object: KubernetesObject, wanted: readonly Condition[]): Promise<boolean> {
    const change = conditionChange(object, wanted, Date.now());
    if (change === undefined) return true;
    const { namespace, name } = object.metadata;
    const at = namespace === undefined ? '' : `/namespaces/${namespace}`;
    const path = `/apis/${apiVersionOf(kind)}${at}/${kind.plural}/${name}/status`;
    const body = { status: { conditions: change.conditions } };
    if (!(await this.#try({ method: 'PATCH', path, body }, [404]))) return false;
    for (const condition of change.turned) {
      const said = eventOf(condition);
      // The conditions are there: an Event that is refused is not tried again.
      if (said) await this.event(kind, object, said);
    }
    return true;
  }

  /** Writes an Event about an object. */
  async event(
    kind: Kind,
    { metadata: { namespace, name, uid, resourceVersion } }: KubernetesObject,
    { type, reason, message }: Said,
  ): Promise<boolean> {
    if (uid === undefined) return true;
    // The name follows from what is said: another replica, or the next start, does not say it again while the Event is there.
    const mark = createHash('sha256').update(`${uid} ${message}`).digest('hex').slice(0, 16);
    if (this.#said.has(mark)) return true;
    const now = `${new Date().toISOString().slice(0, -5)}Z`;
    // Events of what is in no namespace are here (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/).
    const place = namespace ?? 'default';
    const involved = { apiVersion: apiVersionOf(kind), kind: kind.kind };
    const inNamespace = namespace === undefined ? {} : { namespace };
    const body = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace: place, name: `${name}.${mark}` },
      involvedObject: { ...involved, ...inNamespace, name, uid, resourceVersion },
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
    const isSaid = await this.#try({ method: 'POST', path, body }, [409, 403, 404]);
    if (isSaid) this.#said.add(mark);
    if (this.#said.size > 10_000) this.#said.clear();
    return isSaid;
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
