import assert from 'node:assert/strict';
import { test } from 'node:test';
import { read } from '../tree/sources.ts';

interface Locked {
  readonly integrity?: string;
  readonly resolved?: string;
}

const HARNESSES = [
  { name: 'pi', is: ['@mariozechner/pi-coding-agent', '0.73.1'], packages: 100 },
  { name: 'claude-code', is: ['@anthropic-ai/claude-code-linux-x64', '2.1.330'], packages: 1 },
  { name: 'codex', is: ['@openai/codex', '0.169.0-linux-x64'], packages: 1 },
] as const;

for (const { name, is, packages } of HARNESSES)
  test(`${name} is one version, every package of it has a digest, and none names where it comes from`, () => {
    const { dependencies } = JSON.parse(read(`test/harness/${name}/package.json`)) as {
      dependencies: Record<string, string>;
    };
    assert.deepEqual(Object.entries(dependencies), [is]);
    const lock = JSON.parse(read(`test/harness/${name}/package-lock.json`)) as { packages: Record<string, Locked> };
    const locked = Object.entries(lock.packages).filter(([path]) => path !== '');
    assert.ok(locked.length >= packages);
    for (const [path, { integrity, resolved }] of locked) {
      assert.match(integrity ?? '', /^sha512-/, path);
      assert.equal(resolved, undefined, path);
    }
  });
