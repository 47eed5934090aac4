// The kubelet fills $(NAME) in a container's arguments. The marks below stand for that until everything else is escaped; they are of
// Unicode's private use area, so no path or header of a user has them.

/** The pod's address. */
export const podIp = '\uE000POD_IP\uE001';
/** "namespace/name" of the pod: the proxy's node id. */
export const podId = '\uE000POD_NAMESPACE\uE001/\uE000POD_NAME\uE001' as const;

/** The variables that `fillByKubelet` leaves to the kubelet, and where they come from. */
export const podVariables = [
  { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
  { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
  { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
];

/**
 * A text as an argument in a pod's spec: the variables of the pod are the kubelet's to fill, and every other `$` stays what it is.
 *
 * See https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/: `$$` is a literal `$`.
 */
export function fillByKubelet(text: string): string {
  return text.replaceAll('$', '$$$$').replace(/\uE000(\w+)\uE001/g, '$$($1)');
}
