import type { ContractFact, Facts } from '@weft/compiler/facts/facts';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { Problem } from '@weft/compiler/model/problem';
import type { AckEvent, NackEvent, SentEvent } from '../xds/delivery-events.ts';
import { Answers } from './answers.ts';
import { changeBetween } from './causes.ts';
import { applyRecord, type HistoryLimits, HistoryStore } from './history-store.ts';
import { factsOf, type Part, type Parts, partsOf, revisionId } from './parts.ts';
import type { BaseRecord, Revision, RevisionRecord } from './revision.ts';
import { segmentFormat } from './segment.ts';
import type { SetAside } from './set-aside.ts';

export interface HistoryOptions extends Partial<HistoryLimits> {
  readonly directory: string;
  /** Called when `problems()` is another than before. */
  readonly onProblem?: () => void;
  /** Milliseconds since the epoch. Default: Date.now. */
  readonly now?: () => number;
}

/** What is waited for before a write, so that the answers of many proxies are one. */
const batchMs = 20;
const retryMs = 5000;
/** Revisions whose answers are kept proxy by proxy in memory. */
const detailed = 200;

/**
 * Every configuration that was pushed, with its cause and what the proxies answered; at most 1,000 revisions and 64 MiB on disk by
 * default. What is noted costs its caller next to nothing: comparing, hashing and writing come later, in batches. A disk that
 * refuses is a problem in the status and costs history, never a push.
 */
export class History {
  readonly #store: HistoryStore;
  readonly #options: HistoryOptions;
  readonly #limits: HistoryLimits;
  readonly #answers = new Answers();
  /** By number, oldest first. */
  readonly #revisions = new Map<number, Pick<Revision, 'number' | 'id' | 'atMs' | 'causes' | 'endpointsOnly'>>();
  /** Facts that were pushed and not yet looked at. */
  #queue: { readonly number: number; readonly facts: Facts; readonly atMs: number; readonly note?: string }[] = [];
  #current = 0;
  #currentFacts: Facts | undefined;
  #parts: Parts | undefined;
  #unwritten: RevisionRecord[] = [];
  #contracts = new Map<string, ContractFact>();
  #problem: Problem | undefined;
  #aside: SetAside | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #closed = false;

  private constructor(options: HistoryOptions) {
    this.#options = options;
    this.#limits = { maxRevisions: options.maxRevisions ?? 1000, maxBytes: options.maxBytes ?? 64 << 20 };
    this.#store = new HistoryStore(options.directory, this.#limits);
  }

