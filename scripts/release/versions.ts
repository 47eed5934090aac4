import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { publishedPackages, readManifest } from '../pack/published-packages.ts';

/** A file that names the version of Weft. */
export interface VersionPlace {
  /** From the root. */
  readonly file: string;
  /** What stands there: one version, or several where the file contradicts itself. */
  readonly versions: readonly string[];
}

/** Semantic versioning 2.0.0: a version without build metadata. */
const versionForm = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/;
const controlPlane = 'services/control-plane/src/version.ts';
const constant = /(export const version = ')([^']*)(';)/;
const chartVersions = /^((?:version|appVersion): )(\S+)$|^( {4}version: )(\S+)$/gm;

/** Whether this is a version that can be released. */
export function isVersion(text: string): boolean {
  return versionForm.test(text);
}

/** Every file that names the version of Weft, which is one for all packages, charts and images. */
export function versionPlaces(root: string): readonly VersionPlace[] {
  const read = (file: string) => readFileSync(join(root, file), 'utf8');
  return [
    { file: 'package.json', versions: [readManifest(join(root, 'package.json')).version] },
    ...publishedPackages(root).map(({ directory, manifest }) => ({
      file: `${directory}/package.json`,
      versions: [manifest.version],
    })),
    ...globSync('charts/*/Chart.yaml', { cwd: root }).map((file) => ({
      file,
      versions: [...new Set([...read(file).matchAll(chartVersions)].map((match) => match[2] ?? match[4] ?? ''))],
    })),
    { file: controlPlane, versions: [constant.exec(read(controlPlane))?.[2] ?? ''] },
  ];
}

/** Writes the version to every place, and to the dependencies on what is released with it. */
export function setVersion(root: string, version: string): void {
  const released = new Set(publishedPackages(root).map(({ manifest }) => manifest.name));
  const edit = (file: string, change: (text: string) => string): void => {
    const path = join(root, file);
    const text = readFileSync(path, 'utf8');
    if (change(text) !== text) writeFileSync(path, change(text));
  };
  const own = new Set(versionPlaces(root).map(({ file }) => file));
  for (const file of globSync(['package.json', '{packages,services,contracts}/*/package.json', 'k8s/package.json'], {
    cwd: root,
  })) {
    edit(file, (text) =>
      text.replace(/"([^"]+)": "([\^~]?)\d+\.\d+\.\d+[^"]*"/g, (pair, name: string, range: string) => {
        const isVersionOfThis = name === 'version' && own.has(file);
        return isVersionOfThis || released.has(name) ? `"${name}": "${range}${version}"` : pair;
      }),
    );
  }
  for (const file of globSync('charts/*/Chart.yaml', { cwd: root })) {
    edit(file, (text) => text.replace(chartVersions, (_, top, __, nested) => `${top ?? nested}${version}`));
  }
  edit(controlPlane, (text) => text.replace(constant, `$1${version}$3`));
}
