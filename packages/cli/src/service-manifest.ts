import { basename, isAbsolute, join, relative } from 'node:path';
import { didYouMean } from '@weft/compiler/model/did-you-mean';
import { z } from 'zod';
import { parseYaml } from './parse-yaml.ts';
import { isReservedSchema } from './schema-name.ts';

const dnsLabel = z
  .string()
  .regex(/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/, 'must be 1 to 40 characters of a-z, 0-9 and -, beginning with a letter');

const databaseName = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,39}$/, 'must be 1 to 40 characters of a-z, 0-9 and _, beginning with a letter')
  .refine((name) => !isReservedSchema(name), {
    error: ({ input }) => `${String(input)} is reserved by PostgreSQL; choose another`,
  });

/** A command without a shell: a list of words, or one string that is split on spaces. */
const commandSchema = z
  .union([z.string(), z.array(z.union([z.string(), z.number()]))], 'must be a list of words, or text split on spaces')
  .transform((value) => (typeof value === 'string' ? value.split(' ').filter(Boolean) : value.map(String)))
  .refine((words) => words.length > 0 && words[0] !== '', 'must name a program');

/** Variables that the mesh sets for every process. A service that set them itself would bypass its Envoy. */
const reservedVariables: ReadonlySet<string> = new Set(['WEFT_SERVICE', 'WEFT_LISTEN', 'WEFT_OUTBOUND']);

const environmentSchema = z
  .record(
    z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable: letters, digits and _')
      .refine((name) => !reservedVariables.has(name), 'is set by the mesh; leave it out'),
    z
      .union([z.string(), z.number(), z.boolean()], 'must be text, a number, true or false')
      .transform(String)
      .refine((value) => !value.includes('\0'), 'must not contain a NUL'),
    'must be a map of variables to values',
  )
  .default({});

const healthPath = z.string('must be a path: "/healthz"').regex(/^\/\S*$/, 'must be a path: "/healthz"');

const defaultHealthPath = '/healthz';

const healthSchema = z
  .union(
    [
      z.enum(['grpc', 'http', 'tcp', 'none']),
      z.strictObject({ http: z.strictObject({ path: healthPath.default(defaultHealthPath) }) }),
    ],
    'must be grpc, http, tcp, none, or {http: {path: /healthz}}',
  )
  .transform((value): HealthCheck => {
    if (typeof value === 'object') return { protocol: 'http', path: value.http.path };
    return value === 'http' ? { protocol: 'http', path: defaultHealthPath } : { protocol: value };
  });

const replicasRule = 'must be a whole number from 0 to 50';

const serviceManifestSchema = z.strictObject({
  /** Unique in its namespace; replicas are `<name>-0`, `<name>-1` and so on, and its service account is the same. */
  name: dnsLabel,
  namespace: dnsLabel,
  /** Its logical name in contracts: a proto package without its version. */
  contract: z
    .string()
    .regex(
      /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$/,
      'must be a proto package without its version, for example "bakery.orders"',
    )
    .optional(),
  /** The PostgreSQL schema that it owns, and its role of the same name. Unset: it needs no database. */
  schema: databaseName.optional(),
  replicas: z.int(replicasRule).min(0, replicasRule).max(50, replicasRule).default(1),
  /** What Node runs, in the service's directory. */
  main: z.string().min(1).optional(),
  /** What runs instead of Node. */
  command: commandSchema.optional(),
  /** Environment variables of its process, besides those that the mesh sets. */
  env: environmentSchema,
  /** Its working directory, relative to the service's directory. */
  cwd: z.string().min(1).default('.'),
  /** Whether WEFT_LISTEN is a unix socket or a port of 127.0.0.1. */
  listen: z.enum(['unix', 'tcp'], 'must be unix or tcp').default('unix'),
  /** How its readiness is checked. */
  health: healthSchema.default({ protocol: 'grpc' }),
  /** Files that restart it when they change, as globs in the service's directory. */
  watch: z.array(z.string().min(1)).min(1).optional(),
  /** The command that runs its tests, in its directory. Default: the script "test" of its package.json, if there is one. */
  test: commandSchema.optional(),
  /** Commands to suggest when the mesh is up: `{edge}` is the edge's host and port, `{id}` is new each time. */
  try: z.array(z.string().min(1)).max(10).default([]),
});

