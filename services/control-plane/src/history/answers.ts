import { typeUrls } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { AckEvent, NackEvent, SentEvent } from '../xds/delivery-events.ts';
import type { AnswersRecord, Revision } from './revision.ts';
import { RevisionAnswers } from './revision-answers.ts';

/** Nonces that a proxy may leave unanswered before the oldest are no longer waited for. */
const maxOutstanding = 100;
/** Refusals quote resources; this much tells them apart. */
const maxNackLength = 500;
/** How long the answers to a change of endpoints are kept proxy by proxy. */
const quietMs = 60_000;

/** How much is kept proxy by proxy, in memory. */
export interface AnswerLimits {
  /** Revisions. Default: 200. */
  readonly maxDetailed: number;
  /** Answers, of all revisions together. Default: 30,000. */
  readonly maxDetails: number;
}

/**
 * Assigns the answers of proxies to the revisions that they answer. An event costs a few map operations. A revision keeps counts and
 * refusals only once it is old: after a minute if it changed endpoints only, else when there are too many others.
 */
export class Answers {
  readonly #limits: AnswerLimits;
  readonly #revisions = new Map<number, RevisionAnswers>();
  /** Those that still know proxies one by one, oldest first: of the changes of endpoints, and of the others. */
  readonly #detailed = { quiet: new Map<number, number>(), loud: new Set<number>() };
  /** Those with something to be written down. */
  readonly #dirty = new Set<number>();
  /** Changes of endpoints with something to be written down, once all have answered. */
  readonly #resting = new Set<number>();
  /** The revisions that proxies have not answered, by nonce: a stream has each nonce once, whatever its type. */
  readonly #waiting = new Map<WorkloadId, Map<string, number>>();
  #details = 0;

  constructor({ maxDetailed = 200, maxDetails = 30_000 }: Partial<AnswerLimits> = {}) {
    this.#limits = { maxDetailed, maxDetails };
  }

  /** Answers that are kept proxy by proxy. */
  get details(): number {
    return this.#details;
  }

  /** Begins a revision. `isQuiet`: it changes endpoints only. */
  begin(revision: number, isQuiet: boolean, nowMs: number): void {
    this.#revisions.set(revision, new RevisionAnswers(isQuiet));
    const { quiet, loud } = this.#detailed;
    if (isQuiet) quiet.set(revision, nowMs);
    else loud.add(revision);
    for (const [old, sinceMs] of quiet) {
      if (sinceMs > nowMs - quietMs) break;
      this.#summarize(old);
    }
    while (quiet.size + loud.size > this.#limits.maxDetailed) this.#summarize(this.#oldest());
  }

  /** Something of a revision was sent. Certificates belong to none. */
  sent({ workload, typeUrl, nonce }: SentEvent, revision: number): void {
    const answers = this.#revisions.get(revision);
    if (typeUrl === typeUrls.secret || answers === undefined) return;
    let waiting = this.#waiting.get(workload);
    if (waiting === undefined) {
      waiting = new Map();
      this.#waiting.set(workload, waiting);
    }
    waiting.set(nonce, revision);
    const oldest = waiting.size > maxOutstanding ? waiting.keys().next().value : undefined;
    if (oldest !== undefined) waiting.delete(oldest);
    this.#details -= answers.size;
    answers.sent(workload);
    this.#details += answers.size;
    this.#mark(revision);
    this.#trim(revision);
  }

  acked(event: AckEvent): void {
    this.#answered(event, { atMs: event.at });
  }

  nacked(event: NackEvent): void {
    this.#answered(event, { nack: `${event.names.join(', ')}: ${event.message}`.slice(0, maxNackLength) });
  }

  /**
   * Says which proxies hold all that they should, and since when. Whatever was sent to them before has been taken too: their answer
   * went to a stream that broke, or to a process that is gone.
   */
  settle(inSync: ReadonlyMap<WorkloadId, number>): void {
    for (const [revision, answers] of this.#revisions) {
      answers.settle(inSync);
      if (answers.isDirty) this.#mark(revision);
    }
  }

  /** A workload that is gone answers nothing more. */
  gone(workload: WorkloadId): void {
    this.#waiting.delete(workload);
  }

  /** What is known about a revision. */
  of(revision: number): Pick<Revision, 'sent' | 'acknowledged' | 'answers'> {
    return this.#revisions.get(revision)?.answers() ?? { sent: 0, acknowledged: 0, answers: new Map() };
  }

  /**
   * What is new since the last call, to be written down: a change of endpoints once all have answered. `detailed`: everything, proxy by
   * proxy.
   */
  takeDirty(detailed: boolean): AnswersRecord[] {
    for (const revision of this.#resting) {
      if (!detailed && this.#revisions.get(revision)?.isComplete === false) continue;
      this.#resting.delete(revision);
      this.#dirty.add(revision);
    }
    const records = [...this.#dirty].flatMap((revision) => {
      const answers = this.#revisions.get(revision);
      return answers?.isDirty ? answers.takeRecord(revision, detailed) : [];
    });
    this.#dirty.clear();
    return records;
  }

  /** Something is to be written down; `hasUrgent`: of a revision that changed more than endpoints. */
  get hasDirty(): boolean {
    return this.#dirty.size + this.#resting.size > 0;
  }

  get hasUrgent(): boolean {
    return this.#dirty.size > 0;
  }

  /** Takes what an earlier process wrote down. */
  restore(record: AnswersRecord): void {
    const answers = this.#revisions.get(record.n);
    if (answers === undefined) return;
    this.#details -= answers.size;
    answers.restore(record);
    this.#details += answers.size;
    const { quiet, loud } = this.#detailed;
    if (!quiet.has(record.n) && !loud.has(record.n)) this.#summarize(record.n);
    this.#trim(record.n);
  }

  forget(revision: number): void {
    this.#details -= this.#revisions.get(revision)?.size ?? 0;
    this.#revisions.delete(revision);
    this.#detailed.quiet.delete(revision);
    this.#detailed.loud.delete(revision);
    this.#dirty.delete(revision);
    this.#resting.delete(revision);
  }

  #mark(revision: number): void {
    if (this.#detailed.quiet.has(revision)) this.#resting.add(revision);
    else this.#dirty.add(revision);
  }

  #answered(event: AckEvent | NackEvent, answer: { readonly atMs: number } | { readonly nack: string }): void {
    if (event.typeUrl === typeUrls.secret) return;
    const waiting = this.#waiting.get(event.workload);
    const revision = waiting?.get(event.nonce);
    if (revision === undefined) return;
    waiting?.delete(event.nonce);
    const answers = this.#revisions.get(revision);
    answers?.answered(event.workload, answer);
    if (answers?.isDirty) this.#mark(revision);
  }

  /** Summarizes the oldest while there are too many details, but not this one. */
  #trim(revision: number): void {
    while (this.#details > this.#limits.maxDetails) {
      const oldest = this.#oldest();
      if (oldest >= revision) return;
      this.#summarize(oldest);
    }
  }

  #oldest(): number {
    const { quiet, loud } = this.#detailed;
    const [first = Number.POSITIVE_INFINITY] = quiet.keys();
    const [second = Number.POSITIVE_INFINITY] = loud;
    return Math.min(first, second);
  }

  #summarize(revision: number): void {
    const answers = this.#revisions.get(revision);
    this.#details -= answers?.size ?? 0;
    answers?.summarize();
    this.#details += answers?.size ?? 0;
    this.#detailed.quiet.delete(revision);
    this.#detailed.loud.delete(revision);
    if (this.#resting.delete(revision)) this.#dirty.add(revision);
  }
}
