import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeFileAtomically } from '../atomic-file.ts';
import type { Project } from '../project.ts';
import { version } from '../version.ts';
import type { ProtoProblem } from './proto-problem.ts';
import type { ProtoSources } from './proto-sources.ts';
import { buf, protocGenEs } from './tools.ts';

/** What is remembered of the last time that everything was generated. */
export interface GeneratedRecord {
  /** Of all that went in and came out. */
  readonly digest: string;
  /** Of what each contract's code was made of, and of that code, by logical name. */
  readonly code: Readonly<Record<string, string>>;
  /** What lint said. */
  readonly findings: readonly ProtoProblem[];
}

/** The record of a project; undefined where nothing has been generated, or by another version. */
export function readRecord(project: Project): GeneratedRecord | undefined {
  const file = recordFile(project);
  if (!existsSync(file)) return undefined;
  try {
    const { version: by, ...record } = JSON.parse(readFileSync(file, 'utf8'));
    return by === version ? record : undefined;
  } catch {
    // Half a record is none: everything is made again.
    return undefined;
  }
}

/** Remembers. */
export function writeRecord(project: Project, record: GeneratedRecord): void {
  const file = recordFile(project);
  mkdirSync(dirname(file), { recursive: true });
  writeFileAtomically(file, JSON.stringify({ version, ...record }));
}

/** A hash of all that goes in and of all that is there. */
export function digestOf(project: Project, { own, imported }: ProtoSources): string {
  const { name, generatedDir } = project;
  const made = globSync(['*/package.json', '*/descriptor.binpb', '*/gen/**/*.ts'], { cwd: generatedDir }).sort();
  const files = [...own, ...imported].map(({ path }) => path).concat(made.map((path) => join(generatedDir, path)));
  return hashOfFiles(files, [buf().version, protocGenEs().version, name, generatedDir]);
}

/** A hash of some words and of files with their names; a file that is gone counts as such. */
export function hashOfFiles(files: readonly string[], words: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const word of words) hash.update(`\0${word.length}\0`).update(word);
  for (const file of files) hash.update(`\0${file}\0`).update(existsSync(file) ? readFileSync(file) : 'gone');
  return hash.digest('hex');
}

function recordFile({ stateDir }: Project): string {
  return join(stateDir, 'generated.json');
}
