import test from 'ava';
import { jsonPatch } from './json-patch.ts';

test('equal values need no operation', (t) => {
  t.deepEqual(jsonPatch({ a: [1, { b: null }] }, { a: [1, { b: null }] }), []);
});

test('fields are added, replaced and removed', (t) => {
  t.deepEqual(jsonPatch({ keep: 1, gone: 2, old: 3 }, { keep: 1, old: 4, fresh: { a: 1 } }), [
    { op: 'remove', path: '/gone' },
    { op: 'replace', path: '/old', value: 4 },
    { op: 'add', path: '/fresh', value: { a: 1 } },
  ]);
});

test('keys are escaped as RFC 6901 has it', (t) => {
  t.deepEqual(jsonPatch({ 'a/b~c': 1 }, { 'a/b~c': 2 }), [{ op: 'replace', path: '/a~1b~0c', value: 2 }]);
});

test('items of lists of one length change by themselves, other lists as a whole', (t) => {
  t.deepEqual(jsonPatch({ l: [{ a: 1 }, 2] }, { l: [{ a: 9 }, 2] }), [{ op: 'replace', path: '/l/0/a', value: 9 }]);
  t.deepEqual(jsonPatch({ l: [1] }, { l: [1, 2] }), [{ op: 'replace', path: '/l', value: [1, 2] }]);
});

test('a field that is undefined is not there', (t) => {
  t.deepEqual(jsonPatch({ a: undefined, b: 1 }, { a: 1, b: undefined }), [
    { op: 'remove', path: '/b' },
    { op: 'add', path: '/a', value: 1 },
  ]);
});

test('what is null becomes what is said', (t) => {
  t.deepEqual(jsonPatch({ a: null }, { a: {} }), [{ op: 'replace', path: '/a', value: {} }]);
});
