import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { AnthropicModel } from './anthropic.ts';
import { ScriptedModel, type Turn } from './model.ts';
import { responsesModel } from './responses.ts';

export const DONE = 'It is made.';

/** An unmodified harness and the model that it talks to, which has it run one command and then says DONE. */
export interface Harness {
  readonly model: (turns: readonly Turn[]) => RequestListener;
  readonly turns: readonly Turn[];
  /** Lines of the agent in fleet.yaml, given the folder that npm made. */
  readonly agent: (folder: string) => string;
  /** Run in the agent's home before its turn, given where the model is. */
  readonly settings: (url: string) => string;
  readonly argv: (folder: string) => readonly string[];
}

const COMMAND = 'echo done by hand > made.txt';
const CLAUDE = 'node_modules/@anthropic-ai/claude-code-linux-x64/claude';
const CODEX = 'node_modules/@openai/codex/vendor/x86_64-unknown-linux-musl/bin/codex';

export const HARNESSES: Readonly<Record<'pi' | 'codex' | 'claude-code', Harness>> = {
  pi: {
    model: (turns) => new ScriptedModel(() => turns).answer,
    turns: [{ tool: 'bash', with: { command: COMMAND } }, { say: DONE }],
    agent: () => 'exec: { sets: [base, node] }\n    knowledge: [harness]',
    settings: (url) => {
      const played = {
        baseUrl: `${url}/v1`,
        api: 'openai-completions',
        apiKey: 'OPENAI_API_KEY',
        models: [{ id: 'scripted' }],
      };
      return `mkdir -p ~/.pi/agent && echo '${JSON.stringify({ providers: { played } })}' >~/.pi/agent/models.json`;
    },
    argv: () => [
      ...['node', '/knowledge/harness/node_modules/@mariozechner/pi-coding-agent/dist/cli.js'],
      ...['--model', 'played/scripted', '-p', 'Make made.txt.'],
    ],
  },
  codex: {
    model: responsesModel,
    turns: [{ tool: 'exec_command', with: { cmd: COMMAND } }, { say: DONE }],
    agent: (folder) => `exec: { sets: [base], allow: [${join(folder, CODEX)}], ask: never }`,
    settings: (url) => `mkdir -p ~/.codex && cat >~/.codex/config.toml <<'END'
model = "scripted"
model_provider = "played"
[model_providers.played]
name = "played"
base_url = "${url}/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
END`,
    argv: (folder) => [
      ...[join(folder, CODEX), 'exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox'],
      'Make made.txt.',
    ],
  },
  'claude-code': {
    model: (turns) => new AnthropicModel(turns).answer,
    turns: [{ tool: 'Bash', with: { command: COMMAND, description: 'Make it' } }, { say: DONE }],
    agent: (folder) => `exec: { sets: [base, git], allow: [${join(folder, CLAUDE)}], ask: never }`,
    settings: () => 'true',
    argv: (folder) => [join(folder, CLAUDE), '-p', 'Make made.txt.', '--allowedTools', 'Bash'],
  },
};
