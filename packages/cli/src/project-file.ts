import { z } from 'zod';

const dnsLabelRule = '1 to 40 of a-z, 0-9 and -, beginning with a letter';
const dnsLabel = z
  .string(`must be text: ${dnsLabelRule}`)
  .regex(/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/, `must be ${dnsLabelRule}`);

const folder = z
  .string('must be a path from the project file, as "proto"')
  .min(1, 'must name a folder')
  .refine((path) => !path.startsWith('/'), 'must be a path from the project file, as "proto"');
const folders = z.union([folder, z.array(folder).min(1, 'must name at least one folder')], {
  error: 'must be a folder or a list of folders, as "proto" or ["proto", "more/proto"]',
});
const names = z.array(dnsLabel).min(1, 'must name at least one service');

const logicalName = z
  .string('must be a logical name, such as bakery.orders')
  .regex(/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/, 'must be a logical name, such as bakery.orders');

/** A service that lives elsewhere. */
const use = z.union(
  [
    z.strictObject({
      /** Another project's checkout, whose services run here. */
      folder: z.string().min(1),
      /** Those of its services that do. Default: all. */
      services: names.optional(),
    }),
    /** An installed npm package that carries a runnable service: weft.yaml in its root. */
    z.strictObject({ package: z.string().min(1) }),
    z.strictObject({
      /** An installed contract package, instead of whose service a fake answers. */
      fake: z.string().min(1),
      /** A file of examples. */
      answers: z.string().min(1).optional(),
      /** A module with handlers. */
      handlers: z.string().min(1).optional(),
    }),
  ],
  { error: 'must be {folder, services}, {package} or {fake, answers | handlers}' },
);

/** What weft.project.yaml may say; docs/project-file.md explains it. */
export const projectFileSchema = z.strictObject(
  {
    /** npm scope of the contract packages. Default: the folder's name, made a DNS label. */
    name: dnsLabel.optional(),
    /** Default namespace of its services. Default: `name`. */
    namespace: dnsLabel.optional(),
    /** Folders of .proto files. */
    contracts: folders.default('proto'),
    /** Folders whose children with a weft.yaml are services. */
    services: folders.default('services'),
    /** Folder of the generated contract packages. */
    generated: folder.default('contracts'),
    /** What belongs to this checkout alone: logs, data, the mesh directory. */
    state: folder.default('.weft'),
    /** Services that live elsewhere. */
    uses: z.array(use).default([]),
    /** Logical names of other repositories that begin as this project's own: its contracts may name them. */
    elsewhere: z.array(logicalName).default([]),
  },
  { error: (issue) => (issue.code === 'unrecognized_keys' ? unknownField(issue.keys) : 'must be a map of fields') },
);

/** What a project file says, with defaults for what it does not. */
export type ProjectFile = z.infer<typeof projectFileSchema>;

/** A service of elsewhere, as the project file names it. */
export type Use = ProjectFile['uses'][number];

/** The name of the file at the root of a project. */
export const projectFileName = 'weft.project.yaml';

function unknownField(keys: readonly string[]): string {
  const known = 'name, namespace, contracts, services, generated, state, uses, elsewhere';
  return `${keys.map((key) => `"${key}"`).join(' and ')} is no field of a project file; expected: ${known}`;
}

/** A DNS label made of any text: "My Bakery!" gives "my-bakery". */
export function dnsLabelOf(text: string): string {
  const label = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 40)
    .replace(/-+$/, '');
  return label === '' ? 'project' : label;
}
