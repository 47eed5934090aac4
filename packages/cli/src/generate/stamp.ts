import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeFileAtomically } from '../atomic-file.ts';
import type { Project } from '../project.ts';
import { version } from '../version.ts';
import type { ProtoSources } from './generate.ts';
import { buf, protocGenEs } from './tools.ts';

/** Whether everything is there as it was generated last, from the same inputs. */
export function isUpToDate(project: Project, sources: ProtoSources): boolean {
  const file = stampFile(project);
  return existsSync(file) && readFileSync(file, 'utf8') === stamp(project, sources);
}

/** Remembers that what is there now was generated from these inputs. */
export function remember(project: Project, sources: ProtoSources): void {
  const file = stampFile(project);
  mkdirSync(dirname(file), { recursive: true });
  writeFileAtomically(file, stamp(project, sources));
}

function stampFile({ stateDir }: Project): string {
  return join(stateDir, 'generated.sha256');
}

/** A hash of all that goes in and all that came out. */
function stamp({ name, generatedDir }: Project, { own, imported, installed }: ProtoSources): string {
  const packages = installed.map(({ packageName, version }) => `${packageName}@${version}`);
  const hash = createHash('sha256').update(
    JSON.stringify([version, buf().version, protocGenEs().version, name, generatedDir, packages]),
  );
  const made = globSync(['*/package.json', '*/descriptor.binpb', '*/gen/**/*.ts'], { cwd: generatedDir }).sort();
  for (const path of [...own, ...imported]
    .map((file) => file.path)
    .concat(made.map((path) => join(generatedDir, path)))) {
    hash.update(`\0${path}\0`).update(readFileSync(path));
  }
  return hash.digest('hex');
}
