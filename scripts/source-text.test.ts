import test from 'ava';
import { sourceText } from './source-text.ts';

test('comments, templates and regular expressions are blank, texts are by index', (t) => {
  const { code, texts } = sourceText(
    [
      "import a from 'a'; // from 'b'",
      '/* import',
      '\'c\' */ const d = "e";',
      `const f = \`from 'g' \${h('i', { j: \`k\` })} '\`;`,
      "const l = /['\"`/]/.test('m') || n / o / 'p'.length;",
      "return /'q'/;",
    ].join('\n'),
  );
  t.deepEqual(texts, ['a', 'e', 'i', 'm', 'p']);
  t.deepEqual(
    code.split('\n').map((line) => line.replace(/ +/g, ' ').trim()),
    [
      "import a from '0';",
      '',
      "const d = '1';",
      "const f = `` h('2', { j: `` })} ;",
      "const l = / /.test('3') || n / o / '4'.length;",
      'return / /;',
    ],
  );
});
