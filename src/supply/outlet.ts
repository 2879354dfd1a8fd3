// First process of a rehearsed server: `outlet HOST:PORT -- program…`. What the program sends to its proxy goes to
// the recorder and nowhere else. Holds no right that the program lacks; imports nothing but Node, for it runs alone.

import { spawn } from "node:child_process";
import { connect, createServer, type Socket } from "node:net";
import { constants } from "node:os";

const CONNECTIONS_MAX = 64;

/** `way` is where the recorder is; the sandbox's own proxy, which lets only that address through, leads there. */
function main([way = "", , program = "", ...args]: readonly string[]): void {
  const proxy = URL.parse(process.env["HTTP_PROXY"] ?? "");
  const server = createServer({ allowHalfOpen: true }, (near) => {
    if (proxy === null) return void near.destroy();
    const far = connect({ host: proxy.hostname, port: Number(proxy.port), allowHalfOpen: true });
    near.on("error", () => far.destroy());
    far.on("error", () => near.destroy());
    far.write(`CONNECT ${way} HTTP/1.1\r\nHost: ${way}\r\n\r\n`);
    far.once("data", (head: Buffer) => open(near, far, head));
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    run(program, args, typeof address === "object" && address !== null ? address.port : 0);
  });
}

function open(near: Socket, far: Socket, head: Buffer): void {
  const end = head.indexOf("\r\n\r\n");
  if (!head.toString("latin1", 0, 12).endsWith(" 200") || end === -1) {
    near.destroy();
    far.destroy();
    return;
  }
  near.write(head.subarray(end + 4));
  near.pipe(far);
  far.pipe(near);
}

function run(program: string, args: readonly string[], port: number): void {
  const env: NodeJS.ProcessEnv = { ...process.env, NODE_USE_ENV_PROXY: "1" };
  for (const name of "HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy".split(" ")) {
    env[name] = `http://127.0.0.1:${port}`;
  }
  // Even what it would reach on this machine is written down.
  for (const name of ["NO_PROXY", "no_proxy"]) env[name] = "";
  const child = spawn(program, args, { stdio: "inherit", env });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined);
  child.on("error", (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(127);
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
}

main(process.argv.slice(2));
