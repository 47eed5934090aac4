import test from 'ava';
import { explainFailure } from './dev-postgres-error.ts';

const cases: [name: string, output: string, sentence: RegExp][] = [
  [
    'a full disk',
    'initdb: error: could not write file: No space left on device',
    /no room left on the disk of \/data; free some/,
  ],
  [
    'a lock file of a server that runs',
    'FATAL:  lock file "postmaster.pid" already exists\nHINT:  Is another postmaster (PID 42) running in data directory "/data"?',
    /already runs on \/data \(process 42\); stop it first/,
  ],
  ['a missing library', 'postgres: libssl.so: cannot open shared object file', /does not run on this operating system/],
  [
    'anything else, by its last telling line',
    'LOG:  x\nFATAL:  strange\nLOG:  y',
    /^postgres failed: FATAL: {2}strange$/,
  ],
  ['silence', '', /^postgres failed: it wrote nothing$/],
];

for (const [name, output, sentence] of cases) {
  test(`explains ${name}`, (t) => {
    const error = explainFailure('postgres', output, '/data', 5432);
    t.regex(error.message, sentence);
    t.false(error.message.includes('\n'));
  });
}
