import { typeUrls } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { AckEvent, NackEvent, SentEvent } from '../xds/delivery-events.ts';
import type { AnswersRecord, ProxyAnswer } from './revision.ts';

interface Counted {
  outstanding: number;
  acknowledgedAtMs: number | undefined;
  nack: string | undefined;
}

/** What proxies have answered to one revision. */
class RevisionAnswers {
  readonly byWorkload = new Map<WorkloadId, Counted>();
  /** Of those that are no longer in `byWorkload`. */
  forgotten = { sent: 0, acknowledged: 0 };
  readonly dirty = new Set<WorkloadId>();
}

/** Nonces that a proxy may leave unanswered before the oldest are no longer waited for. */
const maxOutstanding = 100;
/** Refusals quote resources; this much tells them apart. */
const maxNackLength = 500;

/** Puts the answers of proxies to the revisions that they answer. Costs a few map entries for each event, nothing else. */
export class Answers {
  readonly #revisions = new Map<number, RevisionAnswers>();
  /** The revisions that proxies have not answered, by nonce: a stream has each nonce once, whatever its type. */
  readonly #waiting = new Map<WorkloadId, Map<string, number>>();

  /** Something of a revision was sent. Certificates belong to none. */
  sent({ workload, typeUrl, nonce }: SentEvent, revision: number): void {
    if (typeUrl === typeUrls.secret) return;
    let waiting = this.#waiting.get(workload);
    if (waiting === undefined) {
      waiting = new Map();
      this.#waiting.set(workload, waiting);
    }
    waiting.set(nonce, revision);
    const oldest = waiting.size > maxOutstanding ? waiting.keys().next().value : undefined;
    if (oldest !== undefined) waiting.delete(oldest);
    const answers = this.#of(revision);
    let counted = answers.byWorkload.get(workload);
    if (counted === undefined) {
      counted = { outstanding: 0, acknowledgedAtMs: undefined, nack: undefined };
      answers.byWorkload.set(workload, counted);
    }
    counted.outstanding++;
    counted.acknowledgedAtMs = undefined;
    answers.dirty.add(workload);
  }

  acked(event: AckEvent): void {
    this.#answered(event, (counted) => {
      if (counted.outstanding === 0 && counted.nack === undefined) counted.acknowledgedAtMs = event.at;
    });
  }

  nacked(event: NackEvent): void {
    this.#answered(event, (counted) => {
      counted.nack = `${event.names.join(', ')}: ${event.message}`.slice(0, maxNackLength);
      counted.acknowledgedAtMs = undefined;
    });
  }

  /**
   * Says which proxies hold all that they should, and since when. Whatever was sent to them before has been taken too: their answer
   * went to a stream that broke, or to a process that is gone.
   */
  settle(inSync: ReadonlyMap<WorkloadId, number>): void {
    for (const { byWorkload, dirty } of this.#revisions.values()) {
      for (const [workload, counted] of byWorkload) {
        const atMs = inSync.get(workload);
        if (atMs === undefined || counted.acknowledgedAtMs !== undefined || counted.nack !== undefined) continue;
        counted.outstanding = 0;
        counted.acknowledgedAtMs = atMs;
        dirty.add(workload);
      }
    }
  }

  /** What is known about a revision. */
  of(revision: number): { sent: number; acknowledged: number; answers: ReadonlyMap<WorkloadId, ProxyAnswer> } {
    const { byWorkload, forgotten } = this.#of(revision);
    let acknowledged = forgotten.acknowledged;
    const answers = new Map<WorkloadId, ProxyAnswer>();
    for (const [workload, { acknowledgedAtMs, nack }] of byWorkload) {
      if (acknowledgedAtMs !== undefined) acknowledged++;
      const at = acknowledgedAtMs === undefined ? {} : { acknowledgedAtMs };
      answers.set(workload, nack === undefined ? at : { ...at, nack });
    }
    return { sent: forgotten.sent + byWorkload.size, acknowledged, answers };
  }

  /** What is new since the last call, to be written down. */
  takeDirty(): AnswersRecord[] {
    const records: AnswersRecord[] = [];
    for (const [n, { byWorkload, dirty }] of this.#revisions) {
      if (dirty.size === 0) continue;
      const answers = [...dirty].flatMap((workload) => {
        const counted = byWorkload.get(workload);
        if (counted === undefined) return [];
        const { acknowledgedAtMs = 0, nack } = counted;
        return [
          nack === undefined ? ([workload, acknowledgedAtMs] as const) : ([workload, acknowledgedAtMs, nack] as const),
        ];
      });
      dirty.clear();
      if (answers.length > 0) records.push({ k: 'a', n, answers });
    }
    return records;
  }

  get hasDirty(): boolean {
    return [...this.#revisions.values()].some(({ dirty }) => dirty.size > 0);
  }

  /** Takes what an earlier process wrote down. */
  restore({ n, answers }: AnswersRecord): void {
    const { byWorkload } = this.#of(n);
    for (const [workload, at, nack] of answers) {
      byWorkload.set(workload, { outstanding: 0, acknowledgedAtMs: at > 0 ? at : undefined, nack });
    }
  }

  /** Keeps of a revision only the counts and refusals. */
  summarize(revision: number): void {
    const { byWorkload, forgotten } = this.#of(revision);
    for (const [workload, { acknowledgedAtMs, nack }] of byWorkload) {
      if (nack !== undefined) continue;
      forgotten.sent++;
      if (acknowledgedAtMs !== undefined) forgotten.acknowledged++;
      byWorkload.delete(workload);
    }
  }

  forget(revision: number): void {
    this.#revisions.delete(revision);
  }

  #answered(event: AckEvent | NackEvent, take: (counted: Counted) => void): void {
    if (event.typeUrl === typeUrls.secret) return;
    const waiting = this.#waiting.get(event.workload);
    const revision = waiting?.get(event.nonce);
    if (revision === undefined) return;
    waiting?.delete(event.nonce);
    const answers = this.#revisions.get(revision);
    const counted = answers?.byWorkload.get(event.workload);
    if (answers === undefined || counted === undefined) return;
    counted.outstanding = Math.max(0, counted.outstanding - 1);
    take(counted);
    answers.dirty.add(event.workload);
  }

  #of(revision: number): RevisionAnswers {
    let known = this.#revisions.get(revision);
    if (known === undefined) {
      known = new RevisionAnswers();
      this.#revisions.set(revision, known);
    }
    return known;
  }
}
