import { serving } from './order-server.fixture.ts';
await serving({ listen: '127.0.0.1:' + process.argv[2] });
