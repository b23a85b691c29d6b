/** A connection that its last user closes, and what its users have of it. */
interface Shared<Connection> {
  readonly connection: Connection;
  users: number;
}

/** One connection for all who use the same URL; it ends with its last user. */
export class SharedByUrl<Connection extends { close(): void }> {
  readonly #connect: (url: string) => Connection;
  readonly #shared = new Map<string, Shared<Connection>>();

  constructor(connect: (url: string) => Connection) {
    this.#connect = connect;
  }

  /** The connection to a URL for one more user, and what ends its use. Throws what connecting throws. */
  use(url: string): { readonly connection: Connection; close(): void } {
    const shared = this.#shared.get(url) ?? { connection: this.#connect(url), users: 0 };
    this.#shared.set(url, shared);
    shared.users++;
    let isOpen = true;
    const close = () => {
      if (!isOpen) return;
      isOpen = false;
      if (--shared.users > 0) return;
      shared.connection.close();
      this.#shared.delete(url);
    };
    return { connection: shared.connection, close };
  }
}
