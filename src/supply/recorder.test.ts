import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openAuthority } from "./authority.ts";
import { openRecorder, type Recorder } from "./recorder.ts";

const NOW = Date.now();

/** Runs a script with everything that it fetches led to the recorder; answers what it printed. */
async function fetching(t: TestContext, script: string): Promise<{ recorder: Recorder; said: string }> {
  const folder = mkdtempSync(join(tmpdir(), "recorder-"));
  const authority = openAuthority(NOW);
  const recorder = await openRecorder(authority);
  t.after(() => {
    recorder.close();
    rmSync(folder, { recursive: true });
  });
  const certificate = join(folder, "authority.pem");
  writeFileSync(certificate, authority.certificate);
  const proxy = `http://127.0.0.1:${recorder.port}`;
  const trust = { NODE_EXTRA_CA_CERTS: certificate, NODE_NO_WARNINGS: "1" };
  const env = { NODE_USE_ENV_PROXY: "1", HTTP_PROXY: proxy, HTTPS_PROXY: proxy, ...trust };
  recorder.during("send");
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await once(child, "close");
  return { recorder, said };
}

test("requests over TLS to hosts that exist nowhere are taken, read and answered", async (t) => {
  const script = `
    const body = JSON.stringify({ to: "a" });
    const headers = { "content-type": "application/json", "x-token": "t" };
    const one = await fetch("https://api.mail.invalid/email?tag=1", { method: "POST", headers, body });
    const two = await fetch("http://plain.invalid/p");
    const three = await fetch("https://10.255.0.1:8443/q");
    console.log(one.status, two.status, three.status, (await one.json()).ok);`;
  const { recorder, said } = await fetching(t, script);
  assert.equal(said, "200 200 200 true\n");
  const sent = recorder.requests.map(({ method, host, path, body, call }) => [method, host, path, body, call]);
  assert.deepEqual(sent, [
    ["POST", "api.mail.invalid", "/email?tag=1", '{"to":"a"}', "send"],
    ["GET", "plain.invalid", "/p", "", "send"],
    ["GET", "10.255.0.1:8443", "/q", "", "send"],
  ]);
  assert.ok(recorder.requests[0]?.headerNames.includes("x-token"));
  assert.ok(!JSON.stringify(recorder.requests[0]?.headerNames).includes('"t"'), "values of headers are not kept");
});

test("a program that does not trust the authority gets no answer over TLS, and nothing is passed on", async (t) => {
  const script = `
    import { connect } from "node:tls";
    import { request } from "node:http";
    const { hostname, port } = new URL(process.env.HTTP_PROXY);
    const way = request({ host: hostname, port, method: "CONNECT", path: "api.mail.invalid:443" }).end();
    way.on("connect", (_, socket) => {
      const secure = connect({ socket, servername: "api.mail.invalid", ca: [] });
      secure.on("error", (error) => console.log(error.code)).on("secureConnect", () => console.log("connected"));
    });`;
  const { recorder, said } = await fetching(t, script);
  assert.match(
    said,
    /^(?:UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|SELF_SIGNED_CERT_IN_CHAIN)/,
  );
  assert.deepEqual(recorder.requests, []);
});

test("each authority is another one, and its certificates are for the host that was asked for", () => {
  const [one, other] = [openAuthority(NOW), openAuthority(NOW)];
  const leaf = new X509Certificate(one.issue("api.mail.invalid").cert);
  assert.equal(leaf.checkHost("api.mail.invalid"), "api.mail.invalid");
  assert.equal(leaf.checkHost("evil.invalid"), undefined);
  assert.equal(new X509Certificate(one.issue("::1").cert).checkIP("::1"), "::1");
  assert.equal(new X509Certificate(one.issue("2001:db8::7:1").cert).checkIP("2001:db8::7:1"), "2001:db8::7:1");
  assert.ok(leaf.verify(new X509Certificate(one.certificate).publicKey));
  assert.ok(!leaf.verify(new X509Certificate(other.certificate).publicKey));
  assert.equal(leaf.ca, false);
});
