import type { ConnectPeer, PeerConnection } from "./peer-link.js";

interface Shared {
  readonly connection: PeerConnection;
  users: number;
}

/** Makes one connection for all peers behind one URL, such as the devices of a gateway; it ends with its last user. */
export function shareConnections(connect: ConnectPeer): ConnectPeer {
  const byUrl = new Map<string, Shared>();
  return (url) => {
    const shared = byUrl.get(url) ?? { connection: connect(url), users: 0 };
    byUrl.set(url, shared);
    shared.users++;
    let isOpen = true;
    return {
      handle: (event) => shared.connection.handle(event),
      close: () => {
        if (!isOpen) return;
        isOpen = false;
        if (--shared.users > 0) return;
        shared.connection.close();
        byUrl.delete(url);
      },
    };
  };
}
