import type { SshKeysDocument } from '../../../model/documents.ts';
import { agentName } from '../../../model/names.ts';
import type { Answer, Call } from '../call.ts';
import { withWarden } from '../connect.ts';
import { chosenKeys, renderSshKeys } from '../render/ssh-keys.ts';

/** The lines to register where agents log in with SSH. With --renew each is another key first. */
export async function run({ operands, options, state }: Call): Promise<Answer> {
  const agent = operands[0] === undefined ? undefined : agentName(operands[0]);
  const choice = { agent, host: operands[1] };
  const { keys } = await withWarden(state, 'no SSH key is in use', async (warden) => {
    const all = (await warden.call('ssh.keys')) as SshKeysDocument;
    const chosen = chosenKeys(all.keys, choice, options.renew === true);
    if (options.renew !== true) return { keys: chosen };
    let after = all;
    for (const { agent: of, host, port, user } of chosen)
      after = (await warden.call('ssh.renew', { agent: of, host, port, user })) as SshKeysDocument;
    return { keys: chosenKeys(after.keys, choice, false) };
  });
  return { document: { keys }, text: () => renderSshKeys(keys) };
}
