import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { program } from '../program.ts';
import { completionScript, shells } from './script.ts';

/** What bash, on a terminal of its own, makes of a line with tabs in it: the words of the command that it runs in the end. */
async function completedByBash(t: ExecutionContext, line: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'completion-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  await writeFile(join(dir, 'menu.yaml'), '');
  const script = completionScript(await program(), 'bash');
  await writeFile(join(dir, 'rc'), `${script}\nweft() { echo "given:$*:"; exit; }\nPS1='ready> '\n`);
  const terminal = "import pty, sys; pty.spawn(['bash', '--noprofile', '--rcfile', 'rc', '-i'])";
  const child = spawn('python3', ['-c', terminal], {
    cwd: dir,
    env: { ...process.env, TERM: 'dumb', INPUTRC: '/dev/null' },
  });
  t.teardown(() => child.kill());
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const wasReady = output.includes('ready> ');
    output += text;
    if (!wasReady && output.includes('ready> ')) child.stdin.write(`${line}\n`);
  });
  await once(child, 'close');
  return /given:(.*):/.exec(output)?.[1] ?? output;
}

test('bash completes commands, options, values and files', async (t) => {
  const lines: Record<string, string> = {
    'weft stat\t': 'status',
    'weft status --js\t': 'status --json',
    'weft completion f\t': 'completion fish',
    'weft help rot\t': 'help rotate-root',
    'weft compile --mesh men\t': 'compile --mesh menu.yaml',
  };
  for (const [line, words] of Object.entries(lines)) t.is(await completedByBash(t, line), words, JSON.stringify(line));
});

for (const shell of shells) {
  test(`the script for ${shell} has every command with its options, and the shell can read it`, async (t) => {
    const weft = await program();
    const script = completionScript(weft, shell);
    for (const command of weft.commands) t.true(script.includes(command.name()), command.name());
    t.true(script.includes(shell === 'fish' ? '-l until-removed' : '--until-removed'));
    const { status, stderr, error } = spawnSync(shell, ['-n'], { input: script, encoding: 'utf8' });
    if (error) t.log(`${shell} is not here, so its syntax was not checked`);
    else t.is(status, 0, stderr);
  });
}
