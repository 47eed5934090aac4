import { forbidsInterception } from './annotations.ts';
import type { Labels, Pod } from './pod.ts';

/** How calls get to the proxy: redirected by the kernel, or sent to it by the application. */
export type InterceptionMode = 'redirect' | 'none';

const fargateLabel = 'eks.amazonaws.com/fargate-profile';
const podSecurity = 'pod-security.kubernetes.io/enforce';

/**
 * Redirects, unless the pod or its namespace says `weft.dev/interception: none` or could not have it anyway: redirection takes a
 * container with NET_ADMIN, which Pod Security refuses in "restricted" and "baseline" alike, and Fargate never grants.
 *
 * See https://kubernetes.io/docs/concepts/security/pod-security-standards/.
 */
export function interceptionMode(pod: Pod, namespaceLabels: Labels): InterceptionMode {
  if (forbidsInterception(pod, namespaceLabels)) return 'none';
  const level = namespaceLabels[podSecurity];
  if (level === 'restricted' || level === 'baseline') return 'none';
  const onFargate =
    pod.spec.schedulerName === 'fargate-scheduler' ||
    pod.metadata?.labels?.[fargateLabel] !== undefined ||
    namespaceLabels[fargateLabel] !== undefined;
  return onFargate ? 'none' : 'redirect';
}
