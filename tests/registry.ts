import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../packages/cli/src/supervisor/free-port.ts';
import { packedPackages } from './packed-packages.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '..');

/** A package registry on loopback that has every published package of this repository, and all others by way of the user's own. */
export interface Registry {
  readonly url: string;
  /** For npm and pnpm: they install from this registry. Everything else is as in this process. */
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** Publishes one more package: a tarball, as `npm pack` and `weft contract pack` make it. */
  publish(tarball: string): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a registry (verdaccio) with this repository's packages. Its data is in a temporary directory and goes with it. */
export async function startRegistry(): Promise<Registry> {
  const [packed, dir, port, uplink] = await Promise.all([
    packedPackages(root),
    mkdtemp(join(tmpdir(), 'registry-')),
    freePort(),
    npm(['config', 'get', 'registry'], root),
  ]);
  const storage = join(dir, 'storage');
  const published = join(dirname(packed[0]?.file ?? dir), 'storage');
  if (existsSync(published)) await cp(published, storage, { recursive: true });
  const config = join(dir, 'config.json');
  await writeFile(config, JSON.stringify(verdaccioConfig(storage, uplink.trim())));
  const url = `http://127.0.0.1:${port}/`;
  const userconfig = join(dir, 'npmrc');
  // npm publishes nothing without a token; this registry takes any.
  await writeFile(userconfig, `registry=${url}\n//127.0.0.1:${port}/:_authToken=any\nfund=false\naudit=false\n`);
  const server = await startVerdaccio(config, port, dir);
  const env = {
    ...process.env,
    npm_config_registry: url,
    pnpm_config_registry: url,
    npm_config_userconfig: userconfig,
    npm_config_fund: 'false',
    npm_config_audit: 'false',
    npm_config_update_notifier: 'false',
    NODE_PATH: '',
  };
  const publish = async (tarball: string): Promise<void> => {
    // Provenance is made by a hosted workflow, and only there.
    await npm(['publish', tarball, '--provenance=false', '--loglevel=error'], dir, env);
  };
  const stop = async (): Promise<void> => {
    if (server.exitCode === null && server.signalCode === null) {
      server.kill();
      await once(server, 'exit');
    }
    await rm(dir, { recursive: true, force: true });
  };
  if (!existsSync(published)) {
    try {
      const waiting = packed.map(({ file }) => file);
      const publisher = async (): Promise<void> => {
        for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) await publish(file);
      };
      await Promise.all([publisher(), publisher(), publisher()]);
      // What is packed anew is in a new directory, so this storage is always that of these packages.
      const copy = await mkdtemp(`${published}.`);
      await cp(storage, copy, { recursive: true });
      // Another process may have been quicker; its storage is as good.
      await rename(copy, published).catch(() => rm(copy, { recursive: true, force: true }));
    } catch (error) {
      await stop();
      throw error;
    }
  }
  return { url, env, publish, stop };
}

function verdaccioConfig(storage: string, uplink: string): object {
  const open = { access: '$all', publish: '$all', unpublish: '$all' };
  return {
    storage,
    uplinks: { user: { url: uplink, maxage: '60m', timeout: '60s' } },
    packages: {
      '@weft/*': open,
      'create-weft': open,
      '**': { ...open, proxy: 'user' },
    },
    // What is published under another name than ours is asked for there, too; without an answer it is published all the same.
    publish: { allow_offline: true },
    web: { enable: false },
    max_body_size: '50mb',
    log: { type: 'stdout', format: 'json', level: 'warn' },
  };
}

async function startVerdaccio(config: string, port: number, cwd: string): Promise<ChildProcess> {
  const bin = join(dirname(createRequire(import.meta.url).resolve('verdaccio/package.json')), 'bin/verdaccio');
  const args = [bin, '--config', config, '--listen', `127.0.0.1:${port}`];
  const server = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [server.stdout, server.stderr])
    stream.on('data', (text) => (said = `${said}${text}`.slice(-4_000)));
  const deadline = Date.now() + 30_000;
  for (;;) {
    if (server.exitCode !== null) throw new Error(`verdaccio ended with exit code ${server.exitCode}:\n${said}`);
    const answer = await fetch(`http://127.0.0.1:${port}/-/ping`).catch(() => undefined);
    if (answer?.ok) return server;
    if (Date.now() > deadline) {
      server.kill();
      throw new Error(`verdaccio does not answer on port ${port} after 30 s:\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function npm(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  try {
    return (await execute('npm', args, { cwd, env, maxBuffer: 16 << 20 })).stdout;
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    throw new Error(`npm ${args.join(' ')} failed:\n${stderr || error}`, { cause: error });
  }
}
