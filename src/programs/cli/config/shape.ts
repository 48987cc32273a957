import { z } from 'zod';
import type { ArgvRuleInFile, ExecInFile, FleetFile } from './file.ts';
import * as leaf from './leaves.ts';
import { secret, ssh } from './shape-secrets.ts';

/** What a fleet.yaml may look like: the one source of the reader's checks and of schema/fleet.schema.json. Unknown keys are
 *  refused everywhere. */

const tier = z
  .enum(['user', 'sandbox'])
  .describe(
    'How strong the compartment is. sandbox: own user, namespaces, read-only system, no way out but the gateway. user: own user on the host’s own files and in its networks, for programs that need the host; weaker, and only with root. Default sandbox.',
  );

const limits = z
  .strictObject({
    memory: leaf.size.optional().describe('Memory of all its processes together, such as 2G. Default 2G.'),
    processes: leaf.processes.optional().describe('Processes and threads at a time. Default 256.'),
    cpu: leaf.percent.optional().describe('Processor time, in per cent of one processor, such as 150%. Default 100%.'),
    disk: leaf.size.optional().describe('Home and workspace together, such as 5G. Default 5G.'),
  })
  .describe('What the compartment may use up.');

/** @param programs  in defaults a filled list; in an agent also an empty one, which takes the default's away */
function exec(programs: z.ZodType<(string | boolean)[]>, rules: z.ZodType<ArgvRuleInFile[]>): z.ZodType<ExecInFile> {
  return z
    .strictObject({
      sets: leaf
        .filled(z.enum(['base', 'git', 'python', 'node']))
        .optional()
        .describe('Lists of programs we keep: base (ordinary tools), git, python, node. Default [base].'),
      allow: programs.optional().describe('Programs allowed besides the sets: names (jq) or absolute paths.'),
      deny: programs.optional().describe('Programs taken away again; wins over sets and allow.'),
      'allow-argv': rules
        .optional()
        .describe(
          'Command lines allowed besides, exactly as written: "jq . *". A program that exec allows needs none.',
        ),
      'ask-argv': rules
        .optional()
        .describe(
          'Command lines that wait for a person, though the program is allowed: "git push **". Options count anywhere.',
        ),
      'deny-argv': rules
        .optional()
        .describe('Command lines that are refused: "git push --force **". The strictest rule wins.'),
      own: z
        .enum(['never', 'ask', 'allow'])
        .optional()
        .describe(
          'Whether programs that it made in its workspace may run. ask: each waits for a person, shown by path and digest. allow makes the wall exec partial. Default never.',
        ),
      ask: z
        .enum(['never', 'on-miss'])
        .optional()
        .describe(
          'never: what is not allowed does not exist for the agent. on-miss: it is there, and waits for a person (bulkhead approvals). Default on-miss.',
        ),
    })
    .describe('Which programs may start.');
}

const env = z
  .record(leaf.variable, leaf.word)
  .describe('Environment variables. No secrets; not PATH, HOME, LD_* and others that change how programs are loaded.');

const egressAsk = z
  .boolean()
  .describe('true: a host that no rule grants is asked for (bulkhead approvals), instead of refused. Default false.');

const ask = z
  .strictObject({
    wait: leaf.duration
      .optional()
      .describe('How long a command or connection waits for the answer itself. Default 60s.'),
    deadline: leaf.duration
      .optional()
      .describe('How long a question stays open; no answer by then is no. Default 12h.'),
  })
  .describe('What becomes of questions that this agent raises.');

const budget = z
  .strictObject({
    requests: leaf.countADay.optional().describe('Requests, 500/day. A connection that passes unread is one.'),
    bytes: leaf.bytesADay.optional().describe('Up and down together, 2G/day.'),
    runs: leaf.countADay.optional().describe('Starts of its command and commands run in its compartment, 40/day.'),
    tokens: leaf.countADay
      .optional()
      .describe(
        'Tokens of every kind together, 2M/day, as the answers of models say. Its key must be one of `secrets`.',
      ),
    money: leaf.moneyADay
      .optional()
      .describe('List prices of those tokens, $5/day; a model without a price is refused: see `prices`.'),
    ask: z
      .boolean()
      .optional()
      .describe('true: a cap that is reached is asked about; yes is as much again for today. Default false.'),
    repeats: leaf.repeats
      .optional()
      .describe('The same request so often in such a time is a loop, and refused: 20/2m, the default, or any.'),
  })
  .describe('What it may use up in a day of this machine’s clock. What is over it is refused.');

const price = z
  .strictObject({
    input: leaf.price.describe('Dollars per million tokens.'),
    output: leaf.price.describe('Dollars per million tokens.'),
    'cache-write': leaf.price.optional().describe('Default as input.'),
    'cache-read': leaf.price.optional().describe('Default as input.'),
  })
  .describe('What a model costs, in dollars per million tokens.');

const elevated = z
  .strictObject({
    run: leaf.commandLine.describe(
      'The command, exactly: "systemctl restart {unit}". {NAME} stands for an argument; no wildcards.',
    ),
    with: z
      .record(leaf.label, leaf.argument)
      .optional()
      .describe('What each argument may be: { unit: [web, worker] }, { n: { from: 1, to: 9 } } ...'),
    as: leaf.user.describe('The user of this machine that it runs as.'),
    ask: z.boolean().optional().describe('false: runs without asking a person. Default true.'),
    time: leaf.duration.optional().describe('How long it may take. Default 10m.'),
  })
  .describe('A command that runs outside of the compartment when the agent calls bulkhead-do.');

