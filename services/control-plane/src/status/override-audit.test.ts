import type { Override } from '@weft/compiler/model/override';
import { weftRef } from '@weft/compiler/model/resource-ref';
import test from 'ava';
import { auditOverrides } from './override-audit.ts';

const active: Override = {
  id: 'bakery/calm',
  ref: weftRef('MeshOverride', 'calm', 'bakery'),
  service: 'bakery/orders',
  methods: [],
  effects: [{ kind: 'no-retry' }],
  refusals: [],
  state: 'active',
  reason: 'it loops',
  by: 'ann',
  origin: 'MeshOverride bakery/calm',
};
const ended: Override = { ...active, state: 'ended', effects: [] };
const refused: Override = {
  ...active,
  state: 'refused',
  effects: [],
  refusals: [{ field: 'spec.allow', message: 'no' }],
};

test('each turn of an override is told once', (t) => {
  const told = (before: Override | undefined, after: Override | undefined) =>
    auditOverrides(new Map([['bakery/calm', { ...(before && { before }), ...(after && { after }) }]])).map(
      ({ message }) => message,
    );
  t.deepEqual(told(undefined, active), ['an override holds']);
  t.deepEqual(told(active, { ...active, reason: 'another' }), ['an override holds']);
  t.deepEqual(told(active, ended), ['an override has ended by itself']);
  t.deepEqual(told(ended, { ...ended, reason: 'another' }), []);
  t.deepEqual(told(undefined, refused), ['an override was refused']);
  t.deepEqual(told(active, undefined), ['an override was removed']);
  t.deepEqual(told(ended, undefined), []);
  t.deepEqual(auditOverrides(new Map()), []);
  t.like(auditOverrides(new Map([['bakery/calm', { after: active }]]))[0]?.fields, { who: 'ann', why: 'it loops' });
});
