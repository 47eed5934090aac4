import test from 'ava';
import { parseHttpTemplate, templateShape } from './http-template.ts';

test('parseHttpTemplate: literals, variables, patterns and custom verbs', (t) => {
  t.deepEqual(parseHttpTemplate('/v1/{name=shelves/*/books/**}:read'), {
    segments: [{ literal: 'v1' }, { literal: 'shelves' }, '*', { literal: 'books' }, '**'],
    fields: ['name'],
    customVerb: 'read',
  });
  t.deepEqual(parseHttpTemplate('/v1/orders/{order.id}')?.fields, ['order.id']);
});

test('parseHttpTemplate: what is no template', (t) => {
  for (const text of [
    '',
    'v1',
    '/',
    '/v1/{',
    '/v1/}',
    '/v1//x',
    '/v1/{a=**}/x',
    '/v1/{1-2}',
    '/v1/a b',
    '/v1/x:',
    '/v1?x=1',
  ]) {
    t.is(parseHttpTemplate(text), undefined, text);
  }
});

test('templateShape: the names of variables do not matter', (t) => {
  t.is(templateShape('/v1/orders/{id}:watch'), templateShape('/v1/orders/{order_id}:watch'));
  t.not(templateShape('/v1/orders/{id}'), templateShape('/v1/orders/{id}:watch'));
});
