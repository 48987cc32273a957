import assert from 'node:assert/strict';
import test from 'node:test';
import { type Outcome, onACopy } from './bare.ts';

const LONG = process.env.BULKHEAD_LONG ? false : 'takes the network and a minute: npm run test:long';

const names = ['npm', 'os', 'npm-left', 'os-left', 'again'];
const script = `
remove bubblewrap tmux
try npm inside env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt /bulkhead/setup/npm-packages install
try os inside /bulkhead/setup/os-packages install test
try npm-left inside /bulkhead/setup/npm-packages missing
try os-left inside /bulkhead/setup/os-packages missing test
try again unshare --net chroot "$root" sh -c '/bulkhead/setup/npm-packages install && /bulkhead/setup/os-packages install test'
`;
const found = LONG === false ? onACopy(script, names) : LONG;
const skip = typeof found === 'string' ? found : false;

test('what is missing is installed without a question, and a second time there is nothing to do', { skip }, () => {
  for (const name of names)
    assert.deepEqual((found as Map<string, Outcome>).get(name), { exit: 0, stdout: '', stderr: '' }, name);
});
