// First process inside a sandbox with network: `relay SOCKET PORT NOPROXY -- program…`. Carries bytes between a
// loopback port and the egress socket, and runs the program with its proxy variables.
// It holds no right that the program lacks, and imports nothing but Node, for only this file is bound.

import { spawn } from "node:child_process";
import { connect, createServer } from "node:net";
import { constants } from "node:os";

const CONNECTIONS_MAX = 128;

function main([socketPath = "", port = "0", direct = "", , program = "", ...args]: readonly string[]): void {
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ path: socketPath, allowHalfOpen: true });
    near.on("error", () => far.destroy()).pipe(far);
    far.on("error", () => near.destroy()).pipe(near);
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.listen(Number(port), "127.0.0.1", () => {
    const address = server.address();
    run({ program, args, direct, port: typeof address === "object" && address !== null ? address.port : 0 });
  });
}

interface Run {
  readonly program: string;
  readonly args: readonly string[];
  readonly port: number;
  /** Hosts that the program reaches inside the sandbox, without the proxy. */
  readonly direct: string;
}

function run({ program, args, port, direct }: Run): void {
  const env = { ...process.env, NODE_USE_ENV_PROXY: "1" };
  const proxied = "HTTP_PROXY HTTPS_PROXY http_proxy https_proxy npm_config_proxy npm_config_https_proxy";
  for (const name of proxied.split(" ")) Object.assign(env, { [name]: `http://127.0.0.1:${port}` });
  for (const name of ["NO_PROXY", "no_proxy", "npm_config_noproxy"]) Object.assign(env, { [name]: direct });
  const child = spawn(program, args, { stdio: "inherit", env });
  // The sandbox signals every process in it, so the program has the signal already; the relay only outlives it.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined);
  child.on("error", (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(127);
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
}

main(process.argv.slice(2));
