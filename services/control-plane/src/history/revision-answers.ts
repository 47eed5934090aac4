import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { AnswersRecord, ProxyAnswer } from './revision.ts';

/** What proxies have answered to one revision. One number a proxy, since there are many of both. */
export class RevisionAnswers {
  /** When it took everything, in epoch milliseconds; while it has not, minus the number of answers that it owes. */
  readonly #states = new Map<WorkloadId, number>();
  readonly #nacks = new Map<WorkloadId, string>();
  readonly #others = { sent: 0, acknowledged: 0 };
  /** What no record has yet; of a revision whose records say all, nothing. */
  readonly #dirty = new Set<WorkloadId>();
  #taken = 0;
  #changed = false;
  /** Its records say all that is known each time, and not what is new. */
  #recordsAll: boolean;

  /** `isQuiet`: its records are counts, and name only those proxies that have not taken it. */
  constructor(isQuiet: boolean) {
    this.#recordsAll = isQuiet;
  }

  /** Proxies that it knows one by one. */
  get size(): number {
    return this.#states.size;
  }

  sent(workload: WorkloadId): void {
    const state = this.#states.get(workload) ?? 0;
    this.#set(workload, state > 0 ? -1 : state - 1);
  }

  /** An ACK at `atMs`, or a NACK with Envoy's words. A proxy that is not known one by one any more changes nothing. */
  answered(workload: WorkloadId, answer: { readonly atMs: number } | { readonly nack: string }): void {
    const state = this.#states.get(workload);
    if (state === undefined) return;
    const owed = Math.max(0, -state - 1);
    if ('nack' in answer) this.#nacks.set(workload, answer.nack);
    const hasTaken = owed === 0 && !this.#nacks.has(workload) && 'atMs' in answer;
    this.#set(workload, hasTaken ? answer.atMs : -owed);
  }

  /** Says which proxies hold all that they should, and since when; whatever they owe has been taken, too. */
  settle(inSync: ReadonlyMap<WorkloadId, number>): void {
    if (this.#taken + this.#nacks.size === this.#states.size) return;
    for (const [workload, state] of this.#states) {
      const atMs = inSync.get(workload);
      if (atMs !== undefined && state <= 0 && !this.#nacks.has(workload)) this.#set(workload, atMs);
    }
  }

  /** Keeps the counts and the refusals only. */
  summarize(): void {
    for (const [workload, state] of this.#states) {
      if (this.#nacks.has(workload)) continue;
      this.#others.sent++;
      if (state > 0) this.#others.acknowledged++;
      this.#states.delete(workload);
    }
    this.#taken = 0;
    this.#dirty.clear();
    this.#recordsAll = true;
  }

  /** What is known, as `Revision` gives it. */
  answers(): { sent: number; acknowledged: number; answers: ReadonlyMap<WorkloadId, ProxyAnswer> } {
    const ids = [...this.#states.keys()].sort();
    return {
      sent: this.#others.sent + this.#states.size,
      acknowledged: this.#others.acknowledged + this.#taken,
      answers: new Map(ids.map((id) => [id, this.#answerOf(id)])),
    };
  }

  /** Nobody owes anything. */
  get isComplete(): boolean {
    return this.#taken + this.#nacks.size >= this.#states.size;
  }

  /** Something is not in any record yet. */
  get isDirty(): boolean {
    return this.#changed;
  }

  /** What is to be written now. `detailed`: proxy by proxy, also where counts would do. */
  takeRecord(n: number, detailed: boolean): AnswersRecord {
    const record = this.#record(n, detailed);
    this.#dirty.clear();
    this.#changed = false;
    return record;
  }

  /** Takes what an earlier process wrote down. */
  restore({ answers, others }: AnswersRecord): void {
    if (others) {
      this.#states.clear();
      this.#nacks.clear();
      this.#taken = 0;
      [this.#others.sent, this.#others.acknowledged] = others;
    }
    for (const [workload, atMs, nack] of answers) {
      if (nack === undefined) this.#nacks.delete(workload);
      else this.#nacks.set(workload, nack);
      this.#set(workload, atMs);
    }
    this.#dirty.clear();
    this.#changed = false;
  }

  #record(n: number, detailed: boolean): AnswersRecord {
    if (!this.#recordsAll) return { k: 'a', n, answers: [...this.#dirty].map((workload) => this.#entryOf(workload)) };
    const counted = detailed ? 0 : this.#taken;
    const others = [this.#others.sent + counted, this.#others.acknowledged + counted] as const;
    const named = [...this.#states].filter(([, state]) => detailed || state <= 0);
    return { k: 'a', n, answers: named.map(([workload]) => this.#entryOf(workload)), others };
  }

  #set(workload: WorkloadId, state: number): void {
    if ((this.#states.get(workload) ?? 0) > 0) this.#taken--;
    if (state > 0) this.#taken++;
    this.#states.set(workload, state);
    if (!this.#recordsAll) this.#dirty.add(workload);
    this.#changed = true;
  }

  #answerOf(workload: WorkloadId): ProxyAnswer {
    const state = this.#states.get(workload) ?? 0;
    const nack = this.#nacks.get(workload);
    return { ...(state > 0 ? { acknowledgedAtMs: state } : {}), ...(nack === undefined ? {} : { nack }) };
  }

  #entryOf(workload: WorkloadId): AnswersRecord['answers'][number] {
    const atMs = Math.max(0, this.#states.get(workload) ?? 0);
    const nack = this.#nacks.get(workload);
    return nack === undefined ? [workload, atMs] : [workload, atMs, nack];
  }
}
