interface Lock {
  readonly packages: Readonly<
    Record<string, { version?: string; integrity?: string; link?: boolean; inBundle?: boolean; name?: string }>
  >;
}

/** The packages of a package-lock.json that npm would install unchecked: from a registry, and without a hash. */
export function packagesWithoutIntegrity(lockFile: string): readonly string[] {
  const { packages }: Lock = JSON.parse(lockFile);
  return Object.entries(packages).flatMap(([path, { version, integrity, link, inBundle }]) => {
    // A bundled package is within the tarball of another, whose hash covers it.
    const fromRegistry = path.includes('node_modules/') && !link && !inBundle;
    return fromRegistry && integrity === undefined ? [`${path.replace(/^.*node_modules\//, '')}@${version}`] : [];
  });
}
