import { delimiter, join } from 'node:path';
import type { Project } from '../project.ts';

/** What every process of the mesh gets: the user's environment without what would reach past the mesh. */
export function baseEnvironment(project: Project, env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    // A user's own PostgreSQL and the settings of a mesh around this one are not theirs.
    if (value !== undefined && !/^(PG[A-Z]+|WEFT_.*|OTEL_SERVICE_NAME|NODE_CHANNEL_FD)$/.test(name)) kept[name] = value;
  }
  return {
    ...kept,
    PATH: [join(project.root, 'node_modules/.bin'), env.PATH ?? ''].join(delimiter),
    // Compiled and type-stripped once, by the first process that needs a file, for every mesh of this project.
    NODE_COMPILE_CACHE: join(project.root, 'node_modules/.cache/weft/compiled'),
  };
}
