import { SharedByUrl } from "../shared-by-url.js";
import type { ConnectPeer } from "./peer-link.js";

/** Makes one connection for all peers behind one URL, such as the devices of a gateway. */
export function shareConnections(connect: ConnectPeer): ConnectPeer {
  const shared = new SharedByUrl(connect);
  return (url) => {
    const { connection, close } = shared.use(url);
    return { handle: (event) => connection.handle(event), close };
  };
}
