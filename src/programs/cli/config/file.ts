import type { ExecSetName } from '../../../model/fleet.ts';

/** What stands in a fleet.yaml, before defaults: the shape in shape.ts as types. */
export interface FleetFile {
  readonly fleet: string;
  readonly operators?: Readonly<Record<string, { readonly user: string }>> | undefined;
  readonly defaults?: DefaultsInFile | undefined;
  readonly knowledge?: Readonly<Record<string, string>> | undefined;
  readonly agents: Readonly<Record<string, AgentInFile>>;
  readonly notify?: NotifyInFile | undefined;
  readonly sudoers?: boolean | undefined;
  readonly roots?: readonly string[] | undefined;
  readonly prices?: PricesInFile | undefined;
}

/** Dollars per million tokens, by model. */
export type PricesInFile = Readonly<Record<string, PriceInFile>>;
export interface PriceInFile {
  readonly input: number;
  readonly output: number;
  readonly 'cache-write'?: number | undefined;
  readonly 'cache-read'?: number | undefined;
}

/** A command, a web address, or that with how it wants its text. */
export type NotifyInFile =
  | readonly Word[]
  | string
  | { readonly webhook: string; readonly as?: 'text' | 'slack' | 'json' | undefined };

export interface DefaultsInFile {
  readonly tier?: 'user' | 'sandbox' | undefined;
  readonly exec?: ExecInFile | undefined;
  readonly limits?: LimitsInFile | undefined;
  readonly env?: EnvInFile | undefined;
  readonly 'egress-ask'?: boolean | undefined;
  readonly ask?: AskInFile | undefined;
  readonly budget?: BudgetInFile | undefined;
}

/** `500/day`, `2M/day`, `1G/day`, `$5/day`; `20/2m`. */
export interface BudgetInFile {
  readonly requests?: string | undefined;
  readonly bytes?: string | undefined;
  readonly runs?: string | undefined;
  readonly tokens?: string | undefined;
  readonly money?: string | undefined;
  readonly ask?: boolean | undefined;
  readonly repeats?: string | undefined;
}

/** Durations: `60s`, `5m`, `12h`, `7d`. */
export interface AskInFile {
  readonly wait?: string | undefined;
  readonly deadline?: string | undefined;
}

export interface AgentInFile extends DefaultsInFile {
  readonly role?: string | undefined;
  readonly command?: readonly Word[] | undefined;
  readonly workspace?: string | undefined;
  readonly shared?: boolean | undefined;
  readonly egress?: readonly EgressEntry[] | undefined;
  readonly ports?: readonly number[] | undefined;
  readonly health?: { readonly port: number; readonly path?: string | undefined } | undefined;
  readonly knowledge?: readonly string[] | undefined;
  readonly elevated?: readonly ElevatedInFile[] | undefined;
  readonly secrets?: SecretsInFile | undefined;
  readonly ssh?: readonly SshInFile[] | undefined;
}

/** Where a key of the agent's is for. */
export interface SshInFile {
  readonly host: string;
  readonly port?: number | undefined;
  readonly user?: string | undefined;
  readonly 'host-key'?: string | readonly string[] | undefined;
}

/** By the variable that holds the placeholder. */
export type SecretsInFile = Readonly<Record<string, string | SecretInFile>>;
export interface SecretInFile {
  readonly secret: string;
  /** HOST or HOST:PORT. */
  readonly to?: string | undefined;
  readonly in?: string | readonly string[] | undefined;
  readonly methods?: readonly string[] | undefined;
  readonly path?: string | readonly string[] | undefined;
  readonly shared?: boolean | undefined;
  readonly rotate?: string | RotateInFile | undefined;
  /** What the variable holds, {} being the placeholder. */
  readonly as?: string | undefined;
  readonly file?: { readonly path: string; readonly text: string } | undefined;
}

/** A length of time alone is `every`. */
export interface RotateInFile {
  readonly every?: string | undefined;
  readonly command?: readonly Word[] | undefined;
  readonly test?: string | { readonly request: string; readonly in?: string | undefined } | undefined;
}

/** One command line, and what may stand in it. */
export interface ElevatedInFile {
  readonly run: WordsInFile;
  readonly with?: Readonly<Record<string, ArgumentInFile>> | undefined;
  readonly as: string;
  readonly ask?: boolean | undefined;
  readonly time?: string | undefined;
}

export type ArgumentInFile =
  | readonly Word[]
  | { readonly from: number; readonly to: number }
  | { readonly characters: string; readonly most: number }
  | { readonly below: string };

export interface ExecInFile {
  readonly sets?: readonly ExecSetName[] | undefined;
  readonly allow?: readonly (string | boolean)[] | undefined;
  readonly deny?: readonly (string | boolean)[] | undefined;
  readonly own?: 'never' | 'ask' | 'allow' | undefined;
  readonly ask?: 'never' | 'on-miss' | undefined;
  readonly 'allow-argv'?: readonly ArgvRuleInFile[] | undefined;
  readonly 'ask-argv'?: readonly ArgvRuleInFile[] | undefined;
  readonly 'deny-argv'?: readonly ArgvRuleInFile[] | undefined;
}

/** `git push **`, or its words as a list; with examples that are tried when the file is read. */
export type ArgvRuleInFile = WordsInFile | ArgvRuleWithExamples;
export type WordsInFile = string | readonly string[];
export interface ArgvRuleWithExamples {
  readonly rule: WordsInFile;
  readonly match?: readonly WordsInFile[] | undefined;
  readonly 'not-match'?: readonly WordsInFile[] | undefined;
}

export interface LimitsInFile {
  readonly memory?: string | number | undefined;
  readonly processes?: number | undefined;
  readonly cpu?: string | undefined;
  readonly disk?: string | number | undefined;
}

/** Taken as written: `sleep 60` need not quote its number. */
export type Word = string | number | boolean;

export type EnvInFile = Readonly<Record<string, Word>>;

export type EgressEntry = string | RuleInFile | GitInFile | TimeInFile;

export interface RuleInFile {
  readonly host: string;
  readonly port?: number | undefined;
  readonly address?: string | undefined;
  readonly methods?: readonly string[] | undefined;
  readonly paths?: readonly string[] | undefined;
  readonly query?: Readonly<Record<string, string | readonly string[]>> | undefined;
  readonly 'content-type'?: string | readonly string[] | undefined;
  /** Requests that it must grant, or must not; tried when the file is read. */
  readonly match?: readonly string[] | undefined;
  readonly 'not-match'?: readonly string[] | undefined;
}

/** A server that may be asked for the time. */
export interface TimeInFile {
  readonly ntp: string;
  readonly address?: string | undefined;
}

/** Repositories on a server that speaks git over HTTP. */
export interface GitInFile {
  readonly git: string;
  readonly port?: number | undefined;
  readonly address?: string | undefined;
  readonly pull?: readonly string[] | undefined;
  readonly push?: readonly string[] | undefined;
}
