/** Certificates of a server, as PEM text. */
export interface ServerTls {
  /** Own certificate, with its chain. */
  readonly certificate: string;
  /** Private key of the certificate. */
  readonly key: string;
  /** If present, clients must show a certificate that it signed. */
  readonly clientCa?: string;
}

/** Certificates of a client, as PEM text. */
export interface ClientTls {
  /** What signed the certificates of the servers. */
  readonly serverCa: string;
  /** Name that the certificates of all servers carry; the host in the URL does not count. */
  readonly serverName: string;
  /** Own certificate, for servers that ask for one. */
  readonly identity?: { readonly certificate: string; readonly key: string };
}
