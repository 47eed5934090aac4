export { type GenerateResult, generate } from './generate.ts';
