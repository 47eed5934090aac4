// Preloaded into a process by start-cost.ts: writes the CPU time that the process has taken to the file in $CPU_AT_EXIT.
const { writeFileSync } = require('node:fs');
const file = process.env.CPU_AT_EXIT;
if (file) {
  process.once('exit', () => {
    const { user, system } = process.cpuUsage();
    writeFileSync(file, String((user + system) / 1_000));
  });
}
