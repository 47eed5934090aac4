/**
 * Refuses contracts whose policy cannot be meant: prints a line for each problem, with file and line, and ends with 1. Stands
 * beside `buf lint`, which knows protobuf but not weft.policy.v1.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { lint } from '@weft/compiler/contracts/lint';
import { problemWords } from '@weft/compiler/model/problem';

const root = join(import.meta.dirname, '..');
const args = ['build', '--path', 'proto/shop', '--as-file-descriptor-set', '-o', '-#format=binpb'];
const { stdout, status, error } = spawnSync('buf', args, {
  cwd: root,
  maxBuffer: 1 << 26,
  stdio: ['ignore', 'pipe', 'inherit'],
});
if (error) throw error;
if (status !== 0) process.exit(status ?? 1);
const problems = lint(stdout, { closed: true, graph: true });
for (const problem of problems) {
  console.error(`${problem.resource}: ${problem.field}: ${problemWords(problem)}`);
}
process.exit(problems.length > 0 ? 1 : 0);
