import type { z } from 'zod';
import type { Resource } from '../facts/facts.ts';
import type { ServiceId } from '../model/mesh.ts';
import type { Problem } from '../model/problem.ts';
import { type ResourceRef, refWords, weftApiVersion, weftRef } from '../model/resource-ref.ts';
import { type MeshOverrideSpec, type MeshPolicySpec, meshOverrideSpecSchema, meshPolicySpecSchema } from './schemas.ts';

/** A MeshPolicy that could be read. */
export interface MeshPolicy {
  readonly ref: ResourceRef;
  /** "MeshPolicy bakery/payments". */
  readonly name: string;
  /** As problems call it: with its file. */
  readonly resource: string;
  readonly service: ServiceId;
  readonly spec: MeshPolicySpec;
}

/** A MeshOverride that could be read. */
export interface MeshOverride {
  readonly id: `${string}/${string}`;
  readonly ref: ResourceRef;
  /** As problems call it: with its file. */
  readonly resource: string;
  readonly service: ServiceId;
  readonly spec: MeshOverrideSpec;
  /** When it was made; absent: nobody says. */
  readonly createdMs?: number;
  readonly origin: string;
}

interface Read {
  readonly policy?: MeshPolicy;
  readonly override?: MeshOverride;
  readonly problems: readonly Problem[];
}

/** Reads a resource: nothing when it is of another kind, problems when it is one of ours and not understood. */
export function readResource(resource: Resource): Read {
  const { apiVersion, kind, metadata, spec, origin } = resource;
  if (apiVersion !== weftApiVersion || (kind !== 'MeshPolicy' && kind !== 'MeshOverride')) return nothing;
  const namespace = metadata.namespace ?? 'default';
  const id = `${namespace}/${metadata.name}` as const;
  const ref = weftRef(kind, metadata.name, namespace);
  const name = refWords(ref);
  const inFile = origin === name ? name : `${name} (${origin})`;
  if (kind === 'MeshPolicy') {
    const { data, error } = meshPolicySpecSchema.safeParse(spec);
    if (!data) return { problems: problemsOf(inFile, ref, error, spec) };
    return {
      policy: { ref, name, resource: inFile, service: `${namespace}/${data.service}`, spec: data },
      problems: [],
    };
  }
  const { data, error } = meshOverrideSpecSchema.safeParse(spec);
  if (!data) return { problems: problemsOf(inFile, ref, error, spec) };
  const createdMs = Date.parse(metadata.creationTimestamp ?? '');
  return {
    override: {
      id,
      ref,
      resource: inFile,
      service: `${namespace}/${data.service}`,
      spec: data,
      ...(Number.isNaN(createdMs) ? {} : { createdMs }),
      origin,
    },
    problems: [],
  };
}

const nothing: Read = { problems: [] };

function problemsOf(resource: string, ref: ResourceRef, error: z.ZodError, spec: unknown): Problem[] {
  return error.issues.map((issue) => {
    const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path;
    const field = ['spec', ...path]
      .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
      .join('');
    const found = path.reduce<unknown>(
      (at, part) => (typeof at === 'object' && at ? Reflect.get(at, part) : undefined),
      spec,
    );
    const message =
      issue.code === 'unrecognized_keys'
        ? 'there is no such field'
        : found === undefined
          ? 'is missing'
          : `is ${(JSON.stringify(found) ?? '').slice(0, 80)}`;
    const advice = issue.code === 'unrecognized_keys' ? `known are ${issue.message}` : issue.message;
    return { resource, about: [ref], field: field.slice(1), message, advice };
  });
}
