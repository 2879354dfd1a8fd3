// A certificate authority for one rehearsal, so that what a server sends over TLS can be read. Its keys live in memory
// and end with it; nothing but the rehearsed program is told to trust it. X.509 version 3 (RFC 5280), ECDSA P-256.

import { createSign, generateKeyPairSync, randomBytes, type KeyObject } from "node:crypto";
import { isIP } from "node:net";

export interface Authority {
  /** PEM, for NODE_EXTRA_CA_CERTS. */
  readonly certificate: string;
  /** Key and certificate, PEM, of a server of that name. */
  issue(host: string): { readonly key: string; readonly cert: string };
}

const DAY_MS = 86_400_000;
const ECDSA_SHA256 = sequence(oid("2a8648ce3d040302"));
const NAME = "Freehold rehearsal";

export function openAuthority(nowMs: number): Authority {
  const own = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = keys.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const sign = (options: { subject: string; publicKey: KeyObject; extensions: readonly Buffer[] }): string =>
    certificate({ ...options, issuerKey: own.privateKey, nowMs });
  // basicConstraints, critical: this one may sign others.
  const isAuthority = extension("551d13", sequence(Buffer.from([1, 1, 0xff])), true);
  return {
    certificate: sign({ subject: NAME, publicKey: own.publicKey, extensions: [isAuthority] }),
    issue(host) {
      const name = isIP(host) === 0 ? tagged(0x82, Buffer.from(host, "latin1")) : tagged(0x87, addressBytes(host));
      const extensions = [extension("551d11", sequence(name), false)];
      return { key, cert: sign({ subject: `${NAME} server`, publicKey: keys.publicKey, extensions }) };
    },
  };
}

interface Certificate {
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly issuerKey: KeyObject;
  readonly extensions: readonly Buffer[];
  readonly nowMs: number;
}

function certificate({ subject, publicKey, issuerKey, extensions, nowMs }: Certificate): string {
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ECDSA_SHA256,
    nameOf(NAME),
    sequence(time(nowMs - DAY_MS), time(nowMs + DAY_MS)),
    nameOf(subject),
    publicKey.export({ type: "spki", format: "der" }),
    tagged(0xa3, sequence(...extensions)),
  );
  const signature = createSign("sha256").update(body).sign(issuerKey);
  const whole = sequence(body, ECDSA_SHA256, tagged(3, Buffer.concat([Buffer.from([0]), signature])));
  const lines = whole
    .toString("base64")
    .replaceAll(/(.{64})/g, "$1\n")
    .trim();
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

/** DER: one tag, the length, the content. */
function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function integer(bytes: Buffer): Buffer {
  return tagged(2, bytes);
}

function oid(hex: string): Buffer {
  return tagged(6, Buffer.from(hex, "hex"));
}

function extension(id: string, content: Buffer, isCritical: boolean): Buffer {
  return sequence(oid(id), ...(isCritical ? [Buffer.from([1, 1, 0xff])] : []), tagged(4, content));
}

/** Common name alone. */
function nameOf(text: string): Buffer {
  return sequence(tagged(0x31, sequence(oid("550403"), tagged(0x0c, Buffer.from(text)))));
}

/** GeneralizedTime; UTCTime would do until 2049. */
function time(ms: number): Buffer {
  return tagged(0x18, Buffer.from(`${new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, "")}`));
}

function addressBytes(address: string): Buffer {
  if (!address.includes(":")) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail = ""] = address.split("::");
  const words = (part: string): readonly string[] => (part === "" ? [] : part.split(":"));
  const missing = 8 - words(head).length - words(tail).length;
  const all = address.includes("::")
    ? [...words(head), ...Array<string>(missing).fill("0"), ...words(tail)]
    : words(head);
  return Buffer.from(all.map((word) => word.padStart(4, "0")).join(""), "hex");
}
