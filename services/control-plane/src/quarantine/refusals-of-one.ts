import { isProbe } from '@weft/compiler/envoy/listener-probe';
import type { TypeUrl } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { Problem } from '@weft/compiler/model/problem';
import type { Delivery } from '../xds/delivery.ts';
import type { NackEvent } from '../xds/delivery-events.ts';
import { refusalProblem } from './quarantine-problems.ts';

export interface RefusalsOfOneOptions {
  readonly delivery: Pick<Delivery, 'refusedVersion'>;
  /** What resources were made from, for people. */
  readonly source: (names: readonly string[]) => string;
  /** The problems are others than before. */
  readonly onChange: () => void;
  readonly maxRefusals: number;
  readonly maxWords: number;
  /** How often it is looked who has gone. */
  readonly pauseMs: number;
}

/**
 * What proxies refuse of resources that only one service contributes to. Nobody else's changes wait for those, so nothing is set aside: the
 * proxy leaves out what it refused, or keeps what it had.
 */
export class RefusalsOfOne {
  readonly #options: RefusalsOfOneOptions;
  readonly #refused = new Map<
    WorkloadId,
    { readonly typeUrl: TypeUrl; readonly name: string; readonly problem: Problem }
  >();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RefusalsOfOneOptions) {
    this.#options = options;
  }

  problems(): readonly Problem[] {
    return [...this.#refused.values()].map(({ problem }) => problem);
  }

  /** Notes a refusal; of several by one proxy the last. */
  refused({ workload, typeUrl, names, message }: NackEvent): void {
    const { source, maxRefusals, maxWords, pauseMs, onChange } = this.#options;
    const [name] = names;
    if (name === undefined || names.every(isProbe)) return;
    if (!this.#refused.has(workload) && this.#refused.size >= maxRefusals) return;
    const problem = refusalProblem(workload, source(names.slice(0, 3)).slice(0, maxWords), message.slice(0, maxWords));
    this.#refused.set(workload, { typeUrl, name, problem });
    this.#timer ??= setInterval(() => this.#review([...this.#refused.keys()]), pauseMs).unref();
    onChange();
  }

  /** Notes that a proxy has taken something of a type. */
  took(workload: WorkloadId, typeUrl: TypeUrl): void {
    if (this.#refused.get(workload)?.typeUrl === typeUrl) this.#review([workload]);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #review(workloads: readonly WorkloadId[]): void {
    const { size } = this.#refused;
    for (const id of workloads) {
      const known = this.#refused.get(id);
      if (known === undefined) continue;
      if (this.#options.delivery.refusedVersion(id, known.typeUrl, known.name) === undefined) this.#refused.delete(id);
    }
    if (this.#refused.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    if (this.#refused.size !== size) this.#options.onChange();
  }
}
