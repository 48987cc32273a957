import assert from 'node:assert/strict';
import test from 'node:test';
import { projectFiles, read } from './sources.ts';

/** What removes a folder with all that is in it, as Node spells it. */
const WHOLE = /\b(rmSync|rm|rmdirSync|rmdir)\([^;]*?recursive: true/;

test('a folder is removed with all that is in it in one place, which first looks for mounts', () => {
  const ours = projectFiles().filter((path) => !path.startsWith('examples/')); // those are an operator's
  const removing = ours.filter((path) => /\.(ts|mjs)$/.test(path) && WHOLE.test(read(path)));
  assert.deepEqual(removing, ['src/host/files/mounts.ts']);
});
