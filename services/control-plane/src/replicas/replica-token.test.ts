import test from 'ava';
import { makeRoot, readAuthority } from '../identity/root-authority.ts';
import { rootsOf, steadyRoots } from '../identity/root-state.ts';
import { isReplicaToken, replicaToken } from './replica-token.ts';

const nowMs = Date.now();
const [current, next] = [makeRoot(nowMs), makeRoot(nowMs)];
const ofCurrent = steadyRoots(readAuthority(current, 'the root', nowMs));
const ofNext = steadyRoots(readAuthority(next, 'the root', nowMs));

test('a token is valid for a minute, and for the mesh whose root made it', (t) => {
  const token = replicaToken(ofCurrent, nowMs);
  t.true(isReplicaToken(token, ofCurrent, nowMs + 59_000));
  t.true(isReplicaToken(token, ofCurrent, nowMs - 59_000), 'the other clock is ahead');
  t.false(isReplicaToken(token, ofCurrent, nowMs + 61_000));
  t.false(isReplicaToken(token, ofNext, nowMs));
  t.false(isReplicaToken(token.replace(String(nowMs), String(nowMs + 1)), ofCurrent, nowMs));
  for (const odd of ['', 'Weft-Replica', 'Weft-Replica .', `Weft-Replica ${nowMs}.short`, `${token}=`, `${token}A`]) {
    t.false(isReplicaToken(odd, ofCurrent, nowMs), odd);
  }
});

test('while the root is replaced, replicas that know different phases trust each other', (t) => {
  const sinceMs = nowMs - 1000;
  const phases = [
    ofCurrent,
    rootsOf({ phase: 'spreading', current, next, sinceMs }, nowMs),
    rootsOf({ phase: 'signing', current, next, sinceMs, longestLifetimeMs: 60_000 }, nowMs),
    ofNext,
  ];
  for (const [index, roots] of phases.entries()) {
    for (const neighbor of [phases[index - 1], phases[index + 1]]) {
      if (neighbor) t.true(isReplicaToken(replicaToken(roots, nowMs), neighbor, nowMs), `phase ${index}`);
    }
  }
});
