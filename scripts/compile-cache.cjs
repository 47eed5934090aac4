// Preloaded into each process of tests: many files load the same packages, whose types Node would strip and whose code V8 would compile
// anew for each of them. What a test starts decides for itself.
const { enableCompileCache } = require('node:module');
const { join } = require('node:path');
enableCompileCache?.(join(__dirname, '../node_modules/.cache/weft/compiled-tests'));
