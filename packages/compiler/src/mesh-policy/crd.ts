import { z } from 'zod';
import type { Kind } from '../kinds/kind.ts';
import { kinds } from '../kinds/registry.ts';
import { meshOverrideSpecSchema, meshPolicySpecSchema } from './schemas.ts';

/** A JSON object that is written as YAML. */
export type CustomResourceDefinition = Readonly<Record<string, unknown>>;

/**
 * The CustomResourceDefinitions of this stage, by kind, made from the very schemas that the directory source checks with. Structural
 * as Kubernetes wants them (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/).
 * What only a mesh can know (a method that is none, what loosens) stands in the object's place in the status, as for a file.
 */
export function meshPolicyCrds(): ReadonlyMap<string, CustomResourceDefinition> {
  return new Map([
    [
      'MeshPolicy',
      definition({
        kind: kinds.MeshPolicy,
        shortNames: ['mp'],
        description:
          "The policy that a Service's contract leaves to operators, or the policy of a Service without a contract.",
        spec: structural(z.toJSONSchema(meshPolicySpecSchema, { io: 'input' })),
        columns: [{ name: 'Service', type: 'string', jsonPath: '.spec.service' }],
      }),
    ],
    [
      'MeshOverride',
      definition({
        kind: kinds.MeshOverride,
        shortNames: ['mo'],
        description:
          'An emergency change that denies a caller, stops retries, or changes a deadline or a limit at once, and expires by itself.',
        spec: {
          ...structural(z.toJSONSchema(meshOverrideSpecSchema, { io: 'input' })),
          // Of what loosens the server can know this much; the control plane checks the rest.
          'x-kubernetes-validations': [
            {
              rule: '!has(self.allow) || (has(self.reason) && self.reason != "" && has(self.expires))',
              message: 'allow needs a reason and an end (expires), 24 h from the creation at most',
            },
            {
              rule: '!has(self.retry) || (has(self.reason) && self.reason != "" && has(self.expires)) || (has(self.retry.maxRetries) && self.retry.maxRetries == 0)',
              message: 'retry needs a reason and an end (expires), 24 h from the creation at most',
            },
          ],
        },
        columns: [
          { name: 'Service', type: 'string', jsonPath: '.spec.service' },
          { name: 'Denies', type: 'string', jsonPath: '.spec.deny' },
          { name: 'Expires', type: 'string', jsonPath: '.spec.expires' },
          { name: 'Reason', type: 'string', jsonPath: '.spec.reason' },
        ],
      }),
    ],
  ]);
}

/** What `kubectl get` shows of a condition. */
function condition(type: string) {
  return { name: type, type: 'string', jsonPath: `.status.conditions[?(@.type=="${type}")].status` };
}

function definition(options: {
  readonly kind: Kind;
  readonly shortNames: readonly string[];
  readonly description: string;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly columns: readonly Readonly<Record<string, string>>[];
}): CustomResourceDefinition {
  const { shortNames, description, spec, columns } = options;
  const { group, version, kind, plural, scope, conditions } = options.kind;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope,
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase(), shortNames, categories: ['weft'] },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: [...columns, ...conditions.map(condition)],
          schema: {
            openAPIV3Schema: {
              description,
              type: 'object',
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: { type: 'object' },
                spec,
                status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
              },
            },
          },
        },
      ],
    },
  };
}

/** A JSON Schema without what Kubernetes does not take: it prunes or refuses unknown fields by itself. */
function structural(schema: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => key !== '$schema' && key !== 'additionalProperties')
      .map(([key, value]: [string, unknown]) => [key, key === 'properties' ? fields(value) : part(value)]),
  );
}

/** Fields may be called like keywords, so their names are not read as such. */
function fields(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, part(schema)]));
}

function part(value: unknown): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? structural(value) : value;
}
