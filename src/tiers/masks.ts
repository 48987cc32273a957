/** Names that tools on the host obey. In a folder that the operator shares with an agent each is read-only inside, and one that
 *  does not exist yet is held by an empty, read-only folder, so that the agent cannot make it (CVE-2026-25725 was a guard that
 *  covered only names that existed). They are names at the top of the folder: a mount point cannot be renamed or removed.
 *
 *  `.git` is masked whole. Its config and hooks are not enough: `commondir`, `config.worktree`, a gitlink in the index, or a todo
 *  file of a rebase make the operator's next git run what the agent wrote (docs/design/003-git-in-shared-folders.md). */
export const MASKED: readonly string[] = [
  '.bash_profile',
  '.bashrc',
  '.claude',
  '.codex',
  '.cursor',
  '.devcontainer',
  '.dir-locals.el',
  '.direnv',
  '.env',
  '.envrc',
  '.exrc',
  '.gdbinit',
  '.gemini',
  '.git',
  '.gitattributes',
  '.gitconfig',
  '.githooks',
  '.gitmodules',
  '.hg',
  '.husky',
  '.idea',
  '.jj',
  '.lldbinit',
  '.mcp.json',
  '.mise.toml',
  '.npmrc',
  '.nvim.lua',
  '.pdbrc',
  '.pnpmfile.cjs',
  '.profile',
  '.tool-versions',
  '.vimrc',
  '.vscode',
  '.yarnrc',
  '.yarnrc.yml',
  '.zed',
  '.zprofile',
  '.zshenv',
  '.zshrc',
  'mise.toml',
];

/** What stands at a masked name on the host: `held` is an empty folder that we put there. */
export interface Mask {
  readonly name: string;
  readonly is: 'file' | 'folder' | 'held';
}
