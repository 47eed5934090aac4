#!/usr/bin/env node
import { chmod, mkdir } from 'node:fs/promises';
import { enableCompileCache, flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { Command } from 'commander';
import { parseListenAddress, parseSettle } from './options.ts';
import { version } from './version.ts';

interface Options {
  readonly mesh: string;
  readonly state: string;
  readonly xds: string;
  readonly api: string;
  readonly tokens: string;
  readonly rootDir?: string;
  readonly rootSettle: string;
}

process.env.OTEL_SERVICE_NAME ??= 'weft-control-plane';

const program = new Command('weft-control-plane')
  .description(
    'Compiles the contracts of a mesh directory into the configuration of stock Envoys, and delivers it by xDS.',
  )
  .version(version)
  .requiredOption('--mesh <dir>', 'the mesh directory: manifests (YAML), and contracts/<namespace>/*.binpb')
  .requiredOption('--state <dir>', 'where the root key and the last good forms are kept (mode 0700)')
  .requiredOption('--xds <host:port>', 'where proxies connect, with TLS')
  .requiredOption('--api <unix:/path>', 'where the weft command connects; anybody who can open it may read the status')
  .requiredOption('--tokens <dir>', 'the bearer tokens of proxies: <namespace>/<name>')
  .option(
    '--root-dir <dir>',
    'an authority from outside, watched: tls.key, tls.crt and ca.crt, as cert-manager names them',
  )
  .option('--root-settle <duration>', 'how long a new root is trusted everywhere before it signs', '5s')
  .parse();

try {
  const options = program.opts<Options>();
  const listen = parseListenAddress(options.xds);
  await mkdir(options.state, { recursive: true, mode: 0o700 });
  await chmod(options.state, 0o700);
  // The second start need not read what the first one did; in our own directory, where nobody else can put code.
  enableCompileCache(join(options.state, 'compile-cache'));
  // After the options: --help and a mistake in them need none of it.
  const { startControlPlane } = await import('./control-plane.ts');
  await startControlPlane({
    meshDirectory: options.mesh,
    stateDirectory: options.state,
    rootDirectory: join(options.state, 'root'),
    tokensDirectory: options.tokens,
    listen,
    api: options.api,
    rootSettleMs: parseSettle(options.rootSettle),
    ...(options.rootDir === undefined ? {} : { externalRootDirectory: options.rootDir }),
  });
  // Now, because a process that is killed writes nothing.
  flushCompileCache();
} catch (error) {
  const { startupMessage } = await import('./startup-message.ts');
  console.error(`weft-control-plane: ${startupMessage(error)}`);
  process.exit(1);
}
