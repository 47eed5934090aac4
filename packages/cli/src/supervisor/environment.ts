import { delimiter, join } from 'node:path';
import type { Project } from '../project.ts';

/** The environment of every process of the mesh: the user's, without variables that would bypass the mesh. */
export function baseEnvironment(project: Project, env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    // The user's own PostgreSQL and the settings of an enclosing mesh are not for these processes.
    if (value !== undefined && !/^(PG[A-Z]+|WEFT_.*|OTEL_SERVICE_NAME|NODE_CHANNEL_FD)$/.test(name)) kept[name] = value;
  }
  return {
    ...kept,
    PATH: [join(project.root, 'node_modules/.bin'), env.PATH ?? ''].join(delimiter),
    // The first process that needs a file compiles it, once for every mesh of this project.
    NODE_COMPILE_CACHE: join(project.root, 'node_modules/.cache/weft/compiled'),
  };
}
