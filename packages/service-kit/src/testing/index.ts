export { type AnswerOf, call, type RequestTo, type TestCallOptions } from './call.ts';
export { startTestDatabase, type TestDatabase, type TestDatabaseOptions } from './database.ts';
export { fake } from './fake.ts';
export type { TestCaller } from './test-caller.ts';
export { type TestMesh, type TestServiceOptions, testMesh } from './test-mesh.ts';
