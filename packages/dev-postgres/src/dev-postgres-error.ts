/** Why PostgreSQL could not be set up, in one sentence that also says what to do. The server's own words are its cause. */
export class DevPostgresError extends Error {
  override readonly name = 'DevPostgresError';
}

/** Turns what initdb or postgres wrote before it gave up into one sentence. */
export function explainFailure(program: string, output: string, dataDir: string, port: number): DevPostgresError {
  return new DevPostgresError(sentence(program, output, dataDir, port), { cause: new Error(output.trim()) });
}

function sentence(program: string, output: string, dataDir: string, port: number): string {
  if (/No space left on device|Disk quota exceeded/.test(output)) {
    return `PostgreSQL has no room left on the disk of ${dataDir}; free some and try again`;
  }
  if (/Address already in use/.test(output)) {
    return `PostgreSQL cannot listen on 127.0.0.1:${port}: another program does; stop it or choose another port`;
  }
  const running = /Is another postmaster \(PID (\d+)\) running/.exec(output);
  if (running) {
    return `PostgreSQL already runs on ${dataDir} (process ${running[1]}); stop it first`;
  }
  if (/Permission denied|wrong ownership/.test(output)) {
    return `PostgreSQL may not read or write ${dataDir} or its own program files; check their owner and mode`;
  }
  if (/cannot open shared object file|GLIBC|Exec format error/.test(output)) {
    return `the packaged PostgreSQL does not run on this operating system: ${lastLine(output)}`;
  }
  return `${program} failed: ${lastLine(output)}`;
}

function lastLine(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const telling = lines.findLast((line) => /FATAL|PANIC|error:/.test(line)) ?? lines.at(-1);
  return telling?.trim() ?? 'it wrote nothing';
}
