import { join } from 'node:path';
import test from 'ava';
import { projectAt } from '../project.ts';
import { ForeignProject, proto } from './foreign-project.fixture.ts';
import { generate } from './generate.ts';

test('a contract that is a link into another checkout can be imported, and follows its .proto files', async (t) => {
  const bank = new ForeignProject('bank');
  const bakery = new ForeignProject('bakery');
  t.teardown(() => {
    bank.remove();
    bakery.remove();
  });
  const money = (field: string) =>
    `syntax = "proto3";\npackage bank.money.v1;\nmessage Money { int64 ${field} = 1; }\n`;
  bank.write('weft.project.yaml', '');
  bank.write('proto/bank/money/v1/money.proto', money('units'));
  t.deepEqual((await generate(projectAt(bank.root), () => {})).problems, []);

  bakery.write('weft.project.yaml', '');
  bakery.install('@bank/money-contract', join(bank.root, 'contracts/money'));
  bakery.write(
    'package.json',
    JSON.stringify({ name: 'bakery', private: true, dependencies: { '@bank/money-contract': '*' } }),
  );
  const imports = ['bank/money/v1/money.proto'];
  const more = 'message Paid { bank.money.v1.Money money = 1; }\n';
  bakery.write('proto/bakery/cart/v1/cart.proto', proto('cart', { imports, more }));
  const project = projectAt(bakery.root);
  t.like(await generate(project, () => {}), { problems: [], changed: ['bakery.cart'] });
  t.regex(bakery.read('contracts/cart/gen/bakery/cart/v1/cart_pb.ts'), /from "@bank\/money-contract\//);
  t.deepEqual((await generate(project, () => {})).changed, []);
  bank.write('proto/bank/money/v1/money.proto', money('cents'));
  t.deepEqual((await generate(project, () => {})).changed, ['bakery.cart']);
});
