import assert from 'node:assert/strict';
import { test } from 'node:test';
import { read } from '../tree/sources.ts';

interface Locked {
  readonly integrity?: string;
  readonly resolved?: string;
}

test('the harness is one version, every package of it has a digest, and none names where it comes from', () => {
  const { dependencies } = JSON.parse(read('test/harness/pi/package.json')) as { dependencies: Record<string, string> };
  assert.deepEqual(Object.entries(dependencies), [['@mariozechner/pi-coding-agent', '0.73.1']]);
  const lock = JSON.parse(read('test/harness/pi/package-lock.json')) as { packages: Record<string, Locked> };
  const locked = Object.entries(lock.packages).filter(([path]) => path !== '');
  assert.ok(locked.length > 100);
  for (const [path, { integrity, resolved }] of locked) {
    assert.match(integrity ?? '', /^sha512-/, path);
    assert.equal(resolved, undefined, path);
  }
});
