// Access tokens of an issuer that the owner declared: JWTs as RFC 9068 has them, checked with what Node brings.
// Nothing of a token is believed before its signature; only public keys of the issuer can prove one.

import { isUtf8 } from "node:buffer";
import { constants, createPublicKey, verify, type KeyObject } from "node:crypto";
import { isObject, parseStrict, textAt, type JsonObject, type JsonValue } from "../kernel/index.ts";

export interface TokenClaims {
  readonly subject: string;
  readonly clientId: string | null;
  readonly scopes: readonly string[];
}

export interface IssuerKey {
  readonly id: string | null;
  readonly algorithms: readonly string[];
  readonly key: KeyObject;
}

export interface ExpectedToken {
  readonly issuer: string;
  readonly audience: string;
  readonly nowMs: number;
}

export type FoundKey = IssuerKey | "unknown" | "unavailable";

/** Asked only about tokens of the right issuer, audience and time. */
export type FindKey = (id: string | null, algorithm: string) => Promise<FoundKey>;

export type TokenVerdict =
  | { readonly kind: "good"; readonly claims: TokenClaims }
  /** The reason is a fixed text without anything of the token. */
  | { readonly kind: "refused"; readonly reason: string }
  /** The issuer's keys cannot be had. */
  | { readonly kind: "unavailable" };

const CHARS_MAX = 8_192;
const SKEW_MS = 30_000;
const KEYS_MAX = 50;
const AUDIENCES_MAX = 20;
const RSA_BITS_MIN = 2_048;
/** 8,192 bits in base64url. */
const MODULUS_CHARS_MAX = 1_366;
const ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"];

interface Parts {
  readonly header: JsonObject;
  readonly claims: JsonObject;
  readonly signed: Buffer;
  readonly signature: Buffer;
}

export async function verifyToken(text: string, expected: ExpectedToken, find: FindKey): Promise<TokenVerdict> {
  const parts = partsOf(text);
  if (parts === null) return refused("it is no JWT");
  const { header, claims } = parts;
  const algorithm = textAt(header, "alg") ?? "";
  const flaw = headerFlaw(header, algorithm) ?? claimsFlaw(claims, expected);
  if (flaw !== null) return refused(flaw);
  const subject = textAt(claims, "sub");
  if (subject === null || subject === "") return refused("it has no subject");
  const key = await find(textAt(header, "kid"), algorithm);
  if (key === "unavailable") return { kind: "unavailable" };
  if (key === "unknown" || !key.algorithms.includes(algorithm)) return refused("the issuer has no such key");
  if (!isSigned(algorithm, key.key, parts)) return refused("its signature is wrong");
  const scopes = (textAt(claims, "scope") ?? "").split(" ").filter((scope) => scope !== "");
  return { kind: "good", claims: { subject, clientId: textAt(claims, "client_id"), scopes } };
}

function refused(reason: string): TokenVerdict {
  return { kind: "refused", reason };
}

function partsOf(text: string): Parts | null {
  const [head = "", body = "", end = "", ...more] = text.length > CHARS_MAX ? [] : text.split(".", 4);
  const header = objectIn(head);
  const claims = objectIn(body);
  const signature = bytesIn(end);
  if (more.length > 0 || header === null || claims === null || signature === null) return null;
  return { header, claims, signed: Buffer.from(`${head}.${body}`), signature };
}

/** Null for a text with two readings. */
function objectIn(text: string): JsonObject | null {
  const bytes = bytesIn(text);
  if (bytes === null || !isUtf8(bytes)) return null;
  const parsed = parseStrict(bytes.toString("utf8"));
  return parsed.kind === "value" && isObject(parsed.value) ? parsed.value : null;
}

function bytesIn(text: string): Buffer | null {
  const bytes = Buffer.from(text, "base64url");
  return bytes.length > 0 && bytes.toString("base64url") === text ? bytes : null;
}

/** An id token of the same issuer is no access token, and its type says so (RFC 9068, 4). */
function headerFlaw(header: JsonObject, algorithm: string): string | null {
  if (!ALGORITHMS.includes(algorithm)) return "its algorithm is not accepted";
  const type = (textAt(header, "typ") ?? "").toLowerCase().replace(/^application\//, "");
  if (type !== "at+jwt") return "its type is not at+jwt";
  return Object.hasOwn(header, "crit") ? "it demands what is not known here" : null;
}

function claimsFlaw(claims: JsonObject, { issuer, audience, nowMs }: ExpectedToken): string | null {
  if (claims["iss"] !== issuer) return "it is of another issuer";
  if (!audiencesOf(claims["aud"]).includes(audience)) return "it is for another audience";
  const { exp, nbf } = claims;
  if (typeof exp !== "number" || nowMs >= exp * 1000 + SKEW_MS) return "it has expired";
  if (nbf !== undefined && (typeof nbf !== "number" || nowMs < nbf * 1000 - SKEW_MS)) return "it is not valid yet";
  // Bound to a key that the sender must prove (RFC 8705, 9449): by itself it proves nothing.
  return Object.hasOwn(claims, "cnf") ? "it is bound to a key of its holder" : null;
}

function audiencesOf(value: JsonValue | undefined): readonly JsonValue[] {
  const all: readonly JsonValue[] = Array.isArray(value) ? value : [value ?? null];
  return all.length > AUDIENCES_MAX ? [] : all;
}

function isSigned(algorithm: string, key: KeyObject, { signed, signature }: Parts): boolean {
  switch (algorithm) {
    case "RS256":
      return verify("sha256", signed, { key, padding: constants.RSA_PKCS1_PADDING }, signature);
    case "PS256":
      return verify("sha256", signed, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature);
    case "ES256":
      return verify("sha256", signed, { key, dsaEncoding: "ieee-p1363" }, signature);
    case "EdDSA":
      return verify(null, signed, key, signature);
    default:
      return false;
  }
}

/** What is no public signing key of an accepted kind is left out. */
export function issuerKeys(jwks: readonly JsonObject[]): readonly IssuerKey[] {
  return jwks.slice(0, KEYS_MAX).flatMap((jwk) => {
    const key = publicKey(jwk);
    const stated = textAt(jwk, "alg");
    const fitting = key === null ? [] : algorithmsOf(key).filter((one) => stated === null || stated === one);
    return key === null || fitting.length === 0 ? [] : [{ id: textAt(jwk, "kid"), algorithms: fitting, key }];
  });
}

function publicKey(jwk: JsonObject): KeyObject | null {
  const at = (name: string): string => textAt(jwk, name) ?? "";
  const [kty, n, crv, x] = [at("kty"), at("n"), at("crv"), at("x")];
  if ((textAt(jwk, "use") ?? "sig") !== "sig" || n.length > MODULUS_CHARS_MAX) return null;
  try {
    if (kty === "RSA") return createPublicKey({ key: { kty, n, e: at("e") }, format: "jwk" });
    if (kty === "EC") return createPublicKey({ key: { kty, crv, x, y: at("y") }, format: "jwk" });
    return kty === "OKP" ? createPublicKey({ key: { kty, crv, x }, format: "jwk" }) : null;
  } catch {
    return null; // A key that Node cannot read proves nothing.
  }
}

function algorithmsOf(key: KeyObject): readonly string[] {
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case "rsa":
      return modulusLength >= RSA_BITS_MIN ? ["RS256", "PS256"] : [];
    case "ec":
      return namedCurve === "prime256v1" ? ["ES256"] : [];
    case "ed25519":
      return ["EdDSA"];
    default:
      return [];
  }
}