const agent = z
  .strictObject({
    role: leaf.role.optional().describe('What it is for, in a few words.'),
    command: leaf
      .filled(leaf.word)
      .optional()
      .describe('The program to keep running, and its arguments. Left out: the agent stands idle until run or shell.'),
    tier: tier.optional(),
    workspace: leaf.filePath
      .optional()
      .describe('A folder of yours that it works in; needs shared: true. Left out: one inside the state.'),
    shared: z
      .boolean()
      .optional()
      .describe(
        'true: the workspace is a folder of yours; what your own tools obey in it (.git/hooks, .envrc ...) is masked.',
      ),
    env: env.optional(),
    exec: exec(leaf.list(leaf.program), leaf.rules(leaf.argvRule)).optional(),
    limits: limits.optional(),
    egress: leaf
      .filled(leaf.egressEntry)
      .optional()
      .describe(
        'What it may reach: HOST, HOST:PORT, *.HOST, the name of a preset (anthropic, npm, telegram ...), { host, methods, paths ... }, { git, pull, push } or { ntp }. Port 443 unless said. Default none.',
      ),
    ports: leaf.filled(leaf.port).optional().describe('Ports of the compartment, published on your 127.0.0.1 only.'),
    health: z
      .strictObject({
        port: leaf.port.describe('A port of the compartment that answers HTTP.'),
        path: leaf.urlPath.optional().describe('Default /.'),
      })
      .optional()
      .describe('Where the agent answers when it is well.'),
    knowledge: leaf
      .filled(leaf.label)
      .optional()
      .describe('Names from knowledge that it may read, at /knowledge/NAME.'),
    'egress-ask': egressAsk.optional(),
    ask: ask.optional(),
    budget: budget.optional(),
    elevated: leaf
      .filled(elevated)
      .optional()
      .describe('Exact commands that it may have run outside, as another user: bulkhead-do COMMAND. Default none.'),
    secrets: z
      .record(leaf.variable, secret)
      .optional()
      .describe(
        'Secrets that it uses and never holds: the variable has a placeholder, and the gateway puts the value in its place.',
      ),
    ssh: leaf
      .filled(ssh)
      .optional()
      .describe(
        'Where it may log in with SSH keys that Bulkhead makes and it never holds. What to register there: bulkhead secrets ssh.',
      ),
  })
  .describe('One agent and its compartment.');

const defaults = z
  .strictObject({
    tier: tier.optional(),
    exec: exec(leaf.filled(leaf.program), leaf.filled(leaf.argvRule)).optional(),
    limits: limits.optional(),
    env: env.optional(),
    'egress-ask': egressAsk.optional(),
    ask: ask.optional(),
    budget: budget.optional(),
  })
  .describe('What agents have unless they say otherwise, key by key; a list of an agent replaces the one here.');

const NO_OPERATOR = {
  error: ({ code }: { readonly code?: string }) =>
    code === 'invalid_type'
      ? 'is no operator\nName each, with a login: operators: { me: { user: LOGIN } }.'
      : undefined,
};

export const fleetShape: z.ZodType<FleetFile> = z
  .strictObject({
    fleet: leaf.label.describe('Name of the fleet.'),
    operators: z
      .record(
        leaf.label,
        z.strictObject({ user: leaf.user.describe('Login name on this machine.') }, NO_OPERATOR),
        NO_OPERATOR,
      )
      .meta({ minProperties: 1 })
      .optional()
      .describe('Who may manage the fleet besides root. Default: whoever runs bulkhead up.'),
    defaults: defaults.optional(),
    knowledge: z
      .record(leaf.label, leaf.filePath)
      .meta({ minProperties: 1 })
      .optional()
      .describe('Files and folders that agents may be given to read, live and read-only.'),
    notify: z
      .union(
        [
          leaf.filled(leaf.word),
          z.string().min(1),
          z.strictObject({
            webhook: z.string().min(1).describe('Where a notice is posted, such as https://ntfy.example/TOPIC.'),
            as: z
              .enum(['text', 'slack', 'json'])
              .optional()
              .describe(
                'text: the line itself (ntfy); slack: {"text": ...}; json: the whole notice. Default text, for hooks.slack.com slack.',
              ),
          }),
        ],
        { error: 'is not a way to be told\nWrite a command as a list, [ntfy, publish, TOPIC], or a web address.' },
      )
      .optional()
      .describe(
        'Told of a question that waits, of one about to lapse and of findings; cannot answer. A command gets JSON on its standard input and runs as the first operator, never as root.',
      ),
    sudoers: z
      .boolean()
      .optional()
      .describe(
        'true: what elevated says stands in /etc/sudoers.d too, as far as sudo can say it exactly. Default false.',
      ),
    roots: leaf
      .filled(leaf.filePath)
      .optional()
      .describe(
        'Certificates (PEM) that servers to which secrets go may be signed by, besides those that this machine trusts.',
      ),
    prices: z
      .record(leaf.model, price)
      .meta({ minProperties: 1 })
      .optional()
      .describe('Prices of models, by name; * stands for any part. They come before the list that we keep.'),
    agents: z.record(leaf.label, agent).meta({ minProperties: 1 }).describe('The agents, by name.'),
  })
  .meta({
    title: 'Bulkhead fleet',
    description: 'A fleet of agents, each in a compartment that the operating system enforces.',
  });
