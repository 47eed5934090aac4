import { copyFileSync, fstatSync, rmSync, statSync, truncateSync } from 'node:fs';

/** Like the logs of processes, it is rotated to `.1`, of which one is kept. */
const maxFileBytes = 32 * 1024 * 1024;

/**
 * Prints lines to a stream. If the stream appends to `file`, the file is rotated before it exceeds `maxBytes`: its content is copied and
 * it is emptied, because the stream cannot be given another file.
 */
export function printTo(
  stream: NodeJS.WritableStream & { readonly fd: number },
  file: string,
  maxBytes: number = maxFileBytes,
): (line: string) => void {
  let bytes = sizeIfOpen(stream.fd, file);
  return (line) => {
    const text = `${line}\n`;
    if (bytes !== undefined) {
      const more = Buffer.byteLength(text);
      if (bytes + more > maxBytes) {
        rotate(file);
        bytes = 0;
      }
      bytes += more;
    }
    stream.write(text);
  };
}

/** The size of a file if this descriptor writes to it. */
function sizeIfOpen(fd: number, file: string): number | undefined {
  const named = statSync(file, { throwIfNoEntry: false });
  const open = fstatSync(fd);
  return named && named.ino === open.ino && named.dev === open.dev ? named.size : undefined;
}

function rotate(file: string): void {
  try {
    copyFileSync(file, `${file}.1`);
  } catch {
    // On a full disk, a part of it would only take up space.
    rmSync(`${file}.1`, { force: true });
  }
  try {
    truncateSync(file);
  } catch {
    // The user has removed it; its space is free when the mesh stops.
  }
}
