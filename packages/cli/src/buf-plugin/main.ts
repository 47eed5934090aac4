import { plugin } from './plugin.ts';

const chunks: Buffer[] = [];
// A terminal sends no request, and a plugin must treat missing input as an empty request.
if (!process.stdin.isTTY) for await (const chunk of process.stdin) chunks.push(chunk);
try {
  process.stdout.write(await plugin(process.argv.slice(2), Buffer.concat(chunks)));
} catch (error) {
  console.error(`buf-plugin-weft: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
