import { fc, testProp } from '@fast-check/ava';
import test from 'ava';
import { parseHttpTemplate } from './http-template.ts';
import { TemplateIndex } from './template-index.ts';
import { bySpecificity, stepsOf, type TemplateStep, templatesOverlap } from './template-overlap.ts';

function steps(text: string): readonly TemplateStep[] {
  const template = parseHttpTemplate(text);
  if (template === undefined) throw new Error(`${text} is no template`);
  return stepsOf(template);
}

test('templatesOverlap: literals, variables, open ends and custom verbs', (t) => {
  const cases: readonly (readonly [a: string, b: string, overlap: boolean])[] = [
    ['/v1/products/{id}', '/v1/products/{sku}', true],
    ['/v1/products/{id}', '/v1/{id=**}', true],
    ['/v1', '/v1/{id=**}', true],
    ['/v1/products', '/v1/products/{id}', false],
    ['/v1/{a}/list', '/v1/things/{b}', true],
    ['/v1/{a}/list', '/v1/things/{b}/list', false],
    ['/v1/{name=things/*}', '/v1/things/{id}', true],
    ['/v1/{name=things/*}', '/v1/parts/{id}', false],
    ['/v1/things:search', '/v1/things', false],
    ['/v1/things:search', '/v1/{any}', true],
    ['/v1/things:search', '/v1/{any}:search', true],
    ['/v1/things:search', '/v1/{any}:list', false],
    ['/v1/{a}:search', '/v1/{b}:list', false],
    ['/v1/{a}:search', '/v1/{b}', true],
    ['/v1/{a=**}:search', '/v1:search', true],
    ['/v1/{a=**}:search', '/v1/{b}/{c}', true],
    ['/v1/{a=**}:search', '/v1/x', false],
    ['/{a=**}', '/v1/things:search', true],
    ['/{a=**}', '/x/{b=**}:y', true],
  ];
  for (const [a, b, overlap] of cases) {
    t.is(templatesOverlap(steps(a), steps(b)), overlap, `${a} ${b}`);
    t.is(templatesOverlap(steps(b), steps(a)), overlap, `${b} ${a}`);
  }
});

test('bySpecificity: from the left, literals before variables before open ends', (t) => {
  const ordered = [
    '/v1/a/b',
    '/v1/a/{x}:verb',
    '/v1/a/{x}',
    '/v1/a',
    '/v1/a/{x=**}',
    '/v1/{x}:verb',
    '/v1/{x}/a',
    '/v1/{x}',
    '/v1/{x=**}',
    '/{x=**}',
  ];
  const shuffled = [...ordered].reverse().sort((a, b) => bySpecificity(steps(a), steps(b)));
  t.deepEqual(shuffled, ordered);
  t.is(bySpecificity(steps('/v1/{name=things/*}'), steps('/v1/things/{id}')), 0);
});

// A naive matcher, and every path that is short enough.

const word = fc.constantFrom('a', 'b');
const template = fc
  .record({
    segments: fc.array(fc.oneof(word, fc.constant('*')), { maxLength: 3 }),
    open: fc.boolean(),
    verb: fc.option(fc.constantFrom(':x', ':y'), { nil: '' }),
  })
  .map(({ segments, open, verb }) => [...segments, ...(open || segments.length === 0 ? ['**'] : [])].join('/') + verb)
  .map((text) => `/${text}`);

const lastSegments = ['a', 'b', 'c', 'a:x', 'b:x', 'c:x', 'a:y', 'b:y', 'c:y'];
const paths: readonly string[] = (() => {
  const found: string[] = [];
  const grow = (path: string, length: number) => {
    for (const last of lastSegments) found.push(`${path}/${last}`);
    if (length < 4) for (const segment of ['a', 'b', 'c']) grow(`${path}/${segment}`, length + 1);
  };
  grow('', 1);
  return found;
})();

function matches(text: string, path: string): boolean {
  const [, body = '', verb] = /^\/(.*?)(?::([xy]))?$/.exec(text) ?? [];
  let rest = path;
  if (verb !== undefined) {
    if (!rest.endsWith(`:${verb}`)) return false;
    rest = rest.slice(0, -verb.length - 1);
  }
  const segments = rest.split('/').slice(1);
  const wanted = body.split('/');
  const isOpen = wanted.at(-1) === '**';
  const fixed = isOpen ? wanted.slice(0, -1) : wanted;
  if (isOpen ? segments.length < fixed.length : segments.length !== fixed.length) return false;
  return fixed.every((one, at) => one === '*' || one === segments[at]) && !segments.includes('');
}

testProp('templatesOverlap: exactly when a naive matcher finds a path for both', [template, template], (t, a, b) => {
  const both = paths.filter((path) => matches(a, path) && matches(b, path));
  t.is(templatesOverlap(steps(a), steps(b)), both.length > 0, `${a} ${b}: ${both.slice(0, 3)}`);
});

testProp(
  'TemplateIndex: finds what overlaps, and nothing else',
  [fc.uniqueArray(template, { maxLength: 20 }), template],
  (t, templates, wanted) => {
    const items = templates.map((text) => ({ text, steps: steps(text) }));
    const found = new TemplateIndex(items).overlapping(steps(wanted)).map(({ text }) => text);
    const expected = templates.filter((text) => templatesOverlap(steps(text), steps(wanted)));
    t.deepEqual(found.sort(), expected.sort());
  },
);

testProp('bySpecificity: one order, whatever else there is', [template, template, template], (t, a, b, c) => {
  const compare = (x: string, y: string) => Math.sign(bySpecificity(steps(x), steps(y)));
  t.is(compare(a, b) + compare(b, a), 0);
  if (compare(a, b) <= 0 && compare(b, c) <= 0) t.true(compare(a, c) <= 0);
  if (compare(a, b) === 0 && templatesOverlap(steps(a), steps(b))) t.deepEqual(steps(a), steps(b));
});
