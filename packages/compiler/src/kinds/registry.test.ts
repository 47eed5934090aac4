import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse, parseAllDocuments } from 'yaml';
import { allKinds, kindOf, objectRef, ownKinds, watchesOf } from './registry.ts';

const charts = join(import.meta.dirname, '../../../../charts');

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** The rules of a ClusterRole of charts/weft. */
function rulesOf(name: string): readonly Rule[] {
  const documents = parseAllDocuments(readFileSync(join(charts, 'goldens/weft.yaml'), 'utf8'));
  const roles: { kind?: string; metadata?: { name?: string }; rules?: Rule[] }[] = documents.map((document) =>
    Object(document.toJS()),
  );
  return roles.find(({ kind, metadata }) => kind === 'ClusterRole' && metadata?.name === name)?.rules ?? [];
}

function may(rules: readonly Rule[], verb: string, group: string, resource: string): boolean {
  return rules.some(
    ({ apiGroups, resources, resourceNames, verbs }) =>
      apiGroups.includes(group) && resources.includes(resource) && verbs.includes(verb) && resourceNames === undefined,
  );
}

test('the control plane may watch what it watches, and write the conditions that it writes', (t) => {
  const rules = rulesOf('weft-control-plane');
  for (const kind of allKinds) {
    const { group, plural, conditions } = kind;
    if (watchesOf(kind).length > 0) {
      for (const verb of ['get', 'list', 'watch']) t.true(may(rules, verb, group, plural), `${verb} ${plural}`);
    }
    if (conditions.length > 0) {
      for (const verb of ['get', 'patch', 'update']) t.true(may(rules, verb, group, `${plural}/status`), plural);
    }
  }
});

test('rights on kinds of ours are rights on kinds that there are', (t) => {
  const plurals = ownKinds.map(({ plural }) => plural);
  for (const role of ['weft-control-plane', 'weft-view', 'weft-edit', 'weft-override']) {
    const rules = rulesOf(role);
    t.true(rules.length > 0, role);
    const named = rules.filter(({ apiGroups }) => apiGroups.includes('weft.dev')).flatMap(({ resources }) => resources);
    for (const resource of named) t.true(plurals.includes(resource.replace('/status', '')), `${role}: ${resource}`);
  }
  for (const plural of plurals) t.true(may(rulesOf('weft-view'), 'watch', 'weft.dev', plural), plural);
});

test('every kind of ours has its CustomResourceDefinition, and every definition its kind', (t) => {
  const directory = join(charts, 'weft/crds');
  t.deepEqual(readdirSync(directory).sort(), ownKinds.map(({ kind }) => `${kind.toLowerCase()}.yaml`).sort());
  for (const { group, version, kind, plural, scope, conditions } of ownKinds) {
    const { metadata, spec } = parse(readFileSync(join(directory, `${kind.toLowerCase()}.yaml`), 'utf8'));
    t.is(metadata.name, `${plural}.${group}`);
    t.like(spec, { group, scope, names: { kind, plural, listKind: `${kind}List`, singular: kind.toLowerCase() } });
    t.deepEqual(
      spec.versions.map(({ name }: { name: string }) => name),
      [version],
    );
    const [{ subresources, additionalPrinterColumns }] = spec.versions;
    t.deepEqual(subresources, { status: {} }, kind);
    const columns = additionalPrinterColumns.map(({ name }: { name: string }) => name);
    for (const condition of conditions) t.true(columns.includes(condition), `${kind}: ${condition}`);
  }
});

test('a kind is known by its group and version, and a name by its scope', (t) => {
  t.is(kindOf('weft.dev/v1', 'MeshPolicy')?.plural, 'meshpolicies');
  t.is(kindOf('weft.dev/v2', 'MeshPolicy'), undefined);
  t.is(kindOf('networking.istio.io/v1', 'Gateway'), undefined);
  const named = { kind: 'Gateway', namespace: 'default', name: 'edge' };
  t.is(objectRef({ ...named, apiVersion: 'weft.dev/v1' }).namespace, '');
  t.is(objectRef({ ...named, apiVersion: 'networking.istio.io/v1' }).namespace, 'default');
});
