import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

interface Workflow {
  readonly jobs: Readonly<
    Record<string, { readonly steps: readonly { readonly run?: string; readonly uses?: string }[] }>
  >;
}

test('every command of a hosted workflow exists here', (t) => {
  const files = globSync('.github/workflows/*.yml', { cwd: root });
  t.true(files.length > 0);
  const targets = new Set(
    [...read('Makefile').matchAll(/^([a-z-]+(?: [a-z-]+)*):(?!=)/gm)].flatMap(([, names = '']) => names.split(' ')),
  );
  for (const file of files) {
    const { jobs }: Workflow = parse(read(file));
    for (const [job, { steps }] of Object.entries(jobs)) {
      for (const { run, uses } of steps) {
        t.true((run === undefined) !== (uses === undefined), `${file}: a step of ${job} has either run or uses`);
        for (const [, target = ''] of run?.matchAll(/^make (\S+)/gm) ?? [])
          t.true(targets.has(target), `make ${target}`);
        for (const [, charts = ''] of run?.matchAll(/^helm lint (.*)/gm) ?? [])
          for (const chart of charts.split(' ')) t.true(existsSync(join(root, chart, 'Chart.yaml')), chart);
      }
    }
  }
});

test('hosted and own runs use the same tools', (t) => {
  const ours = read('.ci/run');
  const modules = [...read('.github/workflows/ci.yml').matchAll(/go install (\S+)/g)].map(([, module = '']) => module);
  t.true(modules.length > 4);
  for (const module of modules.filter((each) => !each.startsWith('sigs.k8s.io/kind@')))
    t.true(ours.includes(module), module);
});

test('Renovate is configured', (t) => {
  const { extends: presets, packageRules }: { extends: string[]; packageRules: object[] } = JSON.parse(
    read('renovate.json'),
  );
  t.true(presets.includes('config:recommended'));
  t.true(packageRules.length > 0);
});
