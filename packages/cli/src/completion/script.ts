import type { Command } from 'commander';
import { type Place, placesOf, type Word } from './words.ts';

/** The shells that `weft completion` knows. */
export const shells = ['bash', 'zsh', 'fish'] as const;

/** One of `shells`. */
export type Shell = (typeof shells)[number];

/** A script that completes a command in `shell`, generated from the tree of its subcommands. Completing starts no process. */
export function completionScript(command: Command, shell: Shell): string {
  const places = placesOf(command);
  const name = command.name();
  if (shell === 'fish') return fishScript(name, places);
  return shell === 'bash' ? bashScript(name, places) : zshScript(name, places);
}

function bashScript(name: string, places: readonly Place[]): string {
  return `# Completes ${name} in bash: eval "$(${name} completion bash)"
_${name}() {
  local path='' word known cur=\${COMP_WORDS[COMP_CWORD]}
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    ${pathStep()}
  done
  local words='' options='' valued=''
  ${placeCases(places)}
  COMPREPLY=()
  case " $valued " in *" \${COMP_WORDS[COMP_CWORD-1]} "*) COMPREPLY=($(compgen -f -- "$cur")); return ;; esac
  if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W "$options" -- "$cur"))
  elif [[ $words ]]; then COMPREPLY=($(compgen -W "$words" -- "$cur"))
  else COMPREPLY=($(compgen -f -- "$cur")); fi
}
complete -o bashdefault -F _${name} ${name}
`;

  function pathStep(): string {
    const paths = places.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
    return `known="\${path:+$path }$word"
    case $known in ${paths.join(' | ')}) path=$known ;; esac`;
  }
}

function zshScript(name: string, places: readonly Place[]): string {
  const described = (words: readonly Word[]) =>
    words.map(({ text, description }) => quoted(`${text.replaceAll(':', '\\:')}:${description}`)).join(' ');
  const cases = places.map(
    ({ path, words, options, valued }) =>
      `    ${quoted(path)}) words_=(${described(words)}); options=(${described(options)}); valued=(${valued.join(' ')}) ;;`,
  );
  const paths = places.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  return `#compdef ${name}
# Completes ${name} in zsh: eval "$(${name} completion zsh)"
_${name}() {
  local where='' word known
  local -a words_ options valued
  for word in "\${(@)words[2,CURRENT-1]}"; do
    known="\${where:+$where }$word"
    case $known in ${paths.join(' | ')}) where=$known ;; esac
  done
  case $where in
${cases.join('\n')}
  esac
  if (( \${valued[(Ie)\${words[CURRENT-1]}]} )); then _files
  elif [[ \${words[CURRENT]} == -* ]]; then _describe option options
  elif (( \${#words_} )); then _describe command words_
  else _files; fi
}
compdef _${name} ${name}
`;
}

function fishScript(name: string, places: readonly Place[]): string {
  const paths = places.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  const lines = places.flatMap(({ path, words, options, valued }) => {
    const when = `-n "test (__${name}_path) = ${quoted(path)}"`;
    return [
      ...words.map(
        ({ text, description }) => `complete -c ${name} ${when} -f -a ${quoted(text)} -d ${quoted(description)}`,
      ),
      ...options.map(({ text, description }) => {
        const option = text.startsWith('--') ? `-l ${text.slice(2)}` : `-s ${text.slice(1)}`;
        return `complete -c ${name} ${when} ${option}${valued.includes(text) ? ' -r' : ''} -d ${quoted(description)}`;
      }),
    ];
  });
  return `# Completes ${name} in fish: ${name} completion fish | source
function __${name}_path
  set -l path ''
  for word in (commandline -opc)[2..-1]
    set -l known (string trim -- "$path $word")
    contains -- $known ${paths.join(' ')}; and set path $known
  end
  echo "$path"
end
${lines.join('\n')}
`;
}

function placeCases(places: readonly Place[]): string {
  const texts = (words: readonly Word[]) => words.map(({ text }) => text).join(' ');
  const cases = places.map(
    ({ path, words, options, valued }) =>
      `    ${quoted(path)}) words='${texts(words)}' options='${texts(options)}' valued='${valued.join(' ')}' ;;`,
  );
  return `case $path in\n${cases.join('\n')}\n  esac`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
