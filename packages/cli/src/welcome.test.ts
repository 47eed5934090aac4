import test from 'ava';
import { suggestions, troubleText, welcome } from './welcome.ts';

const plain = (_style: string, text: string): string => text;

test('what services suggest is shown with the address of the edge and ids of its own', (t) => {
  const services = [
    { service: { try: ['call {edge} {id} {id}'] }, descriptorSet: undefined },
    { service: { try: [] }, descriptorSet: undefined },
  ];
  const text = welcome(8080, suggestions(services, 8080), plain);
  t.regex(text, /^The mesh is up: .* on http:\/\/localhost:8080\n/);
  const [, one, two] = /\n {2}call localhost:8080 ([0-9a-f]{8}) ([0-9a-f]{8})\n/.exec(text) ?? [];
  t.truthy(one);
  t.not(one, two);
});

test('Connect is promised where every service answers it, else with its exceptions', (t) => {
  t.regex(welcome(8080, [], plain), /^The mesh is up: gRPC, gRPC-Web, Connect and JSON on /);
  t.regex(
    welcome(8080, [], plain, ['menu', 'stock']),
    /^The mesh is up: gRPC, gRPC-Web and JSON on http:\/\/localhost:8080; Connect too, except for menu, stock\n/,
  );
});

test('what does not run is named with its reason, and nothing is said when everything runs', (t) => {
  t.deepEqual(troubleText([], plain), []);
  t.deepEqual(troubleText([{ subject: 'cart', message: 'it does not listen yet' }], plain), [
    'Not everything runs; the rest does, and goes on without it:\n  cart: it does not listen yet',
  ]);
});
