export { type GenerateOptions, type GenerateResult, generate } from './generate.ts';
