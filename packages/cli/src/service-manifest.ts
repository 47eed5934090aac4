import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { reasonOf } from './command-error.ts';

const dnsLabel = z
  .string()
  .regex(/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/, 'must be 1 to 40 of a-z, 0-9 and -, beginning with a letter');

const databaseName = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,39}$/, 'must be 1 to 40 of a-z, 0-9 and _, beginning with a letter');

const serviceManifestSchema = z.strictObject({
  /** Unique in its namespace; replicas are `<name>-0`, `<name>-1` and so on, and its service account is the same. */
  name: dnsLabel,
  namespace: dnsLabel.default('default'),
  /** Its logical name, by which contracts know it: a proto package without its version. */
  contract: z
    .string()
    .regex(/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$/, 'must be a proto package without its version, as "shop.orders"')
    .optional(),
  /** The schema that it owns in PostgreSQL, and the role of that name; none: it needs no database. */
  schema: databaseName.optional(),
  replicas: z.int().min(0).max(50).default(1),
  /** What Node runs, in the service's directory. */
  main: z.string().min(1).default('src/main.ts'),
  /** Commands to suggest when the mesh is up: `{edge}` is the edge's host and port, `{id}` is new each time. */
  try: z.array(z.string().min(1)).max(10).default([]),
});

/** What weft.yaml says about running one service on one machine. */
export type ServiceManifest = Readonly<z.infer<typeof serviceManifestSchema>> & {
  /** The service's directory. */
  readonly directory: string;
};

/** A weft.yaml that was not understood. */
export interface ManifestProblem {
  /** Relative to the project. */
  readonly file: string;
  /** A sentence with the field, what is wrong and what would be right. */
  readonly message: string;
}

/** All services of a project, by name, and those that could not be read. */
export function readServiceManifests(
  servicesDir: string,
  root: string,
): { services: ServiceManifest[]; problems: ManifestProblem[] } {
  const services: ServiceManifest[] = [];
  const problems: ManifestProblem[] = [];
  for (const entry of readdirSync(servicesDir).sort()) {
    const directory = join(servicesDir, entry);
    const path = join(directory, 'weft.yaml');
    if (!existsSync(path)) continue;
    const file = relative(root, path);
    const read = parseServiceManifest(readFileSync(path, 'utf8'), directory);
    if ('message' in read) {
      problems.push({ file, message: read.message });
    } else if (services.some((other) => other.name === read.name && other.namespace === read.namespace)) {
      problems.push({
        file,
        message: `name: ${read.namespace}/${read.name} is taken by another service; choose another`,
      });
    } else {
      services.push(read);
    }
  }
  return { services, problems };
}

/** Reads one weft.yaml. */
export function parseServiceManifest(text: string, directory: string): ServiceManifest | { message: string } {
  let content: unknown;
  try {
    content = parse(text);
  } catch (error) {
    return { message: `not YAML: ${reasonOf(error)}` };
  }
  const result = serviceManifestSchema.safeParse(content ?? {});
  if (result.success) return { ...result.data, directory };
  const message = result.error.issues
    .map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`)
    .join('; ');
  return { message };
}
