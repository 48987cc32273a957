import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentName, knowledgeName } from '../../src/model/names.ts';
import { blastRadius } from '../../src/policy/map.ts';
import { walls } from './fleet.ts';
import { golden, session, standIn } from './stand-in.ts';

test('map shows the sentence, what is granted, and what is and is not proven', async () => {
  const GIB = 1024 ** 3;
  const coder = {
    name: agentName('coder'),
    tier: 'sandbox',
    workspace: { kind: 'shared', path: '/home/you/projects/site' },
    env: {},
    exec: { sets: ['base', 'git', 'node'], allow: ['jq'], deny: ['curl'], own: 'allow', ask: 'never' },
    limits: { memory: 2 * GIB, processes: 256, cpu: 150, disk: 5 * GIB },
    egress: [
      { host: 'registry.example.test', port: 443 },
      { host: '*.cdn.example.test', port: 443 },
      { host: 'ollama.internal', port: 11434, address: '127.0.0.1' },
    ],
    ports: [],
    knowledge: [{ name: knowledgeName('handbook'), path: '/srv/handbook' }],
  } as const;
  const clerk = {
    ...coder,
    name: agentName('clerk'),
    workspace: { kind: 'own' },
    egress: [],
    knowledge: [],
    exec: { ...coder.exec, sets: ['base'], own: 'never' },
  } as const;
  const partly = walls({ exec: { level: 'partial', missing: ['its workspace is executable (exec.own: allow)'] } });
  const agents = [
    blastRadius(coder, partly, Date.now()),
    blastRadius(clerk, walls(), Date.now()),
    blastRadius({ ...clerk, name: agentName('idle') }, [], Date.now()),
  ];
  await using up = await standIn({
    map: ({ agent }) => ({ agents: agents.filter(({ name }) => agent === undefined || name === agent) }),
  });
  const { expected, actual } = golden('map.txt', await session(['bulkhead map', 'bulkhead map clerk'], up));
  assert.equal(actual, expected);
  assert.deepEqual(up.asked, ['warden map {}', 'warden map {"agent":"clerk"}']);
});
