import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Runs openssl in a folder; false when there is none. */
function openssl(folder: string, ...args: string[]): boolean {
  try {
    execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes an authority (`<name>-ca.pem`) and a certificate signed by it for a host (`<name>.pem`, `<name>.key`).
 * @returns false when openssl is not installed
 */
export function makeAuthority(folder: string, name: string, host: string): boolean {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  writeFileSync(join(folder, `${name}.ext`), `subjectAltName=DNS:${host}\n`);
  const keyOut = ["-keyout", `${name}-ca.key`, "-out", `${name}-ca.pem`];
  return (
    openssl(folder, "req", "-x509", ...key, ...keyOut, "-subj", `/CN=${name}`) &&
    openssl(folder, "req", ...key, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${host}`) &&
    openssl(
      folder,
      ...["x509", "-req", "-in", `${name}.csr`, "-CA", `${name}-ca.pem`, "-CAkey", `${name}-ca.key`],
      ...["-CAcreateserial", "-out", `${name}.pem`, "-extfile", `${name}.ext`],
    )
  );
}
