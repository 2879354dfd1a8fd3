// Behind the guard: who looks, what a form must carry, and which page answers. Loaded by the first request.

import { readFileSync } from "node:fs";
import { getRequestListener } from "@hono/node-server";
import { Hono, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { getCookie, setCookie } from "hono/cookie";
import { Fault, reasonOf } from "../kernel/index.ts";
import { requireOwner } from "../control/index.ts";
import type { ConsoleOptions, Pages } from "./shape.ts";
import { openDesk, type Call, type ConsoleEnv, type Desk } from "./desk.ts";
import { isSecure } from "./guard.ts";
import { openLive } from "./live.ts";
import { routeChat } from "./routes-chat.ts";
import { routeLive } from "./live-route.ts";
import { messagePage } from "./page-login.ts";
import { routeLogin } from "./routes-login.ts";
import { routeOwner } from "./routes-owner.ts";
import { routeRules } from "./routes-rules.ts";
import { openVisits } from "./visits.ts";

const FORM_BYTES_MAX = 16 * 1024;
/** Arguments of a megabyte, changed by the owner and percent-encoded. */
const EDIT_BYTES_MAX = 4 * 1024 * 1024;
const COOKIE_SECONDS = 30 * 86_400;

/** Pages that anybody may ask for; what they show depends on who looks. */
const OPEN = /^\/(?:login(?:\/|$)|assets\/|live$|stop$|leave$)/;

export function openPages(options: ConsoleOptions): Pages {
  const visits = openVisits(options);
  const desk = openDesk(options, visits);
  const live = openLive(options);
  const app = new Hono<ConsoleEnv>();
  routeAssets(app);
  app.use(knowVisitor(desk));
  app.post("*", limitBody(desk), readForm(desk));
  app.use(ownersOnly(desk));
  routeLogin(app, desk);
  routeOwner(app, desk);
  routeRules(app, desk);
  routeChat(app, desk);
  routeLive(app, desk, live);
  app.notFound(async (call) => {
    const message = { title: "There is no such page", text: "", next: "" };
    return desk.show(call as Call, messagePage(message), 404);
  });
  app.onError(async (error, call) => failed(desk, call, error));
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false, hostname: "localhost" });
  return {
    listen: async (request, response) => listener(request, response),
    close: () => live.close(),
  };
}

function cookieName(options: ConsoleOptions): string {
  return `freehold-${new URL(options.origin()).port || "443"}`;
}

function knowVisitor(desk: Desk): MiddlewareHandler<ConsoleEnv> {
  return async (call, next) => {
    const name = cookieName(desk.options);
    call.set("visitor", desk.visits.of(getCookie(call, name)));
    await next();
    const visitor = call.get("visitor");
    if (!visitor.isNew) return;
    const secure = isSecure(call.env.incoming, desk.options.origin());
    setCookie(call, name, visitor.token, {
      path: "/",
      httpOnly: true,
      sameSite: "Strict",
      secure,
      // A browser that has not come by a link is forgotten when it closes.
      ...(visitor.guest === null ? {} : { maxAge: COOKIE_SECONDS }),
    });
  };
}

function limitBody(desk: Desk): MiddlewareHandler<ConsoleEnv> {
  const onError = (): never => {
    throw new Fault("console.too-large", { message: "This form is too large." });
  };
  const small = bodyLimit({ maxSize: FORM_BYTES_MAX, onError });
  const large = bodyLimit({ maxSize: EDIT_BYTES_MAX, onError });
  return async (call, next) => {
    const isEdit = call.req.path.startsWith("/q/") && desk.owner(call) !== null;
    return (isEdit ? large : small)(call, next);
  };
}

function readForm(desk: Desk): MiddlewareHandler<ConsoleEnv> {
  return async (call, next) => {
    const type = call.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
    if (type !== "application/x-www-form-urlencoded") {
      throw new Fault("console.form", { message: "This is not a form of the console." });
    }
    const form = new URLSearchParams(await call.req.text());
    if (!desk.visits.isCsrf(call.get("visitor"), form.get("csrf") ?? "")) {
      throw new Fault("console.csrf", {
        message: "This form is not from this visit.",
        next: "open the page again and repeat it",
      });
    }
    call.set("form", form);
    return next();
  };
}

/** A page that renews itself is not the owner's doing, so it does not keep the session alive; a tap or a click is. */
function ownersOnly(desk: Desk): MiddlewareHandler<ConsoleEnv> {
  return async (call, next) => {
    const owner = desk.owner(call);
    const isOwnersDoing = call.req.method === "POST" || call.req.header("sec-fetch-user") === "?1";
    if (isOwnersDoing && owner !== null) requireOwner(owner);
    if (owner === null && !OPEN.test(call.req.path)) return call.redirect("/login", 303);
    return next();
  };
}

async function failed(desk: Desk, call: Call, error: Error): Promise<Response> {
  if (!(error instanceof Fault)) {
    const message = { title: "Freehold failed here", text: reasonOf(error), next: "freehold doctor" };
    return call.text(`${message.title}: ${message.text}\n`, 500);
  }
  if (error.code === "owner.needed") return call.redirect("/login", 303);
  const message = { title: "That did not work", text: error.message, next: error.next ?? "" };
  return desk.show(call, messagePage(message), statusOf(error.code));
}

function statusOf(code: string): 400 | 403 | 404 | 413 {
  switch (code) {
    case "console.csrf":
    case "console.form":
      return 403;
    case "console.too-large":
      return 413;
    case "question.unknown":
    case "ledger.unknown":
      return 404;
    default:
      return 400;
  }
}

function routeAssets(app: Hono<ConsoleEnv>): void {
  const assets = [
    ["console.css", "text/css; charset=utf-8"],
    ["console.js", "text/javascript; charset=utf-8"],
    ["icon.svg", "image/svg+xml"],
  ] as const;
  for (const [name, type] of assets) {
    const bytes = readFileSync(new URL(`./assets/${name}`, import.meta.url), "utf8");
    app.get(`/assets/${name}`, (call) => call.body(bytes, 200, { "Content-Type": type }));
  }
}
