import type { ContractFact, Facts } from '@weft/compiler/facts/facts';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { Problem } from '@weft/compiler/model/problem';
import type { AckEvent, NackEvent, SentEvent } from '../xds/delivery-events.ts';
import { Answers } from './answers.ts';
import { causesOf, countContractFiles } from './causes.ts';
import { Churn } from './churn.ts';
import { asideProblem, refusalProblem, unreadableProblem } from './history-problems.ts';
import { applyRecord, type HistoryLimits, HistoryStore, type LeftOut } from './history-store.ts';
import { changesBetween, type FactChanges, joinChanges, type PartChange, type PartChanges } from './part-changes.ts';
import { factsOf, type Part, type Parts, partsOf } from './parts.ts';
import type { BaseRecord, Revision, RevisionRecord } from './revision.ts';
import { SetDigest } from './set-digest.ts';
import { WriteTimer } from './write-timer.ts';

export interface HistoryOptions extends Partial<HistoryLimits> {
  readonly directory: string;
  /** All facts of now, as the last turn that was recorded left them. Asked for seldom: it may cost what the mesh does. */
  readonly wholeFacts: () => Facts;
  /** Called when `problems()` is another than before. */
  readonly onProblem?: () => void;
  /** Milliseconds since the epoch. Default: Date.now. */
  readonly now?: () => number;
}

/** What is pushed. */
export interface Pushed {
  /** What the turn did to the facts; all of them are new in the first turn of a process. */
  readonly changes: FactChanges;
  /** `onlyEndpointsChanged` of the same turn. */
  readonly endpointsOnly: boolean;
  /** A cause that the facts do not show: "reverted to 3fa9c1d0b2e4". */
  readonly note?: string;
}

interface Queued extends Pushed {
  readonly number: number;
  readonly atMs: number;
  /** The first configuration of all. */
  readonly isFirst: boolean;
  /** Changes of endpoints that come while it waits join these; absent: they do not. */
  readonly open?: Map<string, PartChange>;
}

/** A record before it says what the revision holds. */
type Unsaid = Pick<BaseRecord, 'n' | 'at' | 'causes' | 'endpoints'>;

/** What is waited for before a write; between two writes; and for the answers of many proxies. */
const batchMs = 20;
const paceMs = 200;
const answersMs = 200;
/** How long changes of endpoints under churn wait for those that follow them. */
const churnMs = 1000;
const retryMs = 5000;

/**
 * Every configuration that was pushed, with its cause and what the proxies answered; at most 1,000 revisions and 64 MiB on disk by
 * default. What is noted costs its caller next to nothing: hashing and writing come later, in batches, and cost what changed. Under
 * churn, the changes of endpoints of a second are one revision. A disk that refuses is a problem in the status and costs history, never
 * a push.
 */
export class History {
  readonly #store: HistoryStore;
  readonly #options: HistoryOptions;
  readonly #limits: HistoryLimits;
  readonly #now: () => number;
  readonly #answers = new Answers();
  readonly #churn = new Churn();
  readonly #timer = new WriteTimer(paceMs, () => void this.#writeInTurn(false));
  /** By number, oldest first. */
  readonly #revisions = new Map<number, Pick<Revision, 'number' | 'id' | 'atMs' | 'causes' | 'endpointsOnly'>>();
  /** What was pushed and not yet looked at. */
  #queue: Queued[] = [];
  #current = 0;
  /** What earlier processes left on disk, until the first turn says what of it still holds. */
  #found: Parts | undefined;
  #begun = false;
  #digest = new SetDigest();
  readonly #contractFiles = new Map<string, number>();
  #unwritten: RevisionRecord[] = [];
  #contracts = new Map<string, ContractFact>();
  #problem: Problem | undefined;
  #leftOut: LeftOut = { unreadable: [] };
  #writing: Promise<void> | undefined;

  private constructor(options: HistoryOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#limits = { maxRevisions: options.maxRevisions ?? 1000, maxBytes: options.maxBytes ?? 64 << 20 };
    this.#store = new HistoryStore(options.directory, this.#limits);
  }

  /** Opens what earlier processes have kept. A directory that cannot be read is a problem, and a history that begins now. */
  static async open(options: HistoryOptions): Promise<History> {
    const history = new History(options);
    try {
      const parts = new Map<string, Part>();
      let sum: string | undefined;
      history.#leftOut = await history.#store.load((record) => {
        if (record.k === 'a') return history.#answers.restore(record);
        applyRecord(parts, record);
        ({ sum } = record);
        if (history.#revisions.has(record.n)) return;
        history.#answers.begin(record.n, record.endpoints, record.at);
        history.#add(record);
      });
      history.#current = [...history.#revisions.keys()].at(-1) ?? 0;
      if (history.#current > 0) {
        history.#found = parts;
        history.#digest = sum === undefined ? SetDigest.of(parts) : new SetDigest(sum);
        countContractFiles(history.#contractFiles, changesBetween(new Map(), parts));
      }
    } catch (error) {
      // Nobody can be told before there is a history; whoever opens it asks for its problems.
      history.#problem = refusalProblem(error);
    }
    return history;
  }

