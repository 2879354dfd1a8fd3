// Which addresses a model may be reached at, by the place that was declared for it.
// A name is resolved anew for each connection, and the address that was judged is the one that is connected to.

import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import type { Place } from "../kernel/index.ts";
import { addressOf } from "../sandbox/index.ts";

/** Rejects where the name leads elsewhere than to the place. */
export type ResolveAddress = (host: string) => Promise<string>;

/** Every address that a name has. */
export type LookUp = (host: string) => Promise<readonly string[]>;

/** RFC 1918, RFC 6598 and RFC 4193. Link-local addresses are anybody's who is near. */
const PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];
const LOOPBACK = ["127.0.0.0/8", "::1/128"];

const byDns: LookUp = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

export function resolverFor(place: Place, lookUp: LookUp = byDns): ResolveAddress {
  switch (place) {
    case "this-machine":
      return async (host) => {
        const address = host === "localhost" ? "127.0.0.1" : bare(host);
        if (isIn(LOOPBACK, address)) return address;
        throw new Error(`${host} is not this machine`);
      };
    case "my-network":
      return async (host) => {
        const addresses = isIP(bare(host)) === 0 ? await lookUp(host) : [bare(host)];
        const [first] = addresses;
        if (first === undefined) throw new Error(`${host} has no address`);
        const other = addresses.find((address) => !isIn(PRIVATE, address));
        if (other === undefined) return first;
        throw new Error(`${host} leads to ${other}, which is not on your network`);
      };
    case "cloud":
      return (host) => addressOf(bare(host));
  }
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, "");
}

function isIn(ranges: readonly string[], address: string): boolean {
  const version = isIP(address);
  if (version === 0) return false;
  const list = new BlockList();
  for (const range of ranges) {
    const [net = "", prefix = ""] = range.split("/");
    list.addSubnet(net, Number(prefix), isIP(net) === 4 ? "ipv4" : "ipv6");
  }
  return list.check(address, version === 4 ? "ipv4" : "ipv6");
}
