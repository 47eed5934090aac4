/** What a release consists of, by paths from the root. */
export interface ReleasedFiles {
  readonly version: string;
  /** Tarballs, each after those that it depends on. */
  readonly packages: readonly string[];
  readonly charts: readonly string[];
  readonly images: Readonly<Record<string, { readonly reference: string }>>;
}

/**
 * The commands that publish a release, in their order: images before the charts that name them, the tag last. $CHARTS is the OCI
 * registry of the charts. A prerelease is published under the npm tag `next`, so that nobody gets it who has not asked for it.
 */
export function publishingCommands({ version, packages, charts, images }: ReleasedFiles): readonly string[] {
  const tag = version.includes('-') ? ' --tag next' : '';
  return [
    ...Object.values(images).map(({ reference }) => `docker push ${reference}`),
    ...packages.map((file) => `npm publish ${file}${tag}`),
    ...charts.map((file) => `helm push ${file} "oci://$CHARTS"`),
    `git tag -a v${version} -F dist/release/${version}/NOTES.md && git push origin v${version}`,
  ];
}
