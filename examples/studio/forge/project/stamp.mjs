#!/usr/bin/env node
// stamp.mjs TEXTFILE PROGRAM: writes PROGRAM, an executable that prints what TEXTFILE holds.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { programThatPrints } from './elf.mjs';

const [textFile, program] = process.argv.slice(2);
if (!textFile || !program) {
  console.error('usage: stamp.mjs TEXTFILE PROGRAM');
  process.exit(2);
}
// A new file under a new name: the old program may be running.
writeFileSync(`${program}.new`, programThatPrints(readFileSync(textFile, 'utf8')), { mode: 0o755 });
renameSync(`${program}.new`, program);
