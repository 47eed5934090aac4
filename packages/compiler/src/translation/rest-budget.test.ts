import test from 'ava';
import { parseHttpTemplate } from '../model/http-template.ts';
import { pathLayers } from '../model/path-layers.ts';
import { stepsOf } from '../model/template-overlap.ts';
import { type CostlyPath, maxOverlapSteps, pathsOverBudget } from './rest-budget.ts';

function path(group: string, template: string, more: Partial<CostlyPath> = {}): CostlyPath {
  const parsed = parseHttpTemplate(template);
  if (parsed === undefined) throw new Error(template);
  return { verb: 'GET', steps: stepsOf(parsed), group, bytes: 1000, sinceMs: 1, ...more };
}

/** How many routes the paths that are left need. */
function routes(paths: readonly CostlyPath[], maxBytes: number): number {
  const over = pathsOverBudget(paths, maxBytes);
  const layers = pathLayers(paths.filter((one) => !over.has(one)));
  return layers.reduce(
    (sum, layer) => sum + new Set(layer.map(({ entry, verb }) => `${entry.group} ${verb ?? ''}`)).size,
    0,
  );
}

test('a group whose paths nobody stands between needs one route, however many they are', (t) => {
  const paths = Array.from({ length: 500 }, (_, n) => path('a', `/v1/${n}/{id}`));
  t.is(pathsOverBudget(paths, 1000).size, 0);
});

test('paths of two groups that alternate need no more routes than the budget has', (t) => {
  const paths = Array.from({ length: 40 }, (_, n) =>
    path(n % 2 === 0 ? 'a' : 'b', `/v1/${'x/'.repeat(40 - n)}${'*/'.repeat(n)}end`),
  );
  t.is(routes(paths, 1_000_000), 40);
  t.true(routes(paths, 10_000) <= 10);
});

test('paths that are told by verbs need no more routes than the budget has', (t) => {
  const paths = Array.from({ length: 200 }, (_, n) => path(n % 2 === 0 ? 'a' : 'b', '/v1/x', { verb: `V${n}` }));
  t.is(routes(paths, 1_000_000), 200);
  t.true(routes(paths, 10_000) <= 10);
});

test('who was there first keeps its paths', (t) => {
  const old = Array.from({ length: 3 }, (_, n) => path('z', `/v1/${n}/{id}`));
  const fresh = [path('a', '/v1/{id=**}', { sinceMs: 2 }), path('b', '/v2/{id}', { sinceMs: Infinity })];
  t.deepEqual([...pathsOverBudget([...fresh, ...old], 2000).keys()], fresh.slice(1));
});

test('paths that all overlap each other are not all looked at', (t) => {
  const paths = Array.from({ length: 2000 }, (_, n) => [
    path('a', `/v1/{id}/x${n}`),
    path('b', `/v1/y${n}/{id}`, { sinceMs: 2 }),
  ]).flat();
  const over = pathsOverBudget(paths, 1e9);
  t.true([...over.keys()].every(({ group }) => group === 'b'));
  t.true(over.size > 1000);
  t.regex([...over.values()][0] ?? '', new RegExp(`more than ${maxOverlapSteps} steps`));
});