/** How a process shows that it serves: grpc.health.v1, a 2xx response over HTTP/1.1, an accepted connection, or simply by running. */
export type HealthCheck =
  | { readonly protocol: 'grpc' | 'tcp' | 'none' }
  | { readonly protocol: 'http'; readonly path: string };

/** A service's weft.yaml with every default filled in. */
export type ServiceManifest = Readonly<Omit<z.infer<typeof serviceManifestSchema>, 'main' | 'watch' | 'cwd'>> & {
  /** The service's directory. */
  readonly directory: string;
  /** Its weft.yaml, relative to the project, for messages. */
  readonly file: string;
  /** The working directory of its process, absolute. */
  readonly cwd: string;
  /** What Node runs; undefined if there is a `command`. */
  readonly main: string | undefined;
  /** Globs in `directory`. Of `**` + `/*`, its default with a `command`, node_modules, __pycache__ and dot folders are never meant. */
  readonly watch: readonly string[];
  /** Set for an external service that the project uses. */
  readonly elsewhere?: Elsewhere;
};

/** The origin of an external service. */
export interface Elsewhere {
  /** In words: "a fake of @bank/payments-contract". */
  readonly what: string;
  /** The FileDescriptorSet of its contract, absolute; undefined: it has none. */
  readonly descriptorFile: string | undefined;
}

/** Defaults for a weft.yaml in its project. */
export interface ManifestDefaults {
  /** The project's root, to which `file` is relative. */
  readonly root: string;
  readonly namespace: string;
  /** The contract of a service of this name, if the project has one. */
  readonly contractOf: (name: string) => string | undefined;
}

/** Reads the weft.yaml in a service's `directory`. */
export function parseServiceManifest(
  text: string,
  directory: string,
  defaults: ManifestDefaults,
): ServiceManifest | { message: string } {
  const read = parseYaml(text);
  if ('problem' in read) return { message: read.problem };
  const { content } = read;
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    return { message: 'must contain fields, for example "name: orders"' };
  }
  const result = serviceManifestSchema.safeParse({
    name: basename(directory),
    namespace: defaults.namespace,
    ...content,
  });
  if (!result.success) return { message: result.error.issues.map(issueWords).join('; ') };
  const { main, watch, cwd, contract = defaults.contractOf(result.data.name), ...fields } = result.data;
  if (main !== undefined && fields.command !== undefined) {
    return { message: 'main and command: a service has only one of them; remove the other' };
  }
  return {
    ...fields,
    ...(contract === undefined ? {} : { contract }),
    main: fields.command ? undefined : (main ?? defaultMain),
    watch: watch ?? (fields.command ? ['**/*'] : ['src/**', 'migrations/**', 'package.json', 'weft.yaml']),
    cwd: isAbsolute(cwd) ? cwd : join(directory, cwd),
    directory,
    file: relative(defaults.root, join(directory, 'weft.yaml')),
  };
}

const defaultMain = 'src/main.ts';

function issueWords(issue: z.core.$ZodIssue): string {
  const known = Object.keys(serviceManifestSchema.shape);
  if (issue.code === 'unrecognized_keys' && issue.path.length === 0) {
    return issue.keys
      .map((key) => `there is no field ${key}.${didYouMean(key, known)} The fields are ${known.join(', ')}`)
      .join('; ');
  }
  // For a refused key, zod reports the message of the whole map.
  const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : plainWords(issue);
  return `${issue.path.join('.') || 'the file'}: ${message}`;
}

/** A message without the terms of a schema library. */
function plainWords({ code, message }: z.core.$ZodIssue): string {
  if (code === 'invalid_type')
    return message.replace(/^Invalid input: expected (\w+), .*$/, (_, type) => `must be ${typeWords[type] ?? type}`);
  return message.replace(/^Too small: expected (string|array) .*$/, 'must not be empty');
}

const typeWords: Readonly<Record<string, string>> = { string: 'text', array: 'a list' };
