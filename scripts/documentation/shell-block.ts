/** A command of a block, and what the block says that it prints. */
export interface ShownCommand {
  readonly command: string;
  /** undefined: the block shows no output. */
  readonly output: readonly string[] | undefined;
}

/**
 * The commands of a block. Where it has prompts (`$ `), what stands between two of them is output; else each line is a command. A
 * backslash at the end of a line, and a loop of the shell, go on in the next.
 */
export function shownCommands(lines: readonly string[]): readonly ShownCommand[] {
  const hasPrompts = lines.some((line) => line.startsWith('$ '));
  const shown: { command: string; output: string[] | undefined }[] = [];
  let isOpen = false;
  for (const line of lines) {
    const last = shown.at(-1);
    if (isOpen && last) last.command += `\n${line}`;
    else if (hasPrompts && !line.startsWith('$ ')) last?.output?.push(line);
    else if (line.trim() !== '' && !line.startsWith('#'))
      shown.push({ command: line.replace(/^\$ /, ''), output: hasPrompts ? [] : undefined });
    else continue;
    const command = shown.at(-1)?.command ?? '';
    isOpen = command.endsWith('\\') || (/^(?:for|while|if) /.test(command) && !/\n(?:done|fi)$/.test(command));
  }
  // A command without output below it says nothing about its output.
  return shown.map(({ command, output }) => ({
    command,
    output: output?.some((line) => line.trim() !== '') ? output : undefined,
  }));
}
