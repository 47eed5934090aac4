import test from 'ava';
import { CommandError } from '../../command-error.ts';
import { parseServiceManifest, type ServiceManifest } from '../../service-manifest.ts';
import type { DevMesh } from './dev-mesh.ts';
import { ServiceUpdates } from './service-updates.ts';

function manifest(text: string): ServiceManifest {
  const defaults = { root: '/p', namespace: 'bakery', contractOf: () => undefined };
  const read = parseServiceManifest(text, '/p/services/bread', defaults);
  if ('message' in read) throw new Error(read.message);
  return read;
}

/** A mesh whose puts end when the test says so, and what was said. */
function fixture() {
  const puts: { service: ServiceManifest; signal: AbortSignal; end: PromiseWithResolvers<'joined' | 'restarted'> }[] =
    [];
  const said: string[] = [];
  let wake = () => {};
  const removed: string[] = [];
  const mesh: DevMesh = {
    services: [],
    put: (service, signal) => {
      const end = Promise.withResolvers<'joined' | 'restarted'>();
      signal.addEventListener('abort', () => end.reject(signal.reason), { once: true });
      puts.push({ service, signal, end });
      wake();
      return end.promise;
    },
    note: () => {},
    remove: async (name) => {
      removed.push(name);
    },
  };
  const say = (text: string) => {
    said.push(text);
    wake();
  };
  const until = async (holds: () => boolean) => {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { puts, said, removed, until, updates: new ServiceUpdates(mesh, say, new AbortController().signal) };
}

const bread = manifest('name: bread');

test('a later edit takes the place of one that does not serve yet, and the time counts from the first', async (t) => {
  const { puts, said, until, updates } = fixture();
  const savedAt = Date.now() - 3 * 3_600_000;
  updates.begin({ service: bread, savedAt });
  updates.begin({ service: manifest('name: bread\nreplicas: 2'), savedAt: Date.now() });
  updates.begin({ service: manifest('name: bread\nreplicas: 3'), savedAt: Date.now() });
  await until(() => puts.length === 2);
  t.true(puts[0]?.signal.aborted);
  t.is(puts[1]?.service.replicas, 3, 'only the last one');
  puts[1]?.end.resolve('restarted');
  await until(() => said.length === 1);
  t.deepEqual(said, ['bread restarted in 3 h']);
});

test('an edit that does not serve is said once, and the next one is tried', async (t) => {
  const { puts, said, until, updates } = fixture();
  updates.begin({ service: bread, savedAt: Date.now() });
  puts[0]?.end.reject(new CommandError('The new process of bread-0 does not serve'));
  await until(() => said.length === 1);
  updates.begin({ service: bread, savedAt: Date.now() });
  await until(() => puts.length === 2);
  puts[1]?.end.resolve('joined');
  await until(() => said.length === 2);
  t.is(said[0], 'The new process of bread-0 does not serve');
  t.regex(said[1] ?? '', /^bread joined in /);
});

test('a service leaves after what is being done with it', async (t) => {
  const { puts, said, removed, updates } = fixture();
  updates.begin({ service: bread, savedAt: Date.now() });
  await updates.end('bread');
  t.true(puts[0]?.signal.aborted);
  t.deepEqual(removed, ['bread']);
  t.deepEqual(said, ['bread left the mesh']);
});
