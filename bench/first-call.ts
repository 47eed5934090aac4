/**
 * How long a new user waits, with the published packages: from an empty directory until the first call is answered (`npm create weft`,
 * `weft up`, and a REST call through the edge and two sidecars), and from a save in `weft dev` until answers show it. The packages come
 * from a registry on loopback. A round that does not count fills npm's cache, so npm downloads nothing in the others. The goals are 20 s
 * and 1.5 s on two cores; the ratios are of those.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { EmptyDirectory } from '../tests/published/empty-directory.ts';
import { startRegistry } from '../tests/registry.ts';
import { waitFor } from '../tests/wait-for.ts';
import { median, spread } from './pairs.ts';

const goalSeconds = 20;
const saveGoalSeconds = 1.5;
const rounds = Number(process.env.ROUNDS ?? 3);
const savesEach = 5;
const created: number[] = [];
const called: number[] = [];
const saved: number[] = [];

const registry = await startRegistry();
try {
  for (let round = 0; round <= rounds; round++) {
    const home = await EmptyDirectory.create(registry);
    try {
      const { createdAfter, calledAfter } = await firstCall(home);
      if (round === 0) continue;
      created.push(createdAfter);
      called.push(calledAfter);
      saved.push(...(await saves(home)));
      console.log(
        `round ${round}: created and installed after ${createdAfter.toFixed(1)} s, called after ${calledAfter.toFixed(1)} s`,
      );
    } finally {
      await home.remove();
    }
  }
} finally {
  await registry.stop();
}
console.log(`created and installed  ${spread(created, 's')}`);
console.log(`first call             ${spread(called, 's')}`);
console.log(`save to serving        ${spread(saved, 's')}`);
console.log(`ratio first-call/goal ${(median(called) / goalSeconds).toFixed(2)}`);
console.log(`ratio first-call/save-goal ${(median(saved) / saveGoalSeconds).toFixed(2)}`);

/** Seconds from an empty directory. The directory has a project afterwards, and no mesh runs. */
async function firstCall(home: EmptyDirectory): Promise<{ createdAfter: number; calledAfter: number }> {
  const begin = performance.now();
  await home.run('npm create weft@latest bakery -- --yes');
  const createdAfter = secondsSince(begin);
  home.folder = 'bakery';
  try {
    await home.run('npx weft up --detach');
    await bake(home);
    return { createdAfter, calledAfter: secondsSince(begin) };
  } finally {
    await home.run('npx weft down');
  }
}

/** Seconds of each save in the project's own `weft dev`, after one that does not count. */
async function saves(home: EmptyDirectory): Promise<number[]> {
  const file = home.at('services/oven/src/oven-service.ts');
  const source = await readFile(file, 'utf8');
  const seconds: number[] = [];
  const dev = home.start('npx weft dev');
  try {
    await dev.said(/Edits are followed/);
    for (let save = 0; save <= savesEach; save++) {
      const crust = `crust ${save}.`;
      const begin = performance.now();
      await writeFile(file, source.replace('dark and crisp', crust));
      await waitFor('the edit', async () => (await bake(home)).includes(crust), { intervalMs: 10 });
      if (save > 0) seconds.push(secondsSince(begin));
    }
  } finally {
    await dev.stop();
  }
  return seconds;
}

/** Bakes a loaf: edge, bread, oven, PostgreSQL. */
async function bake(home: EmptyDirectory): Promise<string> {
  const response = await fetch(`http://${home.edge}/v1/loaves`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"flour": "rye"}',
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`a call got ${response.status}: ${text}`);
  return text;
}

function secondsSince(begin: number): number {
  return (performance.now() - begin) / 1_000;
}
