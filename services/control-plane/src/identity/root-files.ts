/** The names of the files with the roots, where proxies look for them. */
export const rootFileNames = { sds: 'ca-sds.yaml', pem: 'root.pem' } as const;

/**
 * The files by which a proxy learns whom to trust before it has reached the control plane: ca-sds.yaml for Envoy's file SDS, and
 * root.pem for everybody else. The roots are in the first, too, so that one watched file says all.
 */
export function rootFiles(bundle: string): Record<'ca-sds.yaml' | 'root.pem', string> {
  return {
    [rootFileNames.pem]: bundle,
    [rootFileNames.sds]: `# Written by the control plane: the roots of its certificates, for Envoy's file SDS.
resources:
- "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
  name: root
  validation_context:
    trusted_ca:
      inline_string: ${JSON.stringify(bundle)}
`,
  };
}
