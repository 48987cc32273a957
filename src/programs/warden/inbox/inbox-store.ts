import { DatabaseSync } from 'node:sqlite';
import type { Question } from '../../../model/question.ts';

/** What is kept of questions that nothing more can become of. */
const KEPT_MS = 90 * 24 * 3600 * 1000;
const FORMAT = 1;

/** The inbox on disk: STATE/inbox.db, root's, one row a question. A row is written in one transaction and is on disk when `put` returns
 *  (SQLite, PRAGMA synchronous: FULL syncs every commit in WAL mode). */
export class InboxStore {
  readonly #db: DatabaseSync;

  /** @throws Error when the file is no inbox, or one of a newer version */
  constructor(path: string) {
    this.#db = new DatabaseSync(path);
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 2000');
    const { user_version: format } = this.#db.prepare('PRAGMA user_version').get() as { user_version: number };
    if (format > FORMAT) throw new Error(`inbox.db has format ${format}, and this warden knows ${FORMAT}`);
    this.#db.exec(`BEGIN IMMEDIATE;
      CREATE TABLE IF NOT EXISTS questions (
        id INTEGER PRIMARY KEY, agent TEXT NOT NULL, kind TEXT NOT NULL, digest TEXT NOT NULL, state TEXT NOT NULL,
        asked_at INTEGER NOT NULL, ended_at INTEGER, body TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS numbers (last INTEGER NOT NULL) STRICT;
      INSERT INTO numbers SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM numbers);
      PRAGMA user_version = ${FORMAT};
      COMMIT`);
  }

  /** All that is kept, oldest first. */
  all(): Question[] {
    return this.#db
      .prepare('SELECT body FROM questions ORDER BY id')
      .all()
      .map(({ body }) => JSON.parse(body as string) as Question);
  }

  /** The next number; it is given out once, whatever becomes of it. */
  number(): number {
    const { last } = this.#db.prepare('UPDATE numbers SET last = last + 1 RETURNING last').get() as { last: number };
    return last;
  }

  put(question: Question): void {
    const { id, agent, kind, digest, state, askedAt, endedAt } = question;
    this.#db
      .prepare('INSERT OR REPLACE INTO questions VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
      .run(id, agent, kind, digest, state, askedAt, endedAt ?? null, JSON.stringify(question));
  }

  /** Forgets what ended long ago and holds no more. @returns the numbers that are gone */
  forget(now: number, holds: (question: Question) => boolean): number[] {
    const old = this.#db.prepare('SELECT body FROM questions WHERE ended_at < ?').all(now - KEPT_MS);
    const gone = old.map(({ body }) => JSON.parse(body as string) as Question).filter((question) => !holds(question));
    const remove = this.#db.prepare('DELETE FROM questions WHERE id = ?');
    for (const { id } of gone) remove.run(id);
    return gone.map(({ id }) => id);
  }

  close(): void {
    this.#db.close();
  }
}
