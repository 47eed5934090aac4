export { startTestDatabase, type TestDatabase, type TestDatabaseOptions } from './database.ts';
