import type { NotApplicable } from './attack.ts';

/** Lines of the list that no text can try from inside a compartment yet, and why. */
const GATE =
  'it attacks the exec gate, with a thread or a question to a person, and a drill has neither: tests of the gate try it';
const PERSON = 'it attacks questions to a person, and a drill asks nobody: tests of the inbox try it';

export const FILES_LATER: readonly NotApplicable[] = [
  { id: 'c44-symlink-swap-race', line: 44, why: 'no tool of ours on the host copies or reads from a workspace yet' },
  { id: 'c50-case-fold', line: 50, why: 'the file systems of this tier tell upper from lower case; it is for macOS' },
  { id: 'c56-archive-path', line: 56, why: 'nothing on the host imports or exports an archive yet' },
  {
    id: 'c59-terminal-escape',
    line: 59,
    why: 'it attacks how the command line shows names and argv: held by tests of the display, not from inside',
  },
];

export const PROCESSES_LATER: readonly NotApplicable[] = [
  {
    id: 'd70-shell-expansion',
    line: 70,
    why: 'nothing is ever decided from the text of a shell command; programs are there or not',
  },
  { id: 'd75-exec-toctou', line: 75, why: GATE },
  { id: 'd82-approval-fatigue', line: 82, why: PERSON },
  { id: 'd83-approval-replay', line: 83, why: PERSON },
  { id: 'd84-approval-timeout', line: 84, why: PERSON },
  {
    id: 'd85-daemonize',
    line: 85,
    why: 'it can be judged only by stopping the agent: tests do that with the same text (src/drill/processes/daemonize.ts)',
  },
  { id: 'f118-ask-then-kill-gate', line: 118, why: GATE },
  { id: 'f119-path-miss', line: 119, why: GATE },
];

export const CONTROL_PLANE_LATER: readonly NotApplicable[] = [
  {
    id: 'e98-env-fail-open',
    line: 98,
    why: 'no program of ours runs inside the compartment, so none reads a variable of the agent; each is started with an empty environment',
  },
  {
    id: 'e99-missing-dependency',
    line: 99,
    why: 'it attacks the host before there is a compartment: doctor and up refuse, held by their tests',
  },
  {
    id: 'e100-empty-policy',
    line: 100,
    why: 'it attacks the reading of fleet.yaml on the host: held by tests of the policy',
  },
  {
    id: 'e102-log-injection',
    line: 102,
    why: 'what an agent can put into the record are names it asks for, and those attacks are judged by reading them back (line 13, 14)',
  },
  { id: 'e103-ui-csrf', line: 103, why: 'there is no page and no loopback service of the product yet', step: 3 },
  {
    id: 'e106-uid-reuse',
    line: 106,
    why: 'it needs an agent that was removed: no uid is given twice, held by tests of the plan',
  },
  { id: 'e107-restore-race', line: 107, why: 'there are no snapshots to restore yet' },
  {
    id: 'e111-mcp-rug-pull',
    line: 111,
    why: 'there are no grants for MCP servers whose description could change',
    step: 5,
  },
];
