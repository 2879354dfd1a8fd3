// Where a sandboxed program may connect to: one spelling per host and port, and which addresses are never reached.
// Invariants: a spelling with two readings is refused, not repaired; a name never leads to this machine or its network.

import { lookup } from "node:dns/promises";
import { BlockList, isIP, isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";

export interface Target {
  readonly host: string;
  readonly port: number;
}
export interface Address {
  readonly address: string;
  readonly family: number;
}
export type Resolve = (host: string) => Promise<readonly Address[]>;

/** `host:port` or `[v6]:port`; null for everything else, user names, zones, `127.1` and `0x7f.1` included. */
export function parseTarget(text: string): Target | null {
  const match = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,254}):([1-9]\d{0,4})$/i.exec(text);
  const written = match?.[1]?.toLowerCase().replace(/\.$/, "");
  const port = Number(match?.[2]);
  if (written === undefined || port > 65_535) return null;
  const read = URL.parse(`http://${written}/`)?.hostname;
  if (read === undefined) return null;
  if (written.startsWith("[")) return { host: read.slice(1, -1), port };
  // The URL standard reads `2130706433`, `127.1` and `0177.0.0.1` as 127.0.0.1; only the plain spelling is taken.
  return read === written ? { host: written, port } : null;
}

export function targetText(target: Target): string {
  return target.host.includes(":") ? `[${target.host}]:${target.port}` : `${target.host}:${target.port}`;
}

/** Documentation ranges are left out: no machine of the owner's lives there, and test networks use them. */
const PRIVATE_V4 =
  "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 " +
  "192.0.0.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 224.0.0.0/3";

/** IPv6 is read the other way round: global unicast only, without the ranges that carry an IPv4 address. */
const GLOBAL_V6 = "2000::/3";
const CARRIERS_V6 = "2001::/32 2002::/16";

export function isPublic(address: string): boolean {
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  if (isIP(address) === 0 || own.some((item) => item.address === address)) return false;
  if (isIPv4(address)) return !isIn(PRIVATE_V4, address, "ipv4");
  return isIn(GLOBAL_V6, address, "ipv6") && !isIn(CARRIERS_V6, address, "ipv6");
}

function isIn(ranges: string, address: string, family: "ipv4" | "ipv6"): boolean {
  const list = new BlockList();
  for (const range of ranges.split(" ")) {
    const [net = "", prefix = ""] = range.split("/");
    list.addSubnet(net, Number(prefix), family);
  }
  return list.check(address, family);
}

/** Every address of the name must be public: one private answer among public ones is a rebinding try. */
export async function checkedAddresses(target: Target, resolve: Resolve): Promise<readonly Address[] | string> {
  const family = isIP(target.host);
  // The owner wrote this very address on the list.
  if (family !== 0) return [{ address: target.host, family }];
  const addresses = await resolve(target.host);
  const inside = addresses.find((item) => !isPublic(item.address));
  if (inside !== undefined) return `${target.host} leads to ${inside.address}, which is not on the public network`;
  return addresses.length === 0 ? `${target.host} has no address` : addresses;
}

export function resolveByDns(host: string): Promise<readonly Address[]> {
  return lookup(host, { all: true, order: "verbatim" });
}

/** For a host that the owner wrote as a server's address: itself if it is one, or this machine, or public. Rejects. */
export async function addressOf(host: string): Promise<string> {
  if (host === "localhost") return "127.0.0.1";
  const addresses = await checkedAddresses({ host, port: 0 }, resolveByDns);
  if (typeof addresses === "string") throw new Error(addresses);
  return addresses[0]?.address ?? host;
}
