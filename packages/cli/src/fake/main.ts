import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { CommandError, reasonOf } from '../command-error.ts';
import { parseAnswers } from './answers.ts';
import { fakeContract } from './fake-contract.ts';
import { parseFakeArguments } from './fake-options.ts';
import { fakeServices } from './fake-services.ts';
import { loadHandlers } from './handlers-module.ts';
import { loadKit } from './kit.ts';

try {
  const options = parseFakeArguments(process.argv.slice(2));
  const { project, kitFrom, answers, handlers } = options;
  const contract = fakeContract(readFileSync(options.descriptorFile), options.contract);
  const file = answers ?? handlers;
  const name = file === undefined ? '' : relative(project, file);
  const how = {
    file: name,
    answers: answers === undefined ? new Map() : parseAnswers(readFileSync(answers, 'utf8'), name, contract),
    handlers: handlers === undefined ? new Map() : await loadHandlers(handlers, name, contract),
  };
  const kit = await loadKit([project, ...kitFrom]);
  await kit.serve({ services: fakeServices(contract, how, kit) });
} catch (error) {
  // The supervisor shows the user the last line of a process that exits.
  console.error(error instanceof CommandError ? error.message : reasonOf(error));
  process.exitCode = 1;
}