  /** Where revisions and contracts are on disk. */
  get store(): HistoryStore {
    return this.#store;
  }

  /** How many parts were hashed since the start. For tests of what a change costs. */
  get hashed(): number {
    return this.#digest.hashed;
  }

  /** Notes what is about to be pushed. Nothing new, and no note, is no revision. */
  record(pushed: Pushed): void {
    // A turn before the source has said anything is not one in which everything has gone.
    if (!this.#begun && pushed.changes.parts.size === 0) return;
    const isFirst = !this.#begun && this.#found === undefined;
    const { changes, note } = this.#begun ? pushed : this.#begin(pushed);
    if (changes.parts.size === 0 && note === undefined) return;
    const atMs = this.#now();
    for (const { before, after } of changes.parts.values()) {
      if (before?.is === 'workload' && after === undefined) this.#answers.gone(before.value.id);
    }
    const endpointsOnly = pushed.endpointsOnly && note === undefined && isAboutWorkloads(changes.parts);
    const last = this.#queue.at(-1);
    if (endpointsOnly && last?.open) {
      joinChanges(last.open, changes.parts);
      return;
    }
    this.#current++;
    const queued = { ...pushed, changes, endpointsOnly, number: this.#current, atMs, isFirst };
    const open = endpointsOnly && !this.#churn.admits(atMs) ? new Map(changes.parts) : undefined;
    this.#queue.push(open ? { ...queued, changes: { parts: open, contracts: [] }, open } : queued);
    this.#answers.begin(this.#current, endpointsOnly, atMs);
    // A segment begins with a whole revision, which only the last of what waits can be.
    if (this.#store.isNew && !this.#waitsWhole) this.#look();
    this.#timer.set(open ? churnMs : batchMs);
  }

  sent(event: SentEvent): void {
    if (this.#current === 0) return;
    this.#answers.sent(event, this.#current);
    this.#answered();
  }

  acked(event: AckEvent): void {
    this.#answers.acked(event);
    this.#answered();
  }

  nacked(event: NackEvent): void {
    this.#answers.nacked(event);
    this.#answered();
  }

  /** Says which proxies hold all that they should, and since when (milliseconds since the epoch). */
  settle(inSync: ReadonlyMap<WorkloadId, number>): void {
    this.#answers.settle(inSync);
    this.#answered();
  }

  /** Those that are kept, the latest first: at most `limit`, and all or only those that changed more than endpoints. */
  list({ limit = Number.POSITIVE_INFINITY, withoutEndpointsOnly = false } = {}): Revision[] {
    this.#look();
    const latestFirst = [...this.#revisions.values()].reverse();
    const wanted = withoutEndpointsOnly ? latestFirst.filter(({ endpointsOnly }) => !endpointsOnly) : latestFirst;
    return wanted.slice(0, limit).map((revision) => this.#whole(revision));
  }

  /** How many are kept. */
  get size(): number {
    this.#look();
    return this.#revisions.size;
  }

  /** When the oldest revision that is kept was pushed, in epoch milliseconds. */
  get beganMs(): number | undefined {
    this.#look();
    const [oldest] = this.#revisions.values();
    return oldest?.atMs;
  }

  /** The revision that was in force at a time; undefined before the first that is kept. */
  at(atMs: number): Revision | undefined {
    this.#look();
    const found = [...this.#revisions.values()].findLast((revision) => revision.atMs <= atMs);
    return found && this.#whole(found);
  }

  /** The revision whose id begins so, the latest of that content; a sentence when there is none or more than one. */
  find(id: string): Revision | string {
    this.#look();
    const found = [...this.#revisions.values()].filter((revision) => revision.id.startsWith(id)).reverse();
    const [latest] = found;
    if (latest === undefined) return `no revision that is kept begins with ${id}`;
    const ids = [...new Set(found.map((revision) => revision.id))];
    if (ids.length === 1) return this.#whole(latest);
    return `${id} could be ${ids.slice(0, 5).join(', ')}; more digits tell them apart`;
  }

  /** The facts of a revision, read again; undefined when they are not on disk. */
  async factsAt(number: number): Promise<Facts | undefined> {
    await this.flush();
    if (number === this.#current && this.#begun) return this.#options.wholeFacts();
    const parts = await this.#store.partsAt(number).catch(() => undefined);
    return parts && factsOf(parts, await this.#store.descriptorSets(parts));
  }

  /** What keeps history from being written, and what of it was found and not understood. */
  problems(): readonly Problem[] {
    const { aside, unreadable } = this.#leftOut;
    return [
      ...(this.#problem ? [this.#problem] : []),
      ...(aside ? [asideProblem(aside)] : []),
      ...(unreadable.length > 0 ? [unreadableProblem(unreadable)] : []),
    ];
  }

  /** Resolves when all that was noted is on disk, or cannot be. */
  async flush(): Promise<void> {
    await this.#writeInTurn(true);
  }

  async close(): Promise<void> {
    this.#timer.close();
    await this.flush();
    await this.#store.close().catch(() => undefined);
  }

  /** Takes the first turn of a process: what of it is not on disk already. */
  #begin(pushed: Pushed): Pushed {
    this.#begun = true;
    const found = this.#found;
    if (found === undefined) return pushed;
    this.#found = undefined;
    const now = new Map<string, Part>();
    for (const [name, { after }] of pushed.changes.parts) if (after) now.set(name, after);
    const parts = changesBetween(found, now);
    return { ...pushed, changes: { ...pushed.changes, parts }, endpointsOnly: false };
  }

  /** Looks at what was pushed since the last time. */
  #look(): void {
    const queue = this.#queue;
    this.#queue = [];
    for (const [index, { number, changes, endpointsOnly, atMs, note, isFirst }] of queue.entries()) {
      const causes = isFirst ? ['the first configuration'] : causesOf(changes.parts, this.#contractFiles);
      for (const [name, { before, after }] of changes.parts) {
        if (before) this.#digest.remove(name, before);
        if (after) this.#digest.add(name, after);
      }
      countContractFiles(this.#contractFiles, changes.parts);
      // What waits to be written already begins a segment, or goes on with the one that is there.
      const begins = this.#store.wantsFull && !this.#waitsWhole;
      const record = {
        n: number,
        at: atMs,
        causes: [
          ...(note === undefined ? [] : [note]),
          ...(causes.length === 0 && note === undefined ? [churned] : causes),
        ],
        endpoints: endpointsOnly,
      };
      const written =
        begins && !isFirst && index === queue.length - 1
          ? this.#wholeRecord(record)
          : { ...this.#record(record), full: isFirst, ...setAndRemoved(changes.parts) };
      for (const contract of changes.contracts) this.#contracts.set(contract.hash, contract);
      this.#add(written);
      this.#unwritten.push(written);
    }
  }

  /** A whole revision is waiting to be looked at or written. */
  get #waitsWhole(): boolean {
    return this.#queue.some(({ isFirst }) => isFirst) || this.#unwritten.some((waits) => waits.k === 'r' && waits.full);
  }

  #record(record: Unsaid): Omit<BaseRecord, 'full' | 'set' | 'removed'> {
    return { k: 'r', ...record, id: this.#digest.id, sum: this.#digest.text };
  }

  /** A record of all that holds now, which needs nothing of what was written before. */
  #wholeRecord(record: Unsaid): BaseRecord {
    const facts = this.#options.wholeFacts();
    for (const contract of facts.contracts) this.#contracts.set(contract.hash, contract);
    return { ...this.#record(record), full: true, set: Object.fromEntries(partsOf(facts)), removed: [] };
  }

  #add({ n, id, at, causes, endpoints }: BaseRecord): void {
    this.#revisions.set(n, { number: n, id, atMs: at, causes, endpointsOnly: endpoints });
    while (this.#revisions.size > this.#limits.maxRevisions) this.#forget(this.#revisions.keys().next().value ?? 0);
  }

  #forget(number: number): void {
    this.#revisions.delete(number);
    this.#answers.forget(number);
  }

  #whole(revision: Pick<Revision, 'number' | 'id' | 'atMs' | 'causes' | 'endpointsOnly'>): Revision {
    return { ...revision, ...this.#answers.of(revision.number) };
  }

  #answered(): void {
    if (this.#answers.hasUrgent) this.#timer.set(answersMs);
    else if (this.#answers.hasDirty) this.#timer.set(churnMs);
  }

  async #writeInTurn(detailed: boolean): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    this.#writing = this.#write(detailed).finally(() => {
      this.#writing = undefined;
    });
    await this.#writing;
  }

  async #write(detailed: boolean): Promise<void> {
    this.#look();
    const records = [...this.#unwritten, ...this.#answers.takeDirty(detailed)];
    const contracts = [...this.#contracts.values()];
    this.#unwritten = [];
    this.#contracts = new Map();
    if (records.length === 0) return;
    try {
      await this.#store.append(records, contracts);
      const { oldest = 0 } = this.#store;
      for (const number of this.#revisions.keys()) {
        if (number >= oldest) break;
        this.#forget(number);
      }
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
    this.#problem = refusalProblem(error);
    if (before !== this.#problem.message) this.#options.onProblem?.();
  }

  /** Tries later with a whole revision, which needs nothing of what could not be written. */
  #again(): void {
    this.#look();
    const revision = this.#revisions.get(this.#current);
    if (!this.#begun || revision === undefined) return;
    const { number: n, atMs: at, causes, endpointsOnly: endpoints } = revision;
    this.#unwritten = [this.#wholeRecord({ n, at, causes, endpoints })];
    this.#timer.set(retryMs);
  }
}

/** What is said of replicas that came and went before anybody looked. */
const churned = 'replicas came and went';

function isAboutWorkloads(changes: PartChanges): boolean {
  for (const { before, after } of changes.values()) if ((after ?? before)?.is !== 'workload') return false;
  return true;
}

function setAndRemoved(changes: PartChanges): Pick<BaseRecord, 'set' | 'removed'> {
  const set: Record<string, Part> = {};
  const removed: string[] = [];
  for (const [name, { after }] of changes) {
    if (after) set[name] = after;
    else removed.push(name);
  }
  return { set, removed };
}
