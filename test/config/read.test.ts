import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test, { type TestContext } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import { Failure } from '../../src/model/failure.ts';
import { invokerOf } from '../../src/programs/cli/config/invoker.ts';
import { LARGEST_FILE, readFleet } from '../../src/programs/cli/config/read.ts';

const YOU = { user: 'you', home: '/home/you' };

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'bulkhead-config-'));
  t.after(() => removeTree(path));
  return path;
}

function failureOf(path: string): Failure {
  try {
    readFleet(path, YOU);
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.exit, 2);
    return error;
  }
  throw new Error(`${path} was accepted`);
}

test('a file is read, and its paths start from its own folder', (t) => {
  const at = folder(t);
  writeFileSync(join(at, 'fleet.yaml'), 'fleet: x\nagents: { a: { workspace: site, shared: true } }\n');
  const fleet = readFleet(join(at, 'fleet.yaml'), YOU);
  assert.equal(fleet.source, join(at, 'fleet.yaml'));
  assert.deepEqual(fleet.agents[0]?.workspace, { kind: 'shared', path: join(at, 'site') });
});

test('a mistake is shown with the place of the file as seen from here', (t) => {
  const path = join(folder(t), 'odd.yaml');
  writeFileSync(path, 'fleet: x\nagnts: {}\n');
  assert.equal(failureOf(path).at, `${path}:2:1`);
  assert.match(failureOf(path).hint, /bulkhead plan -f \/.*odd\.yaml checks/);
  const below = mkdtempSync('test/config/reading-');
  t.after(() => removeTree(below));
  writeFileSync(join(below, 'fleet.yaml'), 'flet: x\n');
  for (const given of [join(below, 'fleet.yaml'), `./${below}/fleet.yaml`, resolve(below, 'fleet.yaml')])
    assert.equal(failureOf(given).at, `${below}/fleet.yaml:1:1`);
  assert.equal(failureOf(`${below}/none.yaml`).message, `there is no ${below}/none.yaml`);
});

test('what is no readable file is told in two lines, and never waited for', (t) => {
  const at = folder(t);
  assert.equal(failureOf(join(at, 'none.yaml')).code, 'no-fleet-file');
  assert.equal(failureOf(at).code, 'no-fleet-file');
  execFileSync('mkfifo', [join(at, 'pipe')]);
  assert.equal(failureOf(join(at, 'pipe')).code, 'no-fleet-file');
  mkdirSync(join(at, 'x'));
  assert.equal(failureOf(join(at, 'x', 'fleet.yaml', 'y')).code, 'no-fleet-file');
  assert.equal(failureOf('/dev/zero').code, 'no-fleet-file');
  assert.ok(failureOf('/proc/self/status'));
});

test('a huge file is refused before it is read, whatever is in it', (t) => {
  const path = join(folder(t), 'fleet.yaml');
  writeFileSync(path, Buffer.alloc(10 * 1024 * 1024, 'a: b\n'));
  const begun = process.cpuUsage();
  assert.equal(failureOf(path).code, 'file-too-large');
  assert.ok(process.cpuUsage(begun).user < 100_000);
  writeFileSync(path, Buffer.alloc(LARGEST_FILE, '#'));
  assert.notEqual(failureOf(path).code, 'file-too-large');
});

test('what is not UTF-8 is refused, and so is a byte order mark', (t) => {
  const path = join(folder(t), 'fleet.yaml');
  for (const bytes of [
    Buffer.from('fleet: x', 'utf16le'),
    Buffer.from([0xff, 0xfe, 0x66, 0]),
    Buffer.from('fleet: \xe4', 'latin1'),
    Buffer.from([0xc0, 0x80]),
    Buffer.from([0xed, 0xa0, 0x80]),
    Buffer.from('\ufefffleet: x'),
  ]) {
    writeFileSync(path, bytes);
    assert.match(failureOf(path).code, /^(?:not-utf8|invisible-character)$/, bytes.toString('hex'));
  }
});

test('under sudo the person who typed it is asked for, not root', () => {
  const passwd =
    'root:x:0:0:root:/root:/bin/sh\nyou:x:1000:1000:You,,,:/home/you:/bin/sh\nodd:x:1001:1001::relative:\n';
  const root = { uid: 0, user: 'root', home: '/root' };
  assert.deepEqual(
    invokerOf(root, '1000', () => passwd),
    YOU,
  );
  assert.deepEqual(
    invokerOf(root, undefined, () => passwd),
    { user: 'root', home: '/root' },
  );
  assert.deepEqual(
    invokerOf(root, '0', () => passwd),
    { user: 'root', home: '/root' },
  );
  assert.deepEqual(
    invokerOf(root, '1000x', () => passwd),
    { user: 'root', home: '/root' },
  );
  assert.deepEqual(
    invokerOf(root, '4242', () => passwd),
    { user: 'root', home: undefined },
  );
  assert.deepEqual(
    invokerOf(root, '1001', () => passwd),
    { user: 'odd', home: undefined },
  );
  const other = { uid: 1001, user: 'odd', home: '/home/odd' };
  assert.deepEqual(
    invokerOf(other, '1000', () => passwd),
    { user: 'odd', home: '/home/odd' },
  );
});
