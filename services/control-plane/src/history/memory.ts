import type { Change } from '@weft/collections';
import { isProbe } from '@weft/compiler/envoy/listener-probe';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { Override } from '@weft/compiler/model/override';
import type { Problem } from '@weft/compiler/model/problem';
import { proxySync } from '@weft/compiler/model/proxy-sync';
import type { Delivery } from '../xds/delivery.ts';
import { History, type HistoryOptions, type Pushed } from './history.ts';
import { type Pin, pinOf } from './pin.ts';
import { PinFile } from './pin-file.ts';
import type { PinStore } from './pin-store.ts';
import type { Revision } from './revision.ts';

/** What a turn did, as far as memory keeps it. */
export interface Turned extends Pick<Pushed, 'changes' | 'endpointsOnly'> {
  readonly overrides: ReadonlyMap<string, Change<Override>>;
}

export interface MemoryOptions extends Omit<HistoryOptions, 'onProblem'> {
  /** Where the pin is kept. Default: in a file beside the history. */
  readonly pins?: PinStore;
  /** Called with all of `problems()` when they are others. */
  readonly onProblems?: (problems: readonly Problem[]) => void;
  /** Called when a revert begins or ends, here or at another replica: the facts of now give another mesh. */
  readonly onPin?: (pin: Pin | undefined) => void;
}

/** What the mesh remembers: the revisions that were pushed, and the one that it is held at, if any. */
export class Memory {
  readonly history: History;
  readonly #options: MemoryOptions;
  readonly #pins: PinStore;
  #pin: Pin | undefined;
  #pinProblem: Problem | undefined;
  /** A cause of the next revision that its facts do not show. */
  #note: string | undefined;
  #delivery: Pick<Delivery, 'proxies'> | undefined;

  private constructor(options: MemoryOptions, history: History) {
    this.#options = options;
    this.history = history;
    this.#pins = options.pins ?? new PinFile(options.directory, history.store);
  }

  /** Opens it. What cannot be read is a problem and stops nothing. */
  static async open(options: MemoryOptions): Promise<Memory> {
    const memory: Memory = new Memory(options, await History.open({ ...options, onProblem: () => memory.#told() }));
    try {
      memory.#pin = await memory.#pins.load();
    } catch {
      memory.#pinProblem = {
        ...memory.#pins.place,
        message:
          'the revision that the mesh was held at cannot be read; contracts and policies are what their sources say',
        advice: 'weft revert to that revision, or weft revert --clear',
      };
    }
    memory.#pins.onKept?.((pin) => memory.#kept(pin));
    return memory;
  }

  /** The pin that holds. */
  get pin(): Pin | undefined {
    return this.#pin;
  }

  /** Notes what is about to be pushed. */
  record({ changes, overrides, endpointsOnly }: Turned): void {
    const turned = changes.parts.size === 0 ? turnedOverrides(overrides) : '';
    const note = [this.#note ?? '', turned].filter((text) => text !== '').join('; ');
    this.#note = undefined;
    this.history.record({ changes, endpointsOnly, ...(note === '' ? {} : { note }) });
  }

  /** Revisions that are kept, the latest first. */
  revisions(which?: Parameters<History['list']>[0]): Revision[] {
    this.history.settle(inSync(this.#delivery?.proxies() ?? new Map()));
    return this.history.list(which);
  }

  /** Takes what delivery says about its proxies. */
  listen(delivery: Pick<Delivery, 'onSent' | 'onAck' | 'onNack' | 'proxies'>): void {
    this.#delivery = delivery;
    delivery.onSent((event) => this.history.sent(event));
    delivery.onAck((event) => this.history.acked(event));
    // A probe is there to be refused, and belongs to no revision.
    delivery.onNack((event) => event.names.every(isProbe) || this.history.nacked(event));
  }

  /** Holds contracts and policies at a revision. Rejects when the revision is not on disk or the pin cannot be kept there. */
  async revert(revision: { number: number; id: string }, reason: { why: string; by: string }): Promise<Pin> {
    const facts = await this.history.factsAt(revision.number);
    if (facts === undefined) throw new Error(`revision ${revision.id} is no longer on disk`);
    const pin = pinOf(facts, { revisionId: revision.id, sinceMs: Date.now(), ...reason });
    await this.#pins.save(pin);
    this.#kept(pin);
    return pin;
  }

  /** Ends the pin. Rejects when that cannot be kept on disk. */
  async clear(reason: { why: string }): Promise<void> {
    await this.#pins.save(undefined);
    this.#hold(undefined, `revert ended${reason.why === '' ? '' : `: ${reason.why}`}`);
  }

  problems(): readonly Problem[] {
    return [...this.history.problems(), ...(this.#pinProblem ? [this.#pinProblem] : [])];
  }

  /** Resolves when all is on disk, or cannot be. */
  async close(): Promise<void> {
    await this.history.close();
  }

  #kept(pin: Pin | undefined): void {
    if (pin === undefined) {
      if (this.#pin !== undefined) this.#hold(undefined, 'revert ended');
    } else if (pin.revisionId !== this.#pin?.revisionId || pin.sinceMs !== this.#pin.sinceMs) {
      this.#hold(pin, `reverted to ${pin.revisionId}${pin.why === '' ? '' : `: ${pin.why}`}`);
    }
  }

  #hold(pin: Pin | undefined, note: string): void {
    this.#pin = pin;
    this.#pinProblem = undefined;
    this.#note = note;
    this.#told();
    this.#options.onPin?.(pin);
  }

  #told(): void {
    this.#options.onProblems?.(this.problems());
  }
}

/** What time alone has changed. */
function turnedOverrides(overrides: Turned['overrides']): string {
  return [...overrides.values()]
    .flatMap(({ before, after }) => (after && before?.state !== after.state ? after : []))
    .map(({ id, state }) => `MeshOverride ${id} ${state}`)
    .join(', ');
}

/** The proxies that have taken all that they were sent, and when they had. */
function inSync(proxies: ReturnType<Delivery['proxies']>): Map<WorkloadId, number> {
  const found = new Map<WorkloadId, number>();
  for (const [id, { types, connectedAt }] of proxies) {
    if (proxySync(types.values()) !== 'in sync') continue;
    found.set(id, Math.max(connectedAt, ...[...types.values()].map(({ ackedAt = 0 }) => ackedAt)));
  }
  return found;
}
