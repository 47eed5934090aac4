import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { CommandError } from '../command-error.ts';
import type { ServiceManifest } from '../service-manifest.ts';
import { type ListenAddress, listenText } from './listen-address.ts';

/** How a replica's process is started. */
export interface ServiceProcess {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The inputs of a replica's process. */
export interface ServiceProcessOptions {
  readonly service: ServiceManifest;
  /** The replica's name. */
  readonly replica: string;
  readonly listen: ListenAddress;
  readonly outboundPort: number;
  /** The environment of every process of the mesh. */
  readonly meshEnv: Readonly<Record<string, string>>;
  /** PGHOST and so on; empty for a service without a database. */
  readonly databaseEnv: Readonly<Record<string, string>>;
}

/** The process of a replica. The mesh's variables for addresses and the database override the service's own `env`. */
export function serviceProcess(options: ServiceProcessOptions): ServiceProcess {
  const { service, replica, listen, outboundPort, meshEnv, databaseEnv } = options;
  const env = {
    ...meshEnv,
    OTEL_SERVICE_NAME: service.contract ?? service.name,
    OTEL_RESOURCE_ATTRIBUTES: `service.namespace=${service.namespace},service.instance.id=${replica}`,
    ...service.env,
    ...databaseEnv,
    WEFT_SERVICE: service.contract ?? `${service.namespace}.${service.name}`,
    WEFT_LISTEN: listenText(listen),
    WEFT_OUTBOUND: `127.0.0.1:${outboundPort}`,
  };
  return { command: service.command ?? [nodeOf(env), service.main ?? ''], cwd: service.cwd, env };
}

/** The project's Node if it has one, or else the Node that runs this. */
function nodeOf(env: Readonly<Record<string, string>>): string {
  const [projectBin = ''] = (env.PATH ?? '').split(delimiter);
  return existsSync(join(projectBin, 'node')) ? 'node' : process.execPath;
}

/**
 * Fails with one clear sentence if a process cannot be started at all, because the operating system's own error is vague. `manifest` names the
 * file with its settings; `correction` says how to get another command.
 *
 * @throws CommandError for a missing working directory or program, and for a program that is not executable.
 */
export function checkStartable(
  { command, cwd, env }: ServiceProcess,
  manifest: string,
  correction = `correct command in ${manifest}`,
): void {
  const directory = statSync(cwd, { throwIfNoEntry: false });
  if (!directory?.isDirectory()) throw new CommandError(`its cwd ${cwd} is not a directory; correct it in ${manifest}`);
  const [program = ''] = command;
  const places = program.includes('/')
    ? [join(program.startsWith('/') ? '' : cwd, program)]
    : (env.PATH ?? '').split(delimiter).map((folder) => join(folder, program));
  const found = places.filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
  if (found.length === 0) {
    throw new CommandError(`its command ${program} was not found; install it, or ${correction}`);
  }
  if (!found.some(isExecutable)) {
    throw new CommandError(`its command ${found[0]} is not executable; \`chmod +x\` it, or ${correction}`);
  }
}

/**
 * Fails if what Node should run does not exist. A path without an extension is left to Node, which tries several.
 *
 * @throws CommandError that names the file and what to write instead.
 */
export function checkMain({ cwd, main, file }: Pick<ServiceManifest, 'cwd' | 'main' | 'file'>): void {
  if (main === undefined || !/\.[cm]?[jt]s$/.test(main) || existsSync(resolve(cwd, main))) return;
  throw new CommandError(`its main ${main} does not exist; write it, or set main or command in ${file}`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
