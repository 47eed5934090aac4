#!/usr/bin/env node
// The process of a fake: `weft up` starts it in place of a service that lives elsewhere.
import '../src/fake/main.ts';
