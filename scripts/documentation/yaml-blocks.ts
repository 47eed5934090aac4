import { join } from 'node:path';
import { parseDirectory } from '@weft/compiler/mesh-directory/parse-directory';
import { problemWords } from '@weft/compiler/model/problem';
import { parse, stringify } from 'yaml';
import { projectFileSchema } from '../../packages/cli/src/project-file.ts';
import { parseServiceManifest } from '../../packages/cli/src/service-manifest.ts';

/**
 * What is wrong with a block that is a file or a part of one, by what it is; undefined: nothing.
 * @throws when nothing is known by that name.
 */
export function yamlProblem(what: string, text: string): string | undefined {
  if (what === 'weft.yaml') return serviceProblem(text);
  if (what === 'weft.project.yaml') return projectProblem(text);
  if (what === 'manifests') return manifestProblem(text);
  const kind = /^spec of (\w+)$/.exec(what)?.[1];
  if (kind === undefined) throw new Error(`nothing checks a block as ${what}`);
  const head = { apiVersion: 'weft.dev/v1', kind, metadata: { namespace: 'shop', name: 'mesh' } };
  const { spec } = parse(text);
  const required = kind === 'MeshConfig' ? { packages: [] } : {};
  return manifestProblem(stringify({ ...head, spec: { ...required, ...spec } }));
}

const meshConfig = 'apiVersion: weft.dev/v1\nkind: MeshConfig\nmetadata: {name: mesh}\nspec: {packages: []}\n';

function serviceProblem(text: string): string | undefined {
  const defaults = { root: '/', namespace: 'bakery', contractOf: () => undefined };
  const read = parseServiceManifest(text, join('/', 'services', 'cart'), defaults);
  return 'message' in read ? read.message : undefined;
}

function projectProblem(text: string): string | undefined {
  const { error } = projectFileSchema.safeParse(parse(text));
  return error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
}

function manifestProblem(text: string): string | undefined {
  const files = new Map([['page.yaml', Buffer.from(text)]]);
  // A mesh has one, on whatever page.
  if (!/^kind: MeshConfig$/m.test(text)) files.set('mesh.yaml', Buffer.from(meshConfig));
  const { problems } = parseDirectory(files);
  if (problems.length === 0) return undefined;
  return problems.map((problem) => `${problem.field}: ${problemWords(problem)}`).join('; ');
}
