/** Credentials whose own form says that they open more than one agent needs. Only what the issuer documents; what a token was restricted to
 *  cannot be seen in most of them. The list need not be complete. */
const BROAD: readonly (readonly [shape: RegExp, why: string])[] = [
  // GitHub Docs, "Managing your personal access tokens": the classic ones reach every repository that their user reaches.
  [
    /^ghp_/,
    'it is a classic GitHub token, good for every repository of its user; a fine-grained one (github_pat_) can be limited to one',
  ],
  // GitHub Docs, "GitHub's token formats".
  [/^gho_/, 'it is an OAuth token of a GitHub user, such as gh auth login makes; a fine-grained token can be limited'],
  // Anthropic, "Admin API": its keys begin with sk-ant-admin.
  [/^sk-ant-admin/, 'it is an Admin API key: it manages members and keys of the organization'],
  // OpenAI, "Admin API keys": values begin with sk-admin-.
  [/^sk-admin-/, 'it is an Admin API key: it manages users, projects and keys of the organization'],
  // Stripe, "Restricted API keys": sk_live_ may do anything in the account, rk_live_ what it was given.
  [/^sk_live_/, 'it is an unrestricted live Stripe key; a restricted one (rk_live_) does what it was given'],
  // Slack, "Token types": user tokens act as a person.
  [/^xoxp-/, 'it is a Slack user token and acts as a person; a bot token (xoxb-) has permissions of its own'],
  // GitLab Docs, "Token overview": personal access tokens reach all that their user reaches.
  [/^glpat-/, 'it may be a personal GitLab token, which reaches all groups of its user; a project token reaches one'],
  // AWS IAM, "IAM identifiers": AKIA are long-term keys, ASIA temporary ones.
  [/^AKIA[0-9A-Z]{16}$/, 'it is the id of a long-term AWS access key; AWS advises temporary ones'],
];

/** Why a credential is broader than an agent is likely to need, as a clause; undefined where nothing can be seen. */
export function whyBroad(value: string): string | undefined {
  return BROAD.find(([shape]) => shape.test(value))?.[1];
}
