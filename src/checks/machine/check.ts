import type { Severity } from '../finding.ts';
import type { Family, HostFacts, NeededProgram, Tried } from './facts.ts';

/** One question about a machine. `critical` means that tier sandbox cannot run on it. */
export interface MachineCheck {
  readonly id: string;
  /** The wall it is about, or what else. */
  readonly subject: string;
  readonly judge: (facts: HostFacts) => Judged;
}

export type Judged =
  | { readonly ok: string }
  | {
      readonly severity: Severity;
      readonly evidence: string;
      readonly remedy: string;
      /** Nobody has looked; it counts as if it were not there. */
      readonly unknown?: true;
    };

export function ok(evidence: string): Judged {
  return { ok: evidence };
}

export function finding(severity: Severity, evidence: string, remedy: string): Judged {
  return { severity, evidence, remedy };
}

/** Numeric parts, as many as both have: `6.1` is at least `6.1`, and so is `6.18.44-generic`. */
export function atLeast(version: string, floor: string): boolean {
  const parts = version.match(/\d+/gu)?.map(Number) ?? [];
  for (const [i, least] of floor.split('.').map(Number).entries()) {
    const part = parts[i] ?? 0;
    if (part !== least) return part > least;
  }
  return true;
}

const INSTALL: Readonly<Record<Family, string>> = {
  debian: 'apt-get install',
  fedora: 'dnf install',
  arch: 'pacman -S',
  alpine: 'apk add',
  suse: 'zypper install',
  other: 'install the package',
};

/** Names of packages where they differ from Debian's. */
const PACKAGE: Readonly<
  Record<NeededProgram, Readonly<Partial<Record<Family, string>> & { readonly debian: string }>>
> = {
  bwrap: { debian: 'bubblewrap' },
  nft: { debian: 'nftables' },
  ip: { debian: 'iproute2', fedora: 'iproute' },
  'mkfs.ext4': { debian: 'e2fsprogs' },
  perl: { debian: 'perl' },
  unshare: { debian: 'util-linux' },
  mount: { debian: 'mount', fedora: 'util-linux', arch: 'util-linux', alpine: 'util-linux', suse: 'util-linux' },
};

export function install({ distribution }: HostFacts, programs: readonly NeededProgram[]): string {
  const { family } = distribution;
  const packages = programs.map((program) => PACKAGE[program][family] ?? PACKAGE[program].debian);
  return `${INSTALL[family]} ${[...new Set(packages)].join(' ')}`;
}

export function missing(facts: HostFacts, programs: readonly NeededProgram[]): NeededProgram[] {
  return programs.filter((program) => facts.programs[program] === null);
}

/** The usual shape: programs that must be there, then something that was tried with them. */
export function needs(
  facts: HostFacts,
  programs: readonly NeededProgram[],
  what: string,
  tried: Tried,
  seen: string,
  remedy: string,
): Judged {
  const absent = missing(facts, programs);
  if (absent.length > 0) return finding('critical', `not installed: ${absent.join(', ')}`, install(facts, absent));
  if (tried.works === true) return ok(seen);
  if (tried.works === 'unknown') return untried(what, tried.why);
  return finding('critical', `${what} tried, and failed: ${tried.why}`, remedy);
}

export function untried(what: string, why: string): Judged {
  return { severity: 'critical', evidence: `${what} not tried: ${why}`, remedy: AS_ROOT, unknown: true };
}

export const AS_ROOT = 'sudo bulkhead doctor';
export const AS_ROOT_UP = 'sudo bulkhead up, which bounds it';
