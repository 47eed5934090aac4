import { allKinds, type WatchedName, watchesOf } from '@weft/compiler/kinds/registry';
import type { Override } from '@weft/compiler/model/override';
import { problemWords } from '@weft/compiler/model/problem';
import type { ClusterObjects } from '../kubernetes/cluster-objects.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { accepted, active } from './conditions.ts';
import type { DatedProblem } from './problem-log.ts';
import { hasConditions, type Subject, subjectId, subjectOf, watchedSubject } from './status-subjects.ts';
import { StatusWriter, type StatusWriterOptions } from './status-writer.ts';

export interface KubernetesStatusOptions extends StatusWriterOptions {
  /** Whether this replica writes. */
  readonly decides: () => boolean;
  readonly objects: () => ClusterObjects | undefined;
  /** How long is waited for what comes together, and before what was refused is tried again. Default: 200 ms and 5 s. */
  readonly times?: { readonly gatherMs: number; readonly retryMs: number };
}

/** What there is to say of one object. */
interface Words {
  readonly subject: Subject;
  readonly problems: string[];
  override?: Override;
}

/**
 * Says on what a user wrote what became of it: the conditions Accepted and, of an override, Active on resources of ours, with an Event
 * when one of them turns; a Warning Event on resources of others. One replica writes, and only what is not there already. It looks at
 * those objects only that are others now, or of which there is something else to say.
 */
export class KubernetesStatus {
  readonly #options: KubernetesStatusOptions;
  readonly #writer: StatusWriter;
  /** What there is to say, by object; undefined until somebody knows. */
  #words: ReadonlyMap<string, Words> | undefined;
  /** Objects that are to be looked at. */
  #due = new Map<string, Subject>();
  #allDue = false;
  #looked = 0;
  #writing: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: KubernetesStatusOptions) {
    this.#options = options;
    this.#writer = new StatusWriter(options);
  }

  /** How many objects were looked at since the start. For tests of what a change costs. */
  get looked(): number {
    return this.#looked;
  }

  /** Takes what there is to say: all of it. Costs as much as there is to say. */
  report(problems: readonly DatedProblem[], overrides: readonly Override[]): void {
    const before = this.#words;
    this.#words = wordsOf(problems, overrides);
    if (before === undefined) this.#allDue = true;
    for (const [id, words] of this.#words) if (!saysSame(before?.get(id), words)) this.#mark(words.subject);
    for (const [id, { subject }] of before ?? []) if (!this.#words.has(id)) this.#mark(subject);
    this.#begin();
  }

  /** Takes objects that came, changed or went. */
  changed(name: WatchedName, keys: Iterable<string>): void {
    for (const key of keys) {
      const subject = watchedSubject(name, key);
      if (subject && (hasConditions(subject.kind) || this.#words?.has(subjectId(subject)))) this.#mark(subject);
    }
    this.#begin();
  }

  /** Looks at all objects, when this replica begins to decide. */
  look(): void {
    this.#allDue = true;
    this.#begin();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await this.#writing;
  }

  /** Whoever does not decide looks at everything once it does, and needs to note nothing before. */
  #mark(subject: Subject): void {
    if (this.#options.decides()) this.#due.set(subjectId(subject), subject);
  }

  #begin(): void {
    const isReady = this.#words !== undefined && this.#options.objects() !== undefined && this.#options.decides();
    if (this.#closed || !isReady || (!this.#allDue && this.#due.size === 0)) return;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
      this.#begin();
    });
  }

  async #write(): Promise<void> {
    const { gatherMs = 200, retryMs = 5000 } = this.#options.times ?? {};
    // What comes together is said together, and none of it is urgent.
    await new Promise((resolve) => setTimeout(resolve, gatherMs).unref());
    const failed: Subject[] = [];
    for (let due = this.#takeDue(); due.length > 0; due = this.#takeDue()) {
      for (const subject of due) {
        if (this.#closed || !this.#options.decides()) return;
        if (!(await this.#say(subject))) failed.push(subject);
      }
    }
    if (failed.length === 0) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      for (const subject of failed) this.#mark(subject);
      this.#begin();
    }, retryMs).unref();
  }

  #takeDue(): Subject[] {
    const objects = this.#options.objects();
    if (this.#closed || objects === undefined || this.#words === undefined) return [];
    const due = this.#due;
    this.#due = new Map();
    if (!this.#allDue) return [...due.values()];
    this.#allDue = false;
    const named = [...this.#words.values()].map(({ subject }) => subject).filter(({ kind }) => !hasConditions(kind));
    const own = allKinds.filter(hasConditions).flatMap((kind) => {
      return watchesOf(kind).flatMap(([name]) => [...objects[name].keys()].map((key) => ({ kind, key })));
    });
    return [...own, ...named];
  }

  /** Whether an object says what it should. */
  async #say(subject: Subject): Promise<boolean> {
    this.#looked++;
    const { kind } = subject;
    const object = this.#objectOf(subject);
    if (object === undefined) return true;
    const { problems = [], override } = this.#words?.get(subjectId(subject)) ?? {};
    if (hasConditions(kind)) {
      const isActive = override && kind.conditions.includes('Active');
      return this.#writer.conditions(kind, object, [accepted(problems), ...(isActive ? [active(override)] : [])]);
    }
    let isSaid = true;
    for (const message of problems) {
      const written = await this.#writer.event(kind, object, { type: 'Warning', reason: 'MeshProblem', message });
      isSaid &&= written;
    }
    return isSaid;
  }

  #objectOf({ kind, key }: Subject): KubernetesObject | undefined {
    const objects = this.#options.objects();
    return objects && watchesOf(kind).flatMap(([name]) => objects[name].get(key) ?? [])[0];
  }
}

function wordsOf(problems: readonly DatedProblem[], overrides: readonly Override[]): ReadonlyMap<string, Words> {
  const words = new Map<string, Words>();
  const about = (subject: Subject) => {
    const known = words.get(subjectId(subject)) ?? { subject, problems: [] };
    words.set(subjectId(subject), known);
    return known;
  };
  for (const problem of problems) {
    for (const ref of problem.about ?? []) {
      const subject = subjectOf(ref);
      if (subject) about(subject).problems.push(sentence(problem));
    }
  }
  for (const override of overrides) {
    const subject = subjectOf(override.ref);
    if (subject) about(subject).override = override;
  }
  return words;
}

function saysSame(before: Words | undefined, after: Words): boolean {
  const { problems = [], override } = before ?? {};
  const isSame = problems.length === after.problems.length && problems.every((text, i) => text === after.problems[i]);
  // An override that did not change is the same object.
  return isSame && override === after.override;
}

function sentence(problem: DatedProblem): string {
  return `${problem.field ? `${problem.field}: ` : ''}${problemWords(problem)}`;
}
