/**
 * Who may import whom, as tables. import-rules.test.ts holds every file to them.
 *
 * Own code is everything but tests. A test (`isTest`) may import any stage of its own package, and what its package.json names under
 * devDependencies; the rest holds for tests too.
 */

/** A file that only tests import: tests, fixtures, and what stands in a folder of test material. */
export function isTest(path: string): boolean {
  return (
    /(\.test|fixture)\.(ts|js)$/.test(path) ||
    /\/test-call\.ts$/.test(path) ||
    /\/(testing|goldens|on-envoy|conformance)\//.test(path)
  );
}

/** The workspace packages that each package may import. Whatever is not here may not be imported: no package imports a service. */
export const packages: Readonly<Record<string, readonly string[]>> = {
  '@weft/collections': [],
  '@weft/api': [],
  '@weft/policy': [],
  '@weft/envoy-api': [],
  '@weft/dev-envoy': [],
  // Its tests run on a real PostgreSQL.
  '@weft/database-setup': ['@weft/dev-postgres'],
  '@weft/dev-postgres': ['@weft/database-setup'],
  // Its ./testing gives a service's tests a real PostgreSQL, and the mesh's own reading of their contracts.
  '@weft/service-kit': ['@weft/api', '@weft/policy', '@weft/compiler', '@weft/dev-postgres'],
  '@weft/compiler': ['@weft/collections', '@weft/policy', '@weft/envoy-api'],
  // It runs before anything of Weft is installed.
  'create-weft': [],
  // The kit serves in the processes of fakes, and nowhere else.
  '@weft/cli': [
    '@weft/api',
    '@weft/compiler',
    '@weft/policy',
    '@weft/service-kit',
    '@weft/dev-envoy',
    '@weft/dev-postgres',
  ],

  '@weft/control-plane': [
    '@weft/collections',
    '@weft/api',
    '@weft/compiler',
    '@weft/policy',
    '@weft/envoy-api',
    '@weft/service-kit',
    '@weft/dev-envoy',
    '@weft/dev-postgres',
  ],
  '@shop/catalog': ['@weft/policy', '@weft/service-kit', '@weft/dev-postgres'],
  '@shop/inventory': ['@weft/policy', '@weft/service-kit', '@weft/dev-postgres'],
  '@shop/orders': ['@weft/policy', '@weft/service-kit', '@weft/dev-postgres'],
  '@shop/payments': ['@weft/policy', '@weft/service-kit', '@weft/dev-postgres'],
  '@weft/k8s': ['@weft/compiler', '@weft/cli'],
};

/** What a package declares only to start it as a process; it may not import it. */
export const startedOnly: Readonly<Record<string, string>> = { '@weft/cli': '@weft/control-plane' };

/**
 * The stages of a package in the order in which data flows, and what each may import besides itself: a folder of `src`, or one file
 * where the whole folder would be too much. `*`: everything. `(root)`: the files directly in `src`.
 */
export const stages: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'packages/compiler': {
    model: [],
    pod: ['model'],
    facts: ['model'],
    // Front ends: what each kind of resource means. None knows Envoy. They read names, durations and facts alike.
    contracts: ['facts', 'model'],
    'mesh-policy': ['facts', 'kinds', 'model'],
    'mesh-directory': ['contracts', 'facts', 'kinds', 'model'],
    // The registry of kinds needs the front ends' schemas, and nothing else of them.
    kinds: ['mesh-directory/manifest-schemas.ts', 'mesh-policy/schemas.ts', 'model', 'pod'],
    translation: ['contracts', 'mesh-policy', 'facts', 'model', 'pod'],
    // A contract's descriptor set goes into the transcoder of a gateway.
    envoy: ['contracts/descriptor-set.ts', 'facts', 'model', 'pod', 'translation'],
    why: ['contracts', 'envoy', 'facts', 'model'],
    diff: ['contracts', 'mesh-directory', 'model', 'translation'],
    '(root)': ['*'],
  },
  'services/control-plane': {
    state: [],
    budget: [],
    kubernetes: [],
    xds: ['budget'],
    quarantine: ['state', 'xds'],
    sources: ['kubernetes', 'state'],
    identity: ['kubernetes', 'state', 'xds'],
    replicas: ['identity', 'kubernetes', 'xds'],
    refusals: ['budget', 'replicas', 'xds'],
    history: ['kubernetes', 'state', 'xds'],
    status: ['identity', 'kubernetes', 'refusals', 'state', 'xds'],
    api: ['budget', 'history', 'identity', 'status', 'xds'],
    injector: ['identity'],
    edge: ['injector', 'version.ts'],
    cleanup: ['kubernetes'],
    environment: [
      'cleanup',
      'history',
      'identity',
      'injector',
      'kubernetes',
      'replicas',
      'sources',
      'status',
      'xds',
      'options.ts',
    ],
    wiring: [
      'api',
      'budget',
      'environment',
      'history',
      'identity',
      'quarantine',
      'refusals',
      'replicas',
      'status',
      'xds',
      'mesh-clock.ts',
      'version.ts',
      'views.ts',
    ],
    '(root)': ['*'],
  },
  'packages/cli': {
    terminal: [],
    example: [],
    'log-files': ['(root)'],
    mesh: ['(root)'],
    generate: ['(root)'],
    package: ['(root)'],
    fake: ['example', '(root)'],
    elsewhere: ['fake/fake-options.ts', 'generate', '(root)'],
    supervisor: ['elsewhere', 'generate', 'mesh', 'terminal', '(root)'],
    // A new service is part of what is generated.
    add: ['example', 'generate', '(root)'],
    'service-tests': ['(root)'],
    completion: [],
    commands: [
      'add',
      'completion',
      'elsewhere',
      'generate',
      'log-files',
      'mesh',
      'package',
      'service-tests',
      'supervisor',
      'terminal',
      '(root)',
    ],
    'buf-plugin': [],
    '(root)': ['*'],
  },
};

/** Directories without I/O, clock and process, and what each may import that is not ours. */
export const pure: Readonly<Record<string, readonly string[]>> = {
  'packages/collections/src': [],
  'packages/compiler/src': ['@bufbuild/protobuf', 'yaml', 'zod'],
};

/** The parts of Node that are pure. */
export const pureNode: Readonly<Record<string, readonly string[]>> = {
  'node:buffer': ['Buffer'],
  'node:crypto': ['createHash', 'hash'],
  'node:net': ['isIP'],
};

/** Clocks, chance, process and network, as they stand in code. */
export const impure =
  /\b(?:process\.|globalThis\.|Date\.now\b|new Date\(\s*\)|performance\.|set(?:Timeout|Interval|Immediate)\b|queueMicrotask\b|Math\.random\b|crypto\.|console\.|fetch\(|new Worker\b)/;

/** A contract package: `weft generate` makes it, so nobody writes its code. Services import it; below packages/, tests and fixtures may. */
export function isContract(path: string): boolean {
  return /^(contracts|packages\/test-contracts)(\/|$)/.test(path);
}

/** What breaks a rule, as "file specifier", and why it may. */
export const exceptions: Readonly<Record<string, string>> = {
  'packages/cli/bin/weft.js node/package.json': 'looks whether the project has a Node of its own; it need not',
};
