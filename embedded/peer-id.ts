import { NONE } from "../coap-api/operations/event.js";

/*
 * A board has no room for the UUIDs of everybody who sends it events. The gateway numbers foreign instances for each
 * device (1, 2, …), and a guest sees peer number n as 00000000-0000-4000-8000-0000nnnnnnnn, n in hexadecimal, both as node
 * and as component id; a raw cast or call to that id goes back to the gateway under the number. Number 0 is nobody: the
 * guest sees the ids that EDGELESS reserves for it.
 */

const NOBODY_NODE = new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0, 0, 0, 0]);
const NOBODY_COMPONENT = new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfd, 0, 0, 0, 0]);

/** The node id under which a guest sees a peer, 16 bytes. */
export function peerNodeId(peer: number): Uint8Array {
  return peer === 0 ? NOBODY_NODE : numbered(peer);
}

/** The component id under which a guest sees a peer, 16 bytes. */
export function peerComponentId(peer: number): Uint8Array {
  return peer === 0 ? NOBODY_COMPONENT : numbered(peer);
}

function numbered(peer: number): Uint8Array {
  const id = new Uint8Array(16);
  id[6] = 0x40;
  id[8] = 0x80;
  id[12] = peer >>> 24;
  id[13] = peer >>> 16;
  id[14] = peer >>> 8;
  id[15] = peer;
  return id;
}

/** The peer with this node id; {@link NONE} when it is nobody or not from {@link peerNodeId}. */
export function peerOf(nodeId: Uint8Array): number {
  for (let i = 0; i < 12; i++) {
    if (nodeId[i] !== (i === 6 ? 0x40 : i === 8 ? 0x80 : 0)) return NONE;
  }
  let peer = 0;
  for (let i = 12; i < 16; i++) peer = peer * 256 + (nodeId[i] as number);
  return peer === 0 ? NONE : peer;
}
