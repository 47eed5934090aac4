import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import test from 'ava';

const root = join(import.meta.dirname, '..');

test("the services' Dockerfiles differ in the service's name, its contracts and its description only", (t) => {
  const files = globSync('services/*/Dockerfile', { cwd: root }).filter((file) => !file.includes('control-plane'));
  t.true(files.length > 1);
  const texts = files.map((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    t.regex(text, /image\.description="[^"]+"/, file);
    return text
      .replaceAll(basename(dirname(file)), 'NAME')
      .replace(/(image\.description=)"[^"]+"/, '$1""')
      .replace(/^COPY contracts\/.*\n/gm, '');
  });
  for (const [index, text] of texts.entries()) t.is(text, texts[0] ?? '', files[index] ?? '');
});

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

// npm takes a peer of a workspace that is also its devDependency for one of development, and leaves it out of an image.
test('a service names the peer dependencies of the workspaces that its image has', (t) => {
  const files = globSync(['services/*/package.json', 'packages/*/package.json', 'contracts/*/package.json'], {
    cwd: root,
  });
  const manifests = files.map((file): Manifest => JSON.parse(readFileSync(join(root, file), 'utf8')));
  const workspaces = new Map(manifests.map((manifest) => [manifest.name, manifest]));
  for (const file of globSync('services/*/Dockerfile', { cwd: root })) {
    const own: Manifest = JSON.parse(readFileSync(join(root, dirname(file), 'package.json'), 'utf8'));
    const needed = new Set(Object.keys(own.dependencies ?? {}));
    // A set goes on with what is added to it meanwhile.
    for (const name of needed) {
      const { dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = workspaces.get(name) ?? {};
      for (const dependency of Object.keys(dependencies)) if (workspaces.has(dependency)) needed.add(dependency);
      for (const peer of Object.keys(peerDependencies)) {
        if (!peerDependenciesMeta[peer]?.optional)
          t.true(peer in (own.dependencies ?? {}), `${file}: ${peer} of ${name}`);
      }
    }
  }
});
