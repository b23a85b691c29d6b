/** Which announced invocation ports were seen open, and how lately: nodes of one process share a port. */
export class OpenPorts {
  /** The newest session that had begun when the port was going to be looked at, by URL. */
  readonly #sessions = new Map<string, number>();

  /** True when the port was seen open after the plan of a session, and those before it, had begun. */
  isOpenSince(url: string, session: number): boolean {
    return (this.#sessions.get(url) ?? 0) >= session;
  }

  seenOpen(url: string, session: number): void {
    if (!this.isOpenSince(url, session)) this.#sessions.set(url, session);
  }

  /** The process behind it is another one, or none. */
  forget(url: string): void {
    this.#sessions.delete(url);
  }
}
