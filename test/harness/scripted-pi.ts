import type { Turn } from './model.ts';

// The harness pi, as installed.ts has it in its folder, with a model that is played (model.ts).

/** In a compartment that has the folder as the knowledge `pi`. */
export const CLI = '/knowledge/pi/node_modules/@mariozechner/pi-coding-agent/dist/cli.js';

/** Its ~/.pi/agent/models.json, for a model on this port that is granted as model.test. */
export const models = (port: number): string =>
  JSON.stringify({
    providers: {
      played: {
        baseUrl: `http://model.test:${port}/v1`,
        api: 'openai-completions',
        apiKey: 'placeholder',
        models: [{ id: 'scripted' }],
      },
    },
  });

/** Its model wants a command. */
export const bash = (command: string): Turn => ({ tool: 'bash', with: { command } });
