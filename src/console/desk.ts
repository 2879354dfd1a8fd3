// What every page shares: who looks, how an operation is called for them, and how an answer is written.

import type { Context } from "hono";
import type { HttpBindings } from "@hono/node-server";
import { Fault, type JsonObject } from "../kernel/index.ts";
import type { OwnerSession } from "../control/index.ts";
import type { ConsoleOptions } from "./shape.ts";
import type { Markup } from "./html.ts";
import { pageOf, type Frame, type Page } from "./page.ts";
import { headOf } from "./reading.ts";
import type { News, Visitor, Visits } from "./visits.ts";

export interface ConsoleEnv {
  Bindings: HttpBindings;
  Variables: { visitor: Visitor; form: URLSearchParams };
}
export type Call = Context<ConsoleEnv>;

export interface Desk {
  readonly options: ConsoleOptions;
  readonly visits: Visits;
  owner(call: Call): OwnerSession | null;
  /** Runs an operation as whoever looks. Faults: the operation's own, `owner.needed`. */
  run(call: Call, name: string, input?: JsonObject): Promise<JsonObject>;
  frame(call: Call): Promise<Frame>;
  show(call: Call, page: Page | ((frame: Frame) => Page), status?: ShownStatus): Promise<Response>;
  /** After a change: on to a page that can be reloaded, which says what happened. */
  goOn(call: Call, news: { readonly to: string; readonly tone: News["tone"]; readonly text: Markup }): Response;
}

export type ShownStatus = 200 | 400 | 401 | 403 | 404 | 409 | 413 | 500;

export function openDesk(options: ConsoleOptions, visits: Visits): Desk {
  const never = new AbortController().signal;

  function owner(call: Call): OwnerSession | null {
    return visits.owner(call.get("visitor"));
  }

  async function run(call: Call, name: string, input: JsonObject = {}): Promise<JsonObject> {
    const operation = options.operations.get(name);
    if (operation === undefined)
      throw new Fault("console.operation", { message: `Freehold has no operation ${name}.` });
    const session = owner(call);
    if (operation.needsOwner && session === null) {
      throw new Fault("owner.needed", { message: "only the owner may do this.", next: "give your PIN or passphrase" });
    }
    // An answer holds though the browser leaves before its effect has ended.
    return operation.run(input, { owner: session, emit: () => undefined, signal: never });
  }

  async function frame(call: Call): Promise<Frame> {
    const visitor = call.get("visitor");
    const said = call.req.query("said");
    return {
      csrf: visitor.csrf,
      nowMs: options.nowMs(),
      head: owner(call) === null ? null : headOf(await run(call, "status")),
      mayStop: visitor.guest !== null,
      news: visitor.guest?.news.find((one) => one.id === said) ?? null,
    };
  }

  return {
    options,
    visits,
    owner,
    run,
    frame,
    async show(call, page, status = 200) {
      const framed = await frame(call);
      return call.html(pageOf(typeof page === "function" ? page(framed) : page, framed), status);
    },
    goOn(call, { to, tone, text }) {
      const id = visits.tell(call.get("visitor"), { tone, text });
      return call.redirect(`${to}?said=${id}`, 303);
    },
  };
}
