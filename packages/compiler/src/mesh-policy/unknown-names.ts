import type { KnownNames } from '../model/known-names.ts';
import type { Problem } from '../model/problem.ts';
import type { MeshOverride, MeshPolicy } from './read-resource.ts';
import type { MethodEntry } from './schemas.ts';

/** A name in a resource, and where it stands. */
type Mention = readonly [field: string, name: string];

/** The names in a MeshPolicy that nobody in the mesh has. They may belong to a service that is still to come. */
export function unknownNamesOfPolicy({ resource, ref, spec }: MeshPolicy, names: KnownNames): Problem[] {
  const { callers, addCallers, defaults, calls } = spec;
  const mentions = [
    ...listed('spec.callers', callers),
    ...listed('spec.addCallers', addCallers),
    ...listed('spec.calls', calls),
    ...mentionsOf('spec.defaults', defaults ?? {}),
    ...(spec.methods ?? []).flatMap((entry, index) => mentionsOf(`spec.methods[${index}]`, entry)),
  ];
  return unknown({ resource, ref }, mentions, names);
}

/** The names in a MeshOverride that nobody in the mesh has. */
export function unknownNamesOfOverride({ resource, ref, spec }: MeshOverride, names: KnownNames): Problem[] {
  const mentions = [
    ...listed('spec.deny', spec.deny),
    ...listed('spec.allow', spec.allow),
    ...limits('spec', spec.rateLimits),
  ];
  return unknown({ resource, ref }, mentions, names);
}

type MethodFields = Pick<MethodEntry, 'callers' | 'addCallers' | 'rateLimits' | 'shadow'>;

function mentionsOf(field: string, { callers, addCallers, rateLimits, shadow }: MethodFields): Mention[] {
  return [
    ...listed(`${field}.callers`, callers),
    ...listed(`${field}.addCallers`, addCallers),
    ...limits(field, rateLimits),
    ...listed(`${field}.shadow.callers`, shadow?.callers),
  ];
}

function limits(field: string, rateLimits: MethodFields['rateLimits']): Mention[] {
  return (rateLimits ?? []).flatMap(({ caller }, index): Mention[] =>
    caller === '*' ? [] : [[`${field}.rateLimits[${index}].caller`, caller]],
  );
}

function listed(field: string, names: readonly string[] | undefined): Mention[] {
  return (names ?? []).map((name, index): Mention => [`${field}[${index}]`, name]);
}

function unknown(
  { resource, ref }: Pick<MeshPolicy, 'resource' | 'ref'>,
  mentions: readonly Mention[],
  names: KnownNames,
): Problem[] {
  return mentions
    .filter(([, name]) => !names.has(name))
    .map(([field, name]) => ({
      resource,
      about: [ref],
      field,
      message: names.suggest(`no service is named ${name}; it has no effect until there is one`, name),
      advice: 'the logical name of a service of the mesh',
    }));
}
