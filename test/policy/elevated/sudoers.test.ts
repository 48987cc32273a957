import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import type { ElevatedRule } from '../../../src/model/elevated.ts';
import { sudoersText } from '../../../src/policy/elevated/sudoers.ts';

const DIGEST = 'ab'.repeat(32);
const rule = (
  run: readonly string[],
  types: ElevatedRule['with'] = {},
  more: Partial<ElevatedRule> = {},
): ElevatedRule => ({
  ...{ run, with: types, as: 'root', ask: false, time: 60_000 },
  ...more,
});

function text(...rules: ElevatedRule[]): ReturnType<typeof sudoersText> {
  const programs = rules.map(({ run }) => ({ file: `/usr/bin/${run[0]}`, digest: DIGEST }));
  return sudoersText('x', [{ name: 'a', user: 'bh-x-a', rules, programs }]);
}

test('what sudo can say exactly is a line for each command line, pinned and timed, and visudo accepts it', () => {
  const found = text(
    rule(['systemctl', 'restart', '{unit}'], { unit: { kind: 'words', words: ['web', 'worker'] } }),
    rule(['tool', '--lines={n}', 'a:b,c'], { n: { kind: 'integer', least: 1, most: 2 } }, { as: 'nobody' }),
    rule(['reboot']),
  );
  assert.deepEqual([found.granted, found.refused], [3, []]);
  const head = (as: string): string => `bh-x-a ALL=(${as}) TIMEOUT=60 NOPASSWD: NOSETENV: sha256:${DIGEST} `;
  assert.deepEqual(
    found.text.split('\n').filter((line) => line.includes('ALL=')),
    [
      `${head('root')}/usr/bin/systemctl restart web`,
      `${head('root')}/usr/bin/systemctl restart worker`,
      `${head('nobody')}/usr/bin/tool --lines\\=1 a\\:b\\,c`,
      `${head('nobody')}/usr/bin/tool --lines\\=2 a\\:b\\,c`,
      `${head('root')}/usr/bin/reboot ""`,
    ],
  );
  const { status, stderr, stdout } = spawnSync('visudo', ['-c', '-f', '-'], { input: found.text, encoding: 'utf8' });
  assert.equal(status, 0, `${stderr}${stdout} (setup/os-packages install test brings visudo)`);
  const broken = spawnSync('visudo', ['-c', '-f', '-'], { input: `${found.text}bh-x-a ALL=(root\n`, encoding: 'utf8' });
  assert.notEqual(broken.status, 0, 'and visudo does look');
});

test('what sudo cannot say exactly is left out, with the reason', () => {
  const cases: readonly (readonly [ElevatedRule, RegExp])[] = [
    [rule(['x', '{t}'], { t: { kind: 'text', characters: 'a-z', most: 9 } }), /wildcard/],
    [rule(['x', '{p}'], { p: { kind: 'path', below: '/srv' } }), /wildcard/],
    [rule(['x', '{n}'], { n: { kind: 'integer', least: 0, most: 100 } }), /wildcard/],
    [
      rule(['x', '{a}', '{b}'], {
        a: { kind: 'integer', least: 0, most: 20 },
        b: { kind: 'integer', least: 0, most: 20 },
      }),
      /more than 100/,
    ],
    [rule(['x', 'a b']), /read otherwise/],
    [rule(['x', '!a']), /read otherwise/],
    [rule(['x', 'a\\']), /read otherwise/],
    [rule(['x', '#1']), /read otherwise/],
    [rule(['x', '"']), /read otherwise/],
    [rule(['x', 'é']), /read otherwise/],
    [rule(['x', '']), /read otherwise/],
    [rule(['x'], {}, { ask: true }), /asks a person/],
  ];
  for (const [one, why] of cases) {
    const found = text(one);
    assert.equal(found.granted, 0, one.run.join(' '));
    assert.match(found.refused[0] ?? '', why, one.run.join(' '));
    assert.ok(
      found.text.split('\n').every((line) => line === '' || line.startsWith('#')),
      found.text,
    );
  }
});
