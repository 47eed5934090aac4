import { callerName } from '@weft/compiler/model/caller-name';
import type { Mesh, WorkloadId } from '@weft/compiler/model/mesh';
import { partsOfId } from '@weft/compiler/model/names';
import { portAccess } from '@weft/compiler/model/port-access';
import type { Service } from '@weft/compiler/model/service';
import { targetAt, workloadAt } from './at-address.ts';
import { LatestEntries } from './latest-entries.ts';
import { callersLine, policyLine } from './refusal.ts';

/** Calls in plain text that one caller made to one port, since the start. Under strict mTLS they are refused. */
export interface PlainTextCall {
  /** The namespace of what was called. */
  readonly namespace: string;
  /** The service's port ("shop/db:5432"); the workload's own when it is behind none. */
  readonly target: string;
  /** Its logical name or SPIFFE ID; its address when it is not in the mesh. */
  readonly caller: string;
  readonly inMesh: boolean;
  readonly count: number;
  readonly lastAtMs: number;
  /** What lets this caller go on under strict mTLS. */
  readonly advice: string;
}

/** What a proxy tells of one call. */
export interface PlainTextTold {
  readonly callee: WorkloadId;
  /** The callee's own port. */
  readonly port: number;
  /** Where the call came from. */
  readonly address: string;
  /** It was told of before, and is still open. */
  readonly again: boolean;
}

/** Counts calls in plain text by caller and port. Addresses are anybody's to choose, so at most `maxEntries` are kept, the latest. */
export class PlainTextCalls {
  readonly #calls: LatestEntries<PlainTextCall>;

  constructor(maxEntries?: number) {
    this.#calls = new LatestEntries(maxEntries);
  }

  /** Counts one, and returns it; `first` when it is the first of its kind. */
  add(
    mesh: Mesh,
    told: PlainTextTold,
    nowMs: number = Date.now(),
  ): { readonly call: PlainTextCall; readonly first: boolean } {
    const source = workloadAt(mesh, told.address);
    const caller = source ? callerName(mesh, source) : told.address;
    const { target, service, servicePort } = targetAt(mesh, told.callee, told.port);
    const key = `${caller} ${target}`;
    const before = this.#calls.get(key);
    const call: PlainTextCall = {
      namespace: partsOfId(told.callee).namespace,
      target,
      caller,
      inMesh: source !== undefined,
      // One that was open before this control plane began is seen for the first time.
      count: (before?.count ?? 0) + (told.again && before ? 0 : 1),
      lastAtMs: nowMs,
      advice: source ? adviceInMesh(source, caller, service, servicePort) : adviceOutside,
    };
    this.#calls.set(key, call);
    return { call, first: before === undefined };
  }

  /** All that are kept, the latest first. */
  list(): PlainTextCall[] {
    return this.#calls.list();
  }
}

const adviceOutside = 'give it a sidecar, or let it call through the edge';
const pastItsProxy = 'let it call the Service by its name or virtual address, through its sidecar';

/** A caller with a sidecar comes in plain text when its proxy has not heard of the service, which it may not call, or is passed by. */
function adviceInMesh(source: WorkloadId, caller: string, service: Service | undefined, port: number): string {
  if (service === undefined) return 'name the port in a Service of the mesh';
  const access = portAccess(service, port);
  const methods = [...service.methods.values()];
  const permitted =
    access === 'methods'
      ? methods.some(({ callers }) => callers.has(caller))
      : access === 'namespace'
        ? partsOfId(source).namespace === service.namespace
        : access.callers.has(caller);
  if (permitted) return pastItsProxy;
  const [method] = access === 'methods' ? methods : [];
  const line = method ? callersLine(method, caller) : policyLine(service, port, caller);
  if (line !== undefined) return `permit it, as by ${line}`;
  return 'give it a Service of its own, whose name can be permitted';
}
