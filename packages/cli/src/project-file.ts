import { normalize } from 'node:path';
import { z } from 'zod';

const dnsLabelRule = '1 to 40 characters of a-z, 0-9 and -, beginning with a letter';
const dnsLabel = z
  .string(`must be text: ${dnsLabelRule}`)
  .regex(/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/, `must be ${dnsLabelRule}`);

/** First parts of well-known proto packages, and namespaces of Kubernetes. create-weft refuses the same names. */
const reservedNames: ReadonlySet<string> = new Set([
  'weft',
  'google',
  'buf',
  'grpc',
  'envoy',
  'edge',
  'kube-system',
  'kube-public',
]);

const projectName = dnsLabel.refine((name) => !reservedNames.has(name), {
  error: ({ input }) => `${String(input)} is reserved; choose another, for example my-${String(input)}`,
});

const folder = z
  .string('must be a path relative to the project file, for example "proto"')
  .min(1, 'must name a folder')
  .refine((path) => !path.startsWith('/'), 'must be a path relative to the project file, for example "proto"')
  .refine((path) => !/^\.\.(\/\.\.)*\/?$/.test(normalize(path)), {
    error: ({ input }) => `${String(input)} contains the whole project; name a folder of its own, for example "proto"`,
  });
const folders = z.union([folder, z.array(folder).min(1, 'must name at least one folder')], {
  error: 'must be a folder or a list of folders, for example "proto" or ["proto", "more/proto"]',
});
const names = z.array(dnsLabel).min(1, 'must name at least one service');

const logicalName = z
  .string('must be a logical name, such as bakery.orders')
  .regex(/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/, 'must be a logical name, such as bakery.orders');

/** A service that is not part of the project. */
const use = z.union(
  [
    z.strictObject({
      /** The checkout of another project, whose services run here. */
      folder: z.string().min(1),
      /** Which of its services run. Default: all. */
      services: names.optional(),
    }),
    /** An installed npm package that contains a runnable service: it has weft.yaml in its root. */
    z.strictObject({ package: z.string().min(1) }),
    z.strictObject({
      /** An installed contract package for which a fake answers. */
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
export const projectFileSchema = z
  .strictObject(
    {
      /** npm scope of the contract packages. Default: the folder's name, made a DNS label. */
      name: projectName.optional(),
      /** Default namespace of its services. Default: `name`. */
      namespace: dnsLabel.optional(),
      /** Folders of .proto files. */
      contracts: folders.default('proto'),
      /** Folders whose children with a weft.yaml are services. */
      services: folders.default('services'),
      /** Folder of the generated contract packages. */
      generated: folder.default('contracts'),
      /** The state of this checkout: logs, data, the mesh directory. */
      state: folder.default('.weft'),
      /** Services that are not part of the project. */
      uses: z.array(use).default([]),
      /** Logical names of other repositories that begin as this project's own: its contracts may name them. */
      elsewhere: z.array(logicalName).default([]),
    },
    { error: (issue) => (issue.code === 'unrecognized_keys' ? unknownField(issue.keys) : 'must be a map of fields') },
  )
  .superRefine((file, context) => {
    // Weft removes files in these two.
    for (const field of ['generated', 'state'] as const) {
      const sources = [...[file.contracts].flat(), ...[file.services].flat()];
      if (field === 'state') sources.push(file.generated);
      const inside = sources.find((source) => ownFolder(source).startsWith(ownFolder(file[field])));
      if (inside === undefined) continue;
      const message = `${file[field]} would contain ${inside}, and Weft writes and removes files there; choose another folder`;
      context.addIssue({ code: 'custom', path: [field], message });
    }
  });

/** The content of a project file, with defaults filled in. */
export type ProjectFile = z.infer<typeof projectFileSchema>;

/** An external service, as the project file names it. */
export type Use = ProjectFile['uses'][number];

/** The name of the file at the root of a project. */
export const projectFileName = 'weft.project.yaml';

/** A folder as every path in it begins. */
function ownFolder(path: string): string {
  const folder = normalize(`${path}/`);
  return folder === './' ? '' : folder;
}

function unknownField(keys: readonly string[]): string {
  const known = 'name, namespace, contracts, services, generated, state, uses, elsewhere';
  return `${keys.map((key) => `"${key}"`).join(' and ')} is not a field of a project file; expected: ${known}`;
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
