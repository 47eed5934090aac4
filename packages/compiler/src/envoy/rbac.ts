import type { Any } from '@bufbuild/protobuf/wkt';
import { RBACPerRouteSchema } from '@weft/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac';
import type { LogicalName, SpiffeId } from '../model/mesh.ts';
import { typedConfig } from './typed-config.ts';

/** The name of the policy that admitted a call: the caller's, as Envoy writes it into a header. */
export const admittedName = '%DYNAMIC_METADATA(envoy.filters.http.rbac:enforced_effective_policy_id)%';

/** Identities by the name under which they are admitted. */
export type Admitted = ReadonlyMap<LogicalName, readonly SpiffeId[]>;

/**
 * Admits these identities on a route and nobody else; none: nobody. Each name is a policy, so that {@link admittedName} tells who called.
 * With `shadow`, calls of those who are not among the shadow's identities are marked, and go on.
 */
export function admit(identities: Admitted, shadow?: Admitted): Any {
  return typedConfig(RBACPerRouteSchema, {
    rbac: { rules: rules(identities), ...(shadow === undefined ? {} : { shadowRules: rules(shadow) }) },
  });
}

function rules(admitted: Admitted) {
  const policies = [...admitted].map(([name, identities]) => [
    name,
    {
      permissions: [{ rule: { case: 'any' as const, value: true } }],
      principals: identities.map((identity) => ({
        identifier: {
          case: 'authenticated' as const,
          value: { principalName: { matchPattern: { case: 'exact' as const, value: identity } } },
        },
      })),
    },
  ]);
  return { policies: Object.fromEntries(policies) };
}
