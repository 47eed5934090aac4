export { type ClusterMesh, type ClusterOptions, openClusterMesh } from './cluster-mesh.ts';
export { CommandError } from './command-error.ts';
export { meshClient } from './mesh-client.ts';
export { program } from './program.ts';
export { type StateDirectory, stateDirectory } from './state-directory.ts';
export { SupervisorClient, type SupervisorStatus } from './supervisor/supervisor-client.ts';
