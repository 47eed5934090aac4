import type { Override } from '@weft/compiler/model/override';
import type { Problem } from '@weft/compiler/model/problem';
import type { Environment } from '../environment/environment.ts';
import type { StoredProblemLog } from '../status/problem-store.ts';

export interface ProblemReportOptions {
  readonly problems: StoredProblemLog;
  readonly environment: Pick<Environment, 'report'>;
  readonly log: { warn(fields: object, message: string): void };
}

/** All problems there are, whoever has them, told to everyone who shows them. Told only what is another than before. */
export class ProblemReport {
  readonly #options: ProblemReportOptions;
  #mesh: readonly Problem[] | undefined;
  #memory: readonly Problem[] = [];
  #quarantine: readonly Problem[] = [];
  #overrides: readonly Override[] = [];

  constructor(options: ProblemReportOptions) {
    this.#options = options;
  }

  /** Takes the problems and the overrides of the mesh. Nothing is told before the first. */
  ofMesh(problems: readonly Problem[], overrides: readonly Override[]): void {
    this.#mesh = problems;
    this.#overrides = overrides;
    this.#tell();
  }

  /** Takes the problems of what the mesh remembers. */
  ofMemory(problems: readonly Problem[]): void {
    this.#memory = problems;
    this.#tell();
  }

  /** Takes the problems of what proxies refused. */
  ofQuarantine(problems: readonly Problem[]): void {
    this.#quarantine = problems;
    this.#tell();
  }

  #tell(): void {
    if (this.#mesh === undefined) return;
    const { problems, environment, log } = this.#options;
    const all = [...this.#mesh, ...this.#memory, ...this.#quarantine];
    for (const problem of problems.update(all)) log.warn(problem, 'something in the mesh was not understood');
    environment.report(problems.list(), this.#overrides);
  }
}
