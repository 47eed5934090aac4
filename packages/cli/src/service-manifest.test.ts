import test from 'ava';
import { type ManifestDefaults, parseServiceManifest } from './service-manifest.ts';

const defaults: ManifestDefaults = {
  root: '/p',
  namespace: 'bakery',
  contractOf: (name) => (name === 'cart' ? 'bakery.cart' : undefined),
};

const read = (text: string, directory = '/p/services/cart') => parseServiceManifest(text, directory, defaults);

const message = (text: string) => {
  const result = read(text);
  return 'message' in result ? result.message : 'accepted';
};

test('what is not said has its default', (t) => {
  t.deepEqual(read(''), {
    name: 'cart',
    namespace: 'bakery',
    contract: 'bakery.cart',
    replicas: 1,
    main: 'src/main.ts',
    env: {},
    cwd: '/p/services/cart',
    listen: 'unix',
    health: { protocol: 'grpc' },
    watch: ['src/**', 'migrations/**', 'package.json', 'weft.yaml'],
    try: [],
    directory: '/p/services/cart',
    file: 'services/cart/weft.yaml',
  });
});

test('a service in another language: its command, variables, folder, listener, health and files', (t) => {
  const result = read(
    'name: ovens\ncommand: python3 -m ovens\nenv: {WORKERS: 2, DEBUG: true, NAME: a b}\ncwd: app\nlisten: tcp\nhealth: tcp\nwatch: ["*.py"]\n',
  );
  t.like(result, {
    name: 'ovens',
    main: undefined,
    command: ['python3', '-m', 'ovens'],
    env: { WORKERS: '2', DEBUG: 'true', NAME: 'a b' },
    cwd: '/p/services/cart/app',
    listen: 'tcp',
    health: { protocol: 'tcp' },
    watch: ['*.py'],
  });
  t.false('contract' in result, 'bakery has no contract bakery.ovens');
  t.like(read('command: [./cart, --port, 80]\n'), { command: ['./cart', '--port', '80'], watch: ['**/*'] });
});

for (const [text, health] of [
  ['health: http', { protocol: 'http', path: '/healthz' }],
  ['health: {http: {}}', { protocol: 'http', path: '/healthz' }],
  ['health: {http: {path: /ready}}', { protocol: 'http', path: '/ready' }],
  ['health: none', { protocol: 'none' }],
] as const) {
  test(text, (t) => {
    t.like(read(text), { health });
  });
}

for (const [title, text, expected] of [
  [
    'a misspelt field',
    'name: catalog\nreplica: 3\n',
    /^there is no field replica\. Did you mean replicas\? The fields are name, .*try$/,
  ],
  ['a name that is not a DNS label', 'name: Catalog_1\n', /name: must be 1 to 40 characters of a-z/],
  ['a schema that would need quoting', 'name: a\nschema: "x; drop"\n', /schema: must be/],
  ['a schema of PostgreSQL', 'schema: pg_catalog\n', /schema: pg_catalog is reserved by PostgreSQL; choose another/],
  ['the schema public', 'schema: public\n', /schema: public is reserved/],
  ['the role postgres', 'schema: postgres\n', /schema: postgres is reserved/],
  ['too many replicas', 'name: a\nreplicas: 51\n', /replicas: .*50/],
  [
    'a file that would take minutes to parse',
    `env:\n${'  A: b\n'.repeat(60_000)}`,
    /has 420005 characters, and Weft reads at most 65536; shorten it/,
  ],
  ['replicas in words', 'replicas: two\n', /^replicas: must be a whole number from 0 to 50$/],
  ['half a replica', 'replicas: 0.5\n', /^replicas: must be a whole number from 0 to 50$/],
  ['a name that is a number', 'name: 1\n', /^name: must be text$/],
  ['an empty main', 'main: ""\n', /^main: must not be empty$/],
  ['one glob outside a list', 'watch: src\n', /^watch: must be a list$/],
  ['two documents', 'name: a\n---\nname: b\n', /has 2 YAML documents; keep one/],
  ['an alias of nothing', 'name: *a\n', /not YAML: Unresolved alias/],
  ['no YAML', 'name: [\n', /not YAML: /],
  ['a list', '- name\n', /must contain fields/],
  ['main and command at once', 'main: a.ts\ncommand: b\n', /main and command: .*remove/],
  ['an empty command', 'command: []\n', /command: must name a program/],
  ['a command of blanks', 'command: "  "\n', /command: must name a program/],
  ['a command that is a map', 'command: {run: x}\n', /command: must be a list/],
  ['a variable that the mesh sets', 'env: {WEFT_LISTEN: x}\n', /WEFT_LISTEN: is set by the mesh/],
  [
    'a variable with a name that no shell takes',
    'env: {"A-B": x}\n',
    /A-B: must be the name of an environment variable/,
  ],
  ['a variable without a value', 'env: {A: }\n', /env.A: must be text/],
  ['a listener of a third kind', 'listen: 8080\n', /listen: must be unix or tcp/],
  ['a health check of a fifth kind', 'health: ping\n', /health: must be grpc, http, tcp, none/],
  ['a health path that is none', 'health: {http: {path: ready}}\n', /health/],
  ['nothing to watch', 'watch: []\n', /watch/],
] as const) {
  test(`refused with the field and what would be right: ${title}`, (t) => {
    t.regex(message(text), expected);
  });
}

test('a folder whose name is no service name asks for one', (t) => {
  const result = read('', '/p/services/My_Cart');
  t.regex('message' in result ? result.message : 'accepted', /name: must be/);
});
