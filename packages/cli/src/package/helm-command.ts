import type { ServiceManifest } from '../service-manifest.ts';

/** The command that installs or upgrades a packaged service. Values that only the user knows are in capitals. */
export function helmCommand(
  service: ServiceManifest,
  files: { readonly chart: string; readonly values: string },
): string {
  const { name, namespace, schema } = service;
  const lines = [
    `helm upgrade --install ${name} ${chartPath(files.chart)} -n ${namespace} --create-namespace -f ${files.values}`,
    ...(schema ? ['--set database.host=HOST,database.setup.secret=SECRET'] : []),
  ];
  return lines.join(' \\\n    ');
}

/** What the user has to know before running the commands, in sentences. `registry`: the one that was given. */
export function helmNotes(
  { name, schema }: Pick<ServiceManifest, 'name' | 'schema'>,
  registry: string | undefined,
): readonly string[] {
  return [
    ...(registry === undefined
      ? [`The image has a default registry; name yours: weft package ${name} --registry registry.example.com/PROJECT`]
      : []),
    ...(schema
      ? [
          'HOST is the name of the PostgreSQL server. SECRET is a Secret of type kubernetes.io/basic-auth in the namespace: the name\n' +
            "and password of the server's administrator.",
        ]
      : []),
  ];
}

/** Helm takes a bare name for a chart in a repository. */
function chartPath(path: string): string {
  return path.startsWith('/') || path.startsWith('.') ? path : `./${path}`;
}
