import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { ownKinds } from '@weft/compiler/kinds/registry';
import type { CodeBlock } from './code-block.ts';
import { yamlProblem } from './yaml-blocks.ts';

const root = join(import.meta.dirname, '../..');
const execute = promisify(execFile);
const tools = join(process.env.WEFT_CACHE ?? join(homedir(), '.cache/weft'), 'bin');
const env = { ...process.env, PATH: [process.env.PATH ?? '', tools].join(delimiter), KUBECONFIG: '/dev/null' };

/**
 * Stand-ins for what asks a cluster. helm renders a chart instead of installing it, with values that the chart's schema must permit, and
 * a release that is tested must have been rendered with a test. kubectl makes objects without sending them, and knows Weft's kinds.
 */
const standIns = `
set -eu
helm() {
  local verb=$1; shift
  case $verb in
    install) command helm template "$@" > "rendered-$1" ;;
    test) grep -q 'helm.sh/hook.*test' "rendered-$1" || { echo "the release $1 has no test"; return 1; } ;;
    *) echo "helm $verb is not checked"; return 1 ;;
  esac
}
kubectl() {
  case " $* " in
    *' create '*) command kubectl "$@" --dry-run=client -o yaml ;;
    ' patch meshconfig mesh --type=merge -p '*) echo "$6" >> patches ;;
    ' get '*) known "$2" ;;
    ' -n '*' describe '*) known "$4s" ;;
    ' -n '*' get events '*) ;;
    *) echo "kubectl $* is not checked"; return 1 ;;
  esac
}
known() {
  local kind
  for kind in $(echo "$1" | tr , ' '); do grep -qx "$kind" kinds || { echo "there is no kind $kind"; return 1; }; done
}
`;

/** Why commands for a cluster cannot be checked on this machine; undefined: they can. */
export async function noClusterTools(): Promise<string | undefined> {
  for (const [program, ...args] of [
    ['helm', 'version'],
    ['kubectl', 'version', '--client'],
  ] as const) {
    const missing = await execute(program, args, { env }).then(
      () => undefined,
      () => `there is no ${program} on PATH`,
    );
    if (missing) return missing;
  }
  return undefined;
}

/**
 * Runs a block of commands for a cluster as far as that goes without one, in a scratch folder with charts and contracts. The mark's hidden lines
 * run before. Returns what is wrong; undefined: nothing.
 */
export async function clusterProblem({ lines, mark }: CodeBlock): Promise<string | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'weft-docs-'));
  try {
    for (const folder of ['charts', 'contracts']) await symlink(join(root, folder), join(directory, folder));
    const names = ownKinds.flatMap(({ plural, group }) => [plural, `${plural}.${group}`]);
    await writeFile(join(directory, 'kinds'), `${names.join('\n')}\n`);
    await writeFile(join(directory, 'patches'), '');
    const script = [standIns, ...(mark?.hidden ?? []), ...lines].join('\n');
    await execute('bash', ['-c', script], { cwd: directory, env, maxBuffer: 1 << 26 });
    const patches = (await readFile(join(directory, 'patches'), 'utf8')).split('\n').filter(Boolean);
    return patches.map((patch) => yamlProblem('spec of MeshConfig', patch)).find((problem) => problem !== undefined);
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return `${stdout.slice(-2000)}${stderr}` || String(error);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** What helm says about values of a chart ("charts/weft"), beside the values `hidden`; undefined: it renders them. */
export async function valuesProblem(chart: string, values: string, hidden: string): Promise<string | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'weft-docs-'));
  try {
    await writeFile(join(directory, 'hidden.yaml'), hidden);
    await writeFile(join(directory, 'values.yaml'), values);
    const files = ['-f', join(directory, 'hidden.yaml'), '-f', join(directory, 'values.yaml')];
    await execute('helm', ['template', 'page', join(root, chart), ...files], { env, maxBuffer: 1 << 26 });
    return undefined;
  } catch (error) {
    return String((error as { stderr?: string }).stderr ?? error);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
