import { Failure } from '../../../model/failure.ts';
import type { AgentName, SecretName } from '../../../model/names.ts';
import type { SecretTest, SecretTried } from '../../../model/secret-upkeep.ts';
import { isAt, judgeEgress } from '../../../policy/egress.ts';
import { parseAddress } from '../../../protocol/address.ts';
import type { Compartment } from '../compartment.ts';
import type { Outside } from '../door.ts';
import { endAll } from '../end-all.ts';
import { testSecret } from './secret-test.ts';

/** Where secrets are in use: bound in compartments, and gone out on connections that stand. */
export class SecretsInUse {
  readonly #compartments: ReadonlyMap<AgentName, Compartment>;
  readonly #outside: Outside;

  /** @param compartments  as they are at each moment */
  constructor(compartments: ReadonlyMap<AgentName, Compartment>, outside: Outside) {
    this.#compartments = compartments;
    this.#outside = outside;
  }

  /** A secret is another, or none, from now on. @returns how many connections that had used it were ended */
  changed(name: SecretName): Promise<number> {
    const ending = [...this.#compartments.values()].flatMap(({ bindings, passages }) => {
      const where = bindings.filter(({ secret }) => secret === name);
      return [...passages].filter(({ read, destination }) => read && where.some((one) => isAt(one, destination)));
    });
    for (const { kept } of this.#compartments.values()) kept.clear();
    return endAll(ending, `the secret ${name} was changed`);
  }

  /** Sends a value of a secret to where it is bound, to see whether it is accepted.
   *  @throws Failure `not-bound` */
  async test(name: SecretName, test: SecretTest, which: readonly ['new' | 'old', string]): Promise<SecretTried> {
    const to = { host: test.host, port: test.port, literal: parseAddress(test.host) !== undefined };
    for (const { bindings, rules } of this.#compartments.values()) {
      const bound = bindings.some((one) => one.secret === name && isAt(one, to));
      const verdict = judgeEgress(rules, to);
      if (bound && verdict.kind === 'allow') return testSecret(this.#outside, name, test, verdict.address, which);
    }
    throw new Failure(
      'not-bound',
      `${name} is not bound to ${test.host}:${test.port}, so it is not tested there`,
      'bulkhead secrets list shows where it goes.',
      1,
    );
  }
}
