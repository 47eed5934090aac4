#!/usr/bin/env node
// The process of a fake: `weft up` starts it in place of an external service.
import '../src/fake/main.ts';
