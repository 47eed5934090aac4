import type { Problem } from '@weft/compiler/model/problem';
import test from 'ava';
import { ProblemLog } from '../status/problem-log.ts';
import { ProblemReport } from './problem-report.ts';

test('problems of all are told together, once the mesh is known', (t) => {
  const log = new ProblemLog();
  const told: string[][] = [];
  const warned: object[] = [];
  const report = new ProblemReport({
    problems: {
      update: (problems: readonly Problem[]) => log.update(problems, 0),
      list: () => log.list(),
      close: async () => {},
    },
    environment: { report: (problems) => void told.push(problems.map(({ resource }) => resource)) },
    log: { warn: (fields) => void warned.push(fields) },
  });
  const history = { resource: 'the state directory', field: 'history', message: 'cannot be kept' };
  const wrong = { resource: 'a.yaml', message: 'is wrong' };
  report.ofMemory([history]);
  t.deepEqual(told, []);
  report.ofMesh([wrong], []);
  report.ofMemory([]);
  report.ofMesh([], []);
  t.deepEqual(told, [['a.yaml', 'the state directory'], ['a.yaml'], []]);
  t.deepEqual(warned, [wrong, history]);
});
