/**
 * Loads what the processes of the image load, and ends. Run when it is built: it fills $NODE_COMPILE_CACHE, so that a pod neither
 * compiles anything nor loads what takes the types out of files, and it shows that no package is missing.
 */
const loaded = [
  'control-plane',
  'startup-message',
  'environment/directory',
  'environment/kubernetes',
  'environment/sidecar-settings',
  'kubernetes/cluster-access',
  'kubernetes/pod-account',
  'kubernetes/kubeconfig',
  'edge/bootstrap-edge',
  'edge/drain',
  'cleanup/cleanup',
];
for (const name of loaded) await import(`./${name}.ts`);