  /** Opens what earlier processes have kept. A directory that cannot be read is a problem, and a history that begins now. */
  static async open(options: HistoryOptions): Promise<History> {
    const history = new History(options);
    try {
      const parts = new Map<string, Part>();
      const { records, aside } = await history.#store.load();
      history.#aside = aside;
      for (const record of records) {
        if (record.k === 'a') {
          if (history.#revisions.has(record.n)) history.#answers.restore(record);
          continue;
        }
        applyRecord(parts, record);
        if (!history.#revisions.has(record.n)) history.#add(record);
        history.#parts = parts;
      }
      history.#current = [...history.#revisions.keys()].at(-1) ?? 0;
    } catch (error) {
      // Nobody can be told before there is a history; whoever opens it asks for its problems.
      history.#problem = refusal(error);
    }
    return history;
  }

  /** Where revisions and contracts are on disk. */
  get store(): HistoryStore {
    return this.#store;
  }

  /**
   * Notes that a configuration is about to be pushed. Facts that differ only in their problems are none. `note` is a cause that the
   * facts do not show ("reverted to 3fa9c1d0b2e4").
   */
  record(facts: Facts, note?: string): void {
    const before = this.#currentFacts;
    this.#currentFacts = facts;
    if (before !== undefined && sameConfiguration(before, facts) && note === undefined) return;
    this.#current++;
    const atMs = (this.#options.now ?? Date.now)();
    this.#queue.push({ number: this.#current, facts, atMs, ...(note === undefined ? {} : { note }) });
    // After a restart the first facts are most often those that were there before: no new revision then.
    if (before === undefined) this.#digest();
    this.#schedule(batchMs);
  }

  sent(event: SentEvent): void {
    if (this.#current === 0) return;
    this.#answers.sent(event, this.#current);
    this.#schedule(batchMs);
  }

  acked(event: AckEvent): void {
    this.#answers.acked(event);
    this.#schedule(batchMs);
  }

  nacked(event: NackEvent): void {
    this.#answers.nacked(event);
    this.#schedule(batchMs);
  }

  /** Says which proxies hold all that they should, and since when (milliseconds since the epoch). */
  settle(inSync: ReadonlyMap<WorkloadId, number>): void {
    this.#answers.settle(inSync);
    if (this.#answers.hasDirty) this.#schedule(batchMs);
  }

  /** All that are kept, the latest first. */
  list(): Revision[] {
    this.#digest();
    return [...this.#revisions.values()]
      .reverse()
      .map((revision) => ({ ...revision, ...this.#answers.of(revision.number) }));
  }

  /** The revision that was in force at a time; undefined before the first that is kept. */
  at(atMs: number): Revision | undefined {
    return this.list().find((revision) => revision.atMs <= atMs);
  }

  /** The revision whose id begins so, the latest of that content; a sentence when there is none or more than one. */
  find(id: string): Revision | string {
    const found = this.list().filter((revision) => revision.id.startsWith(id));
    const [latest] = found;
    if (latest === undefined) return `no revision that is kept begins with ${id}`;
    const ids = [...new Set(found.map((revision) => revision.id))];
    return ids.length === 1 ? latest : `${id} could be ${ids.slice(0, 5).join(', ')}; more digits tell them apart`;
  }

  /** The facts of a revision, read again; undefined when they are not on disk. */
  async factsAt(number: number): Promise<Facts | undefined> {
    await this.flush();
    if (number === this.#current && this.#currentFacts !== undefined) return this.#currentFacts;
    const parts = await this.#store.partsAt(number).catch(() => undefined);
    return parts && factsOf(parts, await this.#store.descriptorSets(parts));
  }

  /** What keeps history from being written, and what of it was found and not understood. */
  problems(): readonly Problem[] {
    return [...(this.#problem ? [this.#problem] : []), ...(this.#aside ? [asideProblem(this.#aside)] : [])];
  }

  /** Resolves when all that was noted is on disk, or cannot be. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined;
    });
    await this.#writing;
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.flush();
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#store.close().catch(() => undefined);
  }

  #schedule(afterMs: number): void {
    if (this.#timer !== undefined || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.flush();
    }, afterMs);
    this.#timer.unref();
  }

  /** Looks at what was pushed since the last time. */
  #digest(): void {
    const queue = this.#queue;
    this.#queue = [];
    for (const { number, facts, atMs, note } of queue) {
      const parts = partsOf(facts);
      const change = changeBetween(this.#parts, parts);
      if (change === undefined && note === undefined) {
        // Nothing else has been pushed yet: this happens to the first facts of a process only.
        if (number === this.#current && this.#revisions.size > 0) this.#current--;
        this.#parts = parts;
        continue;
      }
      // What waits to be written already begins a segment, or goes on with the one that is there.
      const waiting = this.#unwritten.some((waits) => waits.k === 'r' && waits.full);
      const full = this.#parts === undefined || (!waiting && this.#store.wantsFull);
      const record: BaseRecord = {
        k: 'r',
        n: number,
        id: revisionId(parts),
        at: atMs,
        causes: [...(note === undefined ? [] : [note]), ...(change?.causes ?? [])],
        endpoints: note === undefined && (change?.endpointsOnly ?? false),
        full,
        set: Object.fromEntries(full ? parts : (change?.set ?? [])),
        removed: full ? [] : (change?.removed ?? []),
      };
      this.#parts = parts;
      for (const contract of facts.contracts) this.#contracts.set(contract.hash, contract);
      this.#add(record);
      this.#unwritten.push(record);
    }
  }

  #add({ n, id, at, causes, endpoints }: BaseRecord): void {
    this.#revisions.set(n, { number: n, id, atMs: at, causes, endpointsOnly: endpoints });
    if (this.#revisions.has(n - detailed)) this.#answers.summarize(n - detailed);
    while (this.#revisions.size > this.#limits.maxRevisions) this.#forget(this.#revisions.keys().next().value ?? 0);
  }

  #forget(number: number): void {
    this.#revisions.delete(number);
    this.#answers.forget(number);
  }

  async #write(): Promise<void> {
    this.#digest();
    const records = [...this.#unwritten, ...this.#answers.takeDirty()];
    const contracts = [...this.#contracts.values()];
    this.#unwritten = [];
    this.#contracts = new Map();
    if (records.length === 0) return;
    try {
      await this.#store.append(records, contracts);
      const [oldest = 0] = [...this.#store.numbers()].sort((a, b) => a - b);
      for (const number of [...this.#revisions.keys()]) if (number < oldest) this.#forget(number);
      if (this.#problem === undefined) return;
      this.#problem = undefined;
      this.#options.onProblem?.();
    } catch (error) {
      this.#refused(error);
      this.#again();
    }
  }

  #refused(error: unknown): void {
    const before = this.#problem?.message;
    this.#problem = refusal(error);
    if (before !== this.#problem.message) this.#options.onProblem?.();
  }

  /** Tries later with a whole revision, which needs nothing of what could not be written. */
  #again(): void {
    const facts = this.#currentFacts;
    const revision = this.#revisions.get(this.#current);
    if (this.#parts === undefined || facts === undefined || revision === undefined) return;
    const { number: n, id, atMs: at, causes, endpointsOnly: endpoints } = revision;
    const set = Object.fromEntries(this.#parts);
    this.#unwritten = [{ k: 'r', n, id, at, causes, endpoints, full: true, set, removed: [] }];
    for (const contract of facts.contracts) this.#contracts.set(contract.hash, contract);
    this.#schedule(retryMs);
  }
}

/** What a disk that does not take history is to its users. */
function refusal(error: unknown): Problem {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return {
    resource: 'the state directory',
    field: 'history',
    message: `history cannot be kept (${code}); the mesh is served without it`,
    advice: code === 'ENOSPC' ? 'free space' : 'free space and the right to write',
  };
}

function asideProblem({ directory, formats }: SetAside): Problem {
  return {
    resource: 'the state directory',
    field: 'history',
    message: `another version of the control plane has kept history in format ${formats.join(', ')}, and this one knows format ${segmentFormat}; it lies untouched in history/${directory}`,
    advice: 'that version, with its segments and objects back in history/, reads it again',
  };
}

/** Facts share what did not change. What could not be read is no configuration. */
function sameConfiguration({ problems: _, ...a }: Facts, { problems: __, ...b }: Facts): boolean {
  const before = new Map<string, unknown>(Object.entries(a));
  return Object.entries(b).every(([key, value]) => before.get(key) === value);
}
