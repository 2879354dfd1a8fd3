// One large file over HTTP, from a place on, by connections that are permitted one by one. A redirect leads only to
// another https address on the public network: who redirects must not choose a place on the owner's.

import { get as getHttp, type IncomingMessage, type RequestOptions } from "node:http";
import { get as getHttps } from "node:https";
import { isIP } from "node:net";
import { Fault, oneLine, reasonOf, type PermitConnection } from "../kernel/index.ts";
import { createConnector, type Connector } from "../mcp/index.ts";
import { addressOf, isPublic } from "../sandbox/index.ts";

const REDIRECTS_MAX = 5;
const SILENCE_MS = 60_000;

export interface Download {
  /** 0 where the server begins anew. */
  readonly from: number;
  /** Of the whole file; null where the server does not say. */
  readonly size: number | null;
  readonly stream: IncomingMessage;
  close(): void;
}

export interface DownloadRequest {
  readonly url: string;
  readonly from: number;
  readonly permitConnection: PermitConnection;
}

/** Throws Fault `supply.model-fetch`. */
export async function openDownload(request: DownloadRequest): Promise<Download> {
  const first = addressIn(request.url);
  let url = first;
  for (let hop = 0; hop <= REDIRECTS_MAX; hop += 1) {
    const resolve = url.origin === first.origin ? addressOf : publicOnly;
    const connector = createConnector({ url, permit: request.permitConnection, resolve });
    let answer: IncomingMessage;
    try {
      answer = await ask(url, connector, request.from);
    } catch (error) {
      connector.destroy();
      throw failed(url, reasonOf(error));
    }
    const { statusCode = 0, headers } = answer;
    if (statusCode === 200 || statusCode === 206) return opened({ answer, connector, from: request.from });
    // All of it is here already: the server has nothing from there on.
    answer.destroy();
    connector.destroy();
    if (statusCode === 416 && request.from > 0) return openDownload({ ...request, from: 0 });
    if (![301, 302, 303, 307, 308].includes(statusCode)) throw failed(url, `it answers ${statusCode}`);
    url = redirected(url, headers.location ?? "");
  }
  throw failed(url, `it redirects more than ${REDIRECTS_MAX} times`);
}

function addressIn(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Fault("supply.model-source", { message: "no address." });
  if (url.username === "" && url.password === "") return url;
  throw new Fault("supply.model-source", {
    message: "the address holds a password.",
    next: "fetch the file yourself, and pull it from its path.",
  });
}

function redirected(from: URL, location: string): URL {
  const url = URL.parse(location, from.href);
  if (url !== null && (url.protocol === "https:" || url.origin === from.origin) && url.username === "") return url;
  throw failed(from, `it redirects to ${oneLine(location, 120) || "nowhere"}, which is not https`);
}

async function publicOnly(host: string): Promise<string> {
  const address = await addressOf(host);
  if (isIP(address) !== 0 && isPublic(address)) return address;
  throw new Error(`${host} is not on the public network`);
}

function ask(url: URL, { agent }: Connector, from: number): Promise<IncomingMessage> {
  const headers = { "accept-encoding": "identity", ...(from > 0 ? { range: `bytes=${from}-` } : {}) };
  const options: RequestOptions = { agent, headers, timeout: SILENCE_MS };
  return new Promise((done, fail) => {
    const request = url.protocol === "https:" ? getHttps(url, options, done) : getHttp(url, options, done);
    request.once("timeout", () => request.destroy(new Error(`no byte for ${SILENCE_MS / 1_000} s`)));
    request.once("error", fail);
  });
}

interface Answered {
  readonly answer: IncomingMessage;
  readonly connector: Connector;
  readonly from: number;
}

function opened({ answer, connector, from }: Answered): Download {
  const [, start, whole] = /^bytes (\d+)-\d+\/(\d+)$/.exec(answer.headers["content-range"] ?? "") ?? [];
  const isOn = answer.statusCode === 206 && Number(start) === from;
  const length = /^\d{1,15}$/.exec(answer.headers["content-length"] ?? "")?.[0];
  const close = (): void => {
    answer.destroy();
    connector.destroy();
  };
  if (answer.statusCode === 206 && !isOn) {
    close();
    throw new Fault("supply.model-fetch", { message: "the server gave another part than was asked for." });
  }
  const size = isOn ? Number(whole) : length === undefined ? null : Number(length);
  return { from: isOn ? from : 0, size, stream: answer, close };
}

function failed(url: URL, reason: string): Fault {
  return new Fault("supply.model-fetch", {
    message: `${oneLine(url.host, 200)}: ${oneLine(reason, 300)}.`,
    next: "check the address; what came before is kept, and the same command goes on there.",
  });
}
