// Conversations on the console. Behind a live owner session, so that what is typed counts as the owner's words.

import type { Hono } from "hono";
import { Fault, type JsonObject } from "../kernel/index.ts";
import { waitFor, type Answered } from "./answer-news.ts";
import type { Call, ConsoleEnv, Desk } from "./desk.ts";
import { exactText } from "./exact.ts";
import { html } from "./html.ts";
import { chatPage, chatsPage } from "./page-chat.ts";
import { listOf, textOf, textsOf } from "./reading.ts";

/** A page waits so long for a turn; the turn itself goes on, and the page renews itself. */
const WAIT_MS = 2_000;

export function routeChat(app: Hono<ConsoleEnv>, desk: Desk): void {
  app.get("/chat", async (call) => {
    const listed = await desk.run(call, "chat.list");
    const view = { chats: listOf(listed, "chats"), compartments: textsOf(listed, "compartments") };
    return desk.show(call, (frame) => chatsPage(view, frame));
  });

  app.post("/chat", async (call) => {
    const compartment = call.get("form").get("compartment");
    const opened = await desk.run(call, "chat.open", compartment === null ? {} : { compartment });
    return say(desk, call, textOf(opened, "session"));
  });

  app.get("/chat/:id", async (call) => {
    const session = { session: call.req.param("id") };
    const state = await desk.run(call, "chat.state", session);
    const turns = listOf(await desk.run(call, "chat.history", session), "turns");
    return desk.show(call, (frame) => chatPage({ state, turns }, frame));
  });

  app.post("/chat/:id", async (call) => {
    const session = call.req.param("id");
    switch (call.get("form").get("do")) {
      case "cancel":
        await desk.run(call, "chat.cancel", { session });
        return call.redirect(placeOf(session), 303);
      case "goOn":
        return after(desk, call, {
          session,
          answered: await waitFor(desk.run(call, "chat.goOn", { session }), WAIT_MS),
        });
      default:
        return say(desk, call, session);
    }
  });
}

async function say(desk: Desk, call: Call, session: string): Promise<Response> {
  const input: JsonObject = { session, text: call.get("form").get("text") ?? "" };
  return after(desk, call, { session, answered: await waitFor(desk.run(call, "chat.say", input), WAIT_MS) });
}

interface After {
  readonly session: string;
  readonly answered: Answered;
}

function after(desk: Desk, call: Call, { session, answered }: After): Response {
  if (answered.kind !== "refused") return call.redirect(`${placeOf(session)}#text`, 303);
  const { fault } = answered;
  if (fault instanceof Fault && fault.code === "owner.needed") throw fault;
  return desk.goOn(call, { to: placeOf(session), tone: "bad", text: html`Not said: ${exactText(fault.message)}` });
}

function placeOf(session: string): string {
  return `/chat/${encodeURIComponent(session)}`;
}
