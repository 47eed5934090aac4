import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeFileAtomically } from '../atomic-file.ts';
import type { Project } from '../project.ts';
import { version } from '../version.ts';
import type { ProtoProblem } from './proto-problem.ts';
import type { ProtoSources } from './proto-sources.ts';
import { buf, protocGenEs } from './tools.ts';

/** The record of the last complete generation. */
export interface GeneratedRecord {
  /** A hash of all inputs and outputs. */
  readonly digest: string;
  /** A hash of each contract's inputs and code, by logical name. */
  readonly code: Readonly<Record<string, string>>;
  /** The findings of lint. */
  readonly findings: readonly ProtoProblem[];
}

/** The record of a project; undefined if nothing was generated, or another version did it. */
export function readRecord(project: Project): GeneratedRecord | undefined {
  const file = recordFile(project);
  if (!existsSync(file)) return undefined;
  try {
    const { version: by, ...record } = JSON.parse(readFileSync(file, 'utf8'));
    return by === version ? record : undefined;
  } catch {
    // A partial record counts as none: everything is generated again.
    return undefined;
  }
}

/** Saves the record. */
export function writeRecord(project: Project, record: GeneratedRecord): void {
  const file = recordFile(project);
  mkdirSync(dirname(file), { recursive: true });
  writeFileAtomically(file, JSON.stringify({ version, ...record }));
}

/** A hash of all inputs and of the existing outputs. */
export function digestOf(project: Project, { own, imported }: ProtoSources): string {
  const { name, generatedDir } = project;
  const made = globSync(['*/package.json', '*/descriptor.binpb', '*/gen/**/*.ts'], { cwd: generatedDir }).sort();
  const files = [...own, ...imported].map(({ path }) => path).concat(made.map((path) => join(generatedDir, path)));
  return hashOfFiles(files, [buf().version, protocGenEs().version, name, generatedDir]);
}

/** A hash of some words and of named files; a missing file counts as missing. */
export function hashOfFiles(files: readonly string[], words: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const word of words) hash.update(`\0${word.length}\0`).update(word);
  for (const file of files) hash.update(`\0${file}\0`).update(existsSync(file) ? readFileSync(file) : 'gone');
  return hash.digest('hex');
}

function recordFile({ stateDir }: Project): string {
  return join(stateDir, 'generated.json');
}
