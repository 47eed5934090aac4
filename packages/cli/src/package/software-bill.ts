/** A package in an image. */
export interface BillPackage {
  /** Where it is installed: "node_modules/pg", or a workspace's directory. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
  /** As in npm's lock file, "sha512-...". None for workspaces. */
  readonly integrity?: string;
  /** An SPDX expression. */
  readonly license?: string;
  /** Paths of the packages that its dependencies resolve to. */
  readonly dependencies: readonly string[];
}

/** What an image consists of besides its packages. */
export interface ImageFacts {
  /** The name in charts: "orders". */
  readonly name: string;
  /** The image's tag. */
  readonly version: string;
  /** The images in its FROM lines: "node:24-slim". */
  readonly bases: readonly string[];
}

/**
 * An image's bill of materials as CycloneDX 1.5 (https://cyclonedx.org/docs/1.5/json/). It has no date and no serial number, so that the
 * same inputs produce the same bill. Debian packages come from the base image, whose own bill lists them.
 */
export function softwareBill(image: ImageFacts, packages: readonly BillPackage[]): object {
  const own = `pkg:oci/${image.name}@${image.version}`;
  const bases = image.bases.map((base) => {
    const [name = base, tag = 'latest'] = base.split(':');
    return { type: 'container', 'bom-ref': `base:${base}`, name, version: tag, purl: `pkg:docker/${name}@${tag}` };
  });
  const [root] = packages;
  const subject = { type: 'container', 'bom-ref': own, name: image.name, version: image.version };
  return billOf(own, subject, bases, [...bases.map((base) => base['bom-ref']), ...(root ? [root.path] : [])], packages);
}

/** A package's bill of materials: itself first, then what it installs. Also CycloneDX 1.5. */
export function packageBill([own, ...packages]: readonly BillPackage[]): object {
  if (own === undefined) throw new RangeError('a bill of materials needs the package that it describes');
  return billOf(own.path, component(own), [], own.dependencies, packages);
}

function billOf(
  ref: string,
  subject: object,
  bases: readonly object[],
  dependsOn: readonly string[],
  packages: readonly BillPackage[],
): object {
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: subject },
    components: [...bases, ...packages.map(component)],
    dependencies: [
      { ref, dependsOn },
      ...packages.map(({ path, dependencies }) => ({ ref: path, dependsOn: dependencies })),
    ],
  };
}

function component({ path, name, version, integrity, license }: BillPackage): object {
  const digest = integrity === undefined ? undefined : /^sha512-(.+)$/.exec(integrity)?.[1];
  return {
    type: 'library',
    'bom-ref': path,
    name,
    version,
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    ...(digest === undefined
      ? {}
      : { hashes: [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }] }),
    ...(license === undefined
      ? {}
      : { licenses: [/[ (]/.test(license) ? { expression: license } : { license: { id: license } }] }),
  };
}
