#!/usr/bin/env node
import { chmod, mkdir } from 'node:fs/promises';
import { enableCompileCache, flushCompileCache } from 'node:module';
import { isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import type { Environment } from './environment/environment.ts';
import { OptionError, parseListenAddress, parseSettle } from './options.ts';
import { version } from './version.ts';

interface Options {
  readonly source: 'directory' | 'kubernetes';
  readonly state: string;
  readonly xds: string;
  readonly api: string;
  readonly rootDir?: string;
  readonly rootSettle?: string;
  readonly mesh?: string;
  readonly tokens?: string;
  readonly namespace: string;
  readonly serviceAccount?: string;
  readonly webhook?: string;
  readonly health?: string;
  readonly proxyImage?: string;
  readonly interceptionImage?: string;
}

process.env.OTEL_SERVICE_NAME ??= 'weft-control-plane';

const program = new Command('weft-control-plane')
  .description(
    'Compiles the contracts of a mesh into the configuration of stock Envoys, and delivers it by xDS. The mesh is a directory of\n' +
      'manifests and local processes, or a Kubernetes cluster ($KUBECONFIG or, in a pod, its own account).',
  )
  .version(version)
  .addOption(
    new Option('--source <kind>', 'what is followed').choices(['directory', 'kubernetes']).default('directory'),
  )
  .requiredOption(
    '--state <dir>',
    'where last good forms and the history are kept, and the root key of a directory (mode 0700)',
  )
  .requiredOption('--xds <host:port>', 'where proxies connect, with TLS')
  .requiredOption(
    '--api <unix:/path>',
    'where the weft command connects; anybody who can open it may read the status. In a pod 127.0.0.1:PORT, for port-forward',
  )
  .option(
    '--root-dir <dir>',
    'an authority from outside, watched: tls.key, tls.crt and ca.crt, as cert-manager names them',
  )
  .option(
    '--root-settle <duration>',
    'how long a new root is trusted everywhere before it signs: 5s, in a cluster 2m for kubelets',
  )
  .optionsGroup('With --source directory:')
  .option('--mesh <dir>', 'the mesh directory: manifests (YAML), and contracts/<namespace>/*.binpb')
  .option('--tokens <dir>', 'the bearer tokens of proxies: <namespace>/<name>')
  .optionsGroup('With --source kubernetes:')
  .option('--namespace <name>', "the control plane's own", process.env.POD_NAMESPACE ?? 'weft-system')
  .option(
    '--service-account <dir>',
    "the account's token and ca.crt in a pod without $KUBECONFIG. Default: where Kubernetes mounts them",
  )
  .option('--webhook <host:port>', 'where the API server calls the injector')
  .option('--health <host:port>', 'where the kubelet asks GET /healthz and GET /readyz')
  .option('--proxy-image <image>', "the sidecars' Envoy")
  .option('--interception-image <image>', 'what redirects calls to sidecars')
  .parse();

try {
  const options = program.opts<Options>();
  const listen = parseListenAddress(options.xds);
  const settle = options.rootSettle ?? (options.source === 'kubernetes' ? '2m' : '5s');
  const rootSettleMs = parseSettle(settle);
  await mkdir(options.state, { recursive: true, mode: 0o700 });
  // A volume that another user owns is as private as its pod.
  await chmod(options.state, 0o700).catch((error: unknown) => {
    if (options.source === 'directory') throw error;
  });
  // The second start need not read what the first one did; in our own directory, where nobody else can put code.
  enableCompileCache(join(options.state, 'compile-cache'));
  // After the options: --help and a mistake in them need none of it.
  const environment =
    options.source === 'directory' ? await directory(options) : await kubernetes(options, listen.port);
  const { startControlPlane } = await import('./control-plane.ts');
  await startControlPlane({
    environment,
    stateDirectory: options.state,
    listen,
    api: options.api,
    rootSettleMs,
    ...(options.rootDir === undefined ? {} : { externalRootDirectory: options.rootDir }),
  });
  // Now, because a process that is killed writes nothing.
  flushCompileCache();
} catch (error) {
  const { startupMessage } = await import('./startup-message.ts');
  console.error(`weft-control-plane: ${startupMessage(error)}`);
  process.exit(1);
}

async function directory({ mesh, tokens, state }: Options): Promise<Environment> {
  if (mesh === undefined) throw new OptionError('--mesh is missing: the mesh directory');
  if (tokens === undefined) throw new OptionError('--tokens is missing: the directory of bearer tokens');
  const { directoryEnvironment } = await import('./environment/directory.ts');
  return directoryEnvironment({ meshDirectory: mesh, stateDirectory: state, tokensDirectory: tokens });
}

async function kubernetes(options: Options, xdsPort: number): Promise<Environment> {
  const { namespace, webhook, health, proxyImage, interceptionImage } = options;
  const { WEFT_SIDECAR_RESOURCES: resources, WEFT_SIDECAR_LOG_LEVEL: logLevel, POD_NAME, POD_IP } = process.env;
  const { connectApi } = await import('./kubernetes/api.ts');
  const { clusterAccess } = await import('./kubernetes/cluster-access.ts');
  const { kubernetesEnvironment } = await import('./environment/kubernetes.ts');
  const { sidecarSettings } = await import('./environment/sidecar-settings.ts');
  const settings = sidecarSettings({
    namespace,
    xdsPort,
    ...(proxyImage === undefined ? {} : { proxyImage }),
    ...(interceptionImage === undefined ? {} : { interceptionImage }),
    ...(resources === undefined ? {} : { resources }),
    ...(logLevel === undefined ? {} : { logLevel }),
  });
  return kubernetesEnvironment({
    api: connectApi(await clusterAccess(options.serviceAccount)),
    namespace,
    replica: POD_NAME ?? hostname(),
    ...(POD_IP === undefined
      ? {}
      : { replicaAddress: isIPv6(POD_IP) ? `[${POD_IP}]:${xdsPort}` : `${POD_IP}:${xdsPort}` }),
    ...(webhook === undefined ? {} : { webhook: { listen: parseListenAddress(webhook, '--webhook'), settings } }),
    ...(health === undefined ? {} : { health: parseListenAddress(health, '--health') }),
  });
}
