/**
 * A client of the kit, a bare @grpc/grpc-js client and connect-node's: unary calls, 64 at once and one after another, and streams of
 * 1 KB messages, with the same server, messages and codec. Each client is a process of its own, and so is the server.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { ClientLoad, ClientTook } from './client-load.ts';
import { compare, median, quantile, type Side, spread } from './pairs.ts';

const children: ChildProcess[] = [];
const env = { ...process.env, LOG_LEVEL: 'silent' };
const seconds = Number(process.env.SECONDS_EACH ?? 2);
const rounds = Number(process.env.ROUNDS ?? 7);

async function server(): Promise<string> {
  const child = fork(new URL('./rpc-server.ts', import.meta.url), ['kit'], { silent: true, env });
  children.push(child);
  child.stderr?.pipe(process.stderr);
  if (!child.stdout) throw new Error('client: the server has no stdout');
  const [line] = await once(createInterface(child.stdout), 'line');
  return String(line);
}

/** Has a client do a load and tells what it took. */
type Load = (load: ClientLoad) => Promise<ClientTook>;

async function loader(name: string, port: string): Promise<Load> {
  const child = fork(new URL('./client-load.ts', import.meta.url), [name, port], { env });
  children.push(child);
  await once(child, 'message');
  const ended = new AbortController();
  child.on('exit', () => ended.abort(new Error(`client: ${name} has ended`)));
  return async (load) => {
    child.send(load);
    const [took] = await once(child, 'message', { signal: ended.signal });
    return took;
  };
}

/** Measures one client, and keeps what is not its speed. */
function side(load: Load, what: ClientLoad, kept: ClientTook[]): Side {
  return async () => {
    const took = await load(what);
    kept.push(took);
    return took.perSecond;
  };
}

const loads: readonly (readonly [name: string, what: Omit<ClientLoad, 'seconds'>, unit: string])[] = [
  ['64', { kind: 'unary', atOnce: 64 }, 'calls/s'],
  ['sequential', { kind: 'unary', atOnce: 1 }, 'calls/s'],
  ['stream', { kind: 'stream', atOnce: 8 }, 'messages/s'],
];

try {
  const port = await server();
  const kit = await loader('kit', port);
  const ratios: string[] = [];
  for (const other of ['grpc-js', 'connect-node']) {
    const load = await loader(other, port);
    for (const [name, what, unit] of loads) {
      const ours: ClientTook[] = [];
      const theirs: ClientTook[] = [];
      const found = await compare(
        side(kit, { ...what, seconds }, ours),
        side(load, { ...what, seconds }, theirs),
        rounds,
      );
      console.log(`kit           ${name.padEnd(10)} ${spread(found.a, unit)}, ${cpu(ours)}${latency(ours)}`);
      console.log(`${other.padEnd(13)} ${name.padEnd(10)} ${spread(found.b, unit)}, ${cpu(theirs)}${latency(theirs)}`);
      ratios.push(`ratio client/${other}-${name} ${found.ratio.toFixed(2)}`);
      ratios.push(
        `ratio client/${other}-${name}-cpu ${inPairs(ours, theirs, ({ cpuMicros }) => cpuMicros).toFixed(2)}`,
      );
      if (name === 'sequential')
        ratios.push(
          `ratio client/${other}-latency ${inPairs(ours, theirs, (took) => median(took.latenciesMs)).toFixed(2)}`,
        );
    }
  }
  console.log(ratios.join('\n'));
} finally {
  for (const child of children) child.disconnect();
}

/** The median of ours divided by theirs, round by round; the first round does not count. */
function inPairs(ours: readonly ClientTook[], theirs: readonly ClientTook[], of: (took: ClientTook) => number): number {
  return median(
    ours.slice(1).map((took, index) => {
      const other = theirs[index + 1];
      return other ? of(took) / of(other) : Number.NaN;
    }),
  );
}

function cpu(took: readonly ClientTook[]): string {
  return `CPU ${median(took.slice(1).map(({ cpuMicros }) => cpuMicros)).toFixed(0)} us each`;
}

function latency(took: readonly ClientTook[]): string {
  const all = took.slice(1).flatMap(({ latenciesMs }) => latenciesMs);
  if (all.length === 0) return '';
  return `, p50 ${quantile(all, 0.5).toFixed(2)} ms, p99 ${quantile(all, 0.99).toFixed(2)} ms`;
}
