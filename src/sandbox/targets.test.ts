import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { checkedAddresses, isPublic, parseTarget } from "./targets.ts";

const SAME: readonly (readonly [string, string, number])[] = [
  ["api.example.org:443", "api.example.org", 443],
  ["API.Example.ORG:443", "api.example.org", 443],
  ["api.example.org.:443", "api.example.org", 443],
  ["127.0.0.1:80", "127.0.0.1", 80],
  ["127.0.0.1.:80", "127.0.0.1", 80],
  ["[::1]:80", "::1", 80],
  ["[0:0:0:0:0:0:0:1]:80", "::1", 80],
  ["[::FFFF:127.0.0.1]:80", "::ffff:7f00:1", 80],
];

const REFUSED: readonly string[] = [
  "",
  ":443",
  "example.org",
  "example.org:",
  "example.org:0",
  "example.org:0443",
  "example.org:65536",
  "example.org:4e2",
  "127.1:80",
  "127.0.1:80",
  "0x7f.1:80",
  "0x7f000001:80",
  "2130706433:80",
  "0177.0.0.1:80",
  "127.0.0.01:80",
  "0:80",
  "user@example.org:443",
  "user:pass@example.org:443",
  "example.org:443@evil.org:443",
  "example.org:443/path",
  "example.org%2f:443",
  "example.org\\evil.org:443",
  "example.org#:443",
  " example.org:443",
  "example.org\n:443",
  "example.org\0:443",
  "ｅxample.org:443",
  "１２７.0.0.1:80",
  "ex\u00adample.org:443",
  "::1:80",
  "[::1%lo]:80",
  "[::1]",
  "[::1",
  "*.example.org:443",
  "*:443",
  "1.2.3.4.5:80",
  "example.0x1:80",
];

test("one host and port has one spelling", () => {
  for (const [written, host, port] of SAME) assert.deepEqual(parseTarget(written), { host, port }, written);
});

test("a spelling of a host with two readings is refused", () => {
  for (const written of REFUSED) assert.equal(parseTarget(written), null, JSON.stringify(written));
});

const INSIDE = [
  "0.0.0.0",
  "10.1.2.3",
  "100.64.0.1",
  "127.0.0.1",
  "127.9.9.9",
  "169.254.169.254",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "192.0.0.192",
  "198.18.0.1",
  "224.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "::ffff:127.0.0.1",
  "::ffff:8.8.8.8",
  "::127.0.0.1",
  "64:ff9b::7f00:1",
  "64:ff9b:1::1",
  "2001::1",
  "2002:7f00:1::",
  "fc00::1",
  "fd12::1",
  "fe80::1",
  "fec0::1",
  "ff02::1",
  "100::1",
  "fd00:ec2::254",
  "not an address",
];

test("loopback, private, link-local, metadata and embedded addresses are never reached through a name", async () => {
  const own = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((item) => item.address));
  for (const address of [...INSIDE, ...own]) {
    assert.equal(isPublic(address), false, address);
    const answer = await checkedAddresses({ host: "x.example", port: 80 }, async () => [{ address, family: 4 }]);
    assert.match(JSON.stringify(answer), /not on the public network/, address);
  }
  for (const address of ["8.8.8.8", "172.32.0.1", "2606:4700::1111"]) assert.equal(isPublic(address), true, address);
});

test("one private answer among public ones refuses the name", async () => {
  const answers = [
    { address: "8.8.8.8", family: 4 },
    { address: "127.0.0.1", family: 4 },
  ];
  assert.match(
    JSON.stringify(await checkedAddresses({ host: "x.example", port: 80 }, async () => answers)),
    /127\.0\.0\.1/,
  );
  assert.match(JSON.stringify(await checkedAddresses({ host: "x.example", port: 80 }, async () => [])), /no address/);
});

test("an address that the owner wrote is reached without asking any name server", async () => {
  const never = async (): Promise<never> => assert.fail("resolved");
  assert.deepEqual(await checkedAddresses({ host: "127.0.0.1", port: 80 }, never), [
    { address: "127.0.0.1", family: 4 },
  ]);
});
