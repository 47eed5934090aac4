import type { Any } from '@bufbuild/protobuf/wkt';
import { RBACPerRouteSchema } from '@weft/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac';
import type { SpiffeId } from '../model/mesh.ts';
import { typedConfig } from './typed-config.ts';

/**
 * Admits these identities on a route and nobody else; none: nobody. With `shadow`, calls of those who are not among the shadow's
 * identities are marked, and go on.
 */
export function admit(identities: readonly SpiffeId[], shadow?: readonly SpiffeId[]): Any {
  return typedConfig(RBACPerRouteSchema, {
    rbac: { rules: rules(identities), ...(shadow === undefined ? {} : { shadowRules: rules(shadow) }) },
  });
}

function rules(identities: readonly SpiffeId[]) {
  if (identities.length === 0) return { policies: {} };
  return {
    policies: {
      callers: {
        permissions: [{ rule: { case: 'any' as const, value: true } }],
        principals: identities.map((identity) => ({
          identifier: {
            case: 'authenticated' as const,
            value: { principalName: { matchPattern: { case: 'exact' as const, value: identity } } },
          },
        })),
      },
    },
  };
}
