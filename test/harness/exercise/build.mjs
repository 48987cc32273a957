// Makes two programs of the project's own: a script, and machine code that no compiler of the machine had a part in.
import { writeFileSync } from 'node:fs';
import { programThatPrints } from './elf.mjs';

const bin = 'node_modules/.bin';
writeFileSync(`${bin}/by-script`, '#!/bin/sh\necho "by script: $(uname -n)" >>tested.txt\n', { mode: 0o755 });
writeFileSync(`${bin}/by-machine-code`, programThatPrints('by machine code\n'), { mode: 0o755 });
