// The owner's pages and answers. Every one of them runs behind a live owner session (routes.ts sees to it).

import type { Hono } from "hono";
import { canonical, Fault, type JsonObject } from "../kernel/index.ts";
import { answerNews, undoNews, waitFor } from "./answer-news.ts";
import type { Call, ConsoleEnv, Desk } from "./desk.ts";
import { objectFrom } from "./exact.ts";
import { html } from "./html.ts";
import { activityPage, ENTRIES_PER_PAGE, whyPage } from "./page-activity.ts";
import { CARDS_MAX, inboxPage } from "./page-inbox.ts";
import { resumePage } from "./page-login.ts";
import { questionPage } from "./page-question.ts";
import { stackPage } from "./page-stack.ts";
import {
  entryOf,
  listOf,
  meterOf,
  questionOf,
  textOf,
  undoOf,
  unknownOf,
  type QuestionView,
  type UndoView,
  type UnknownView,
} from "./reading.ts";

export function routeOwner(app: Hono<ConsoleEnv>, desk: Desk): void {
  app.get("/", async (call) => {
    const [listed, waiting] = [await desk.run(call, "question.list"), await desk.run(call, "inbox")];
    const unknown: UnknownView[] = [];
    for (const row of listOf(waiting, "unknown").slice(0, CARDS_MAX)) {
      unknown.push(unknownOf(row, await storyOf(desk, call, textOf(row, "request"))));
    }
    const questions = listOf(listed, "questions").map(questionOf);
    const held = listOf(listed, "held").map(questionOf);
    const meter = meterOf(await desk.run(call, "meter"));
    return desk.show(call, (frame) => inboxPage({ questions, held, unknown, meter }, frame));
  });

  app.get("/q/:id", async (call) => {
    const question = await questionFor(desk, call);
    return desk.show(call, (frame) => questionPage(question, frame, null));
  });

  app.post("/q/:id", async (call) => answer(desk, call));

  app.post("/undo", async (call) => undo(desk, call));

  app.post("/seen", async (call) => {
    await desk.run(call, "unknown.seen", { request: call.get("form").get("request") ?? "" });
    return desk.goOn(call, { to: "/", tone: "plain", text: html`Ticked off.` });
  });

  app.get("/resume", async (call) => desk.show(call, resumePage));

  app.post("/resume", async (call) => {
    await desk.run(call, "resume");
    return desk.goOn(call, { to: "/", tone: "good", text: html`Things run again.` });
  });
  routeReading(app, desk);
}

function routeReading(app: Hono<ConsoleEnv>, desk: Desk): void {
  app.get("/activity", async (call) => {
    const filter = (call.req.query("request") ?? "").trim().slice(0, 80);
    const narrowed = filter !== "";
    let fault = "";
    const found = await (
      narrowed ? desk.run(call, "show", { id: filter }) : desk.run(call, "ledger.tail", tailOf(call))
    ).catch((error: unknown) => {
      if (!(error instanceof Fault)) throw error;
      fault = error.message;
      return {};
    });
    const entries = listOf(found, "entries").map(entryOf);
    const first = entries[0]?.seq ?? 1;
    const olderThan = narrowed || first <= 1 ? null : first;
    return desk.show(call, (frame) => activityPage({ entries: entries.toReversed(), filter, olderThan, fault }, frame));
  });

  app.get("/why/:id", async (call) => {
    const id = call.req.param("id");
    const told = await desk.run(call, "why", { id });
    const texts = await storyOf(desk, call, id);
    const entries = listOf(texts, "entries").map(entryOf);
    const undo = await undoFor(desk, call, id);
    return desk.show(call, (frame) => whyPage({ id, answer: told, entries, undo }, frame));
  });

  app.get("/stack", async (call) => {
    const status = await desk.run(call, "status");
    let planFault = "";
    const plan = await desk.run(call, "plan").catch((error: unknown) => {
      if (!(error instanceof Fault)) throw error;
      planFault = error.line();
      return {};
    });
    return desk.show(call, (frame) => stackPage({ status, plan, planFault }, frame));
  });

  app.post("/apply", async (call) => {
    const digest = call.get("form").get("digest") ?? "";
    const read = call.get("form").getAll("read");
    const applied = await desk.run(call, "apply", { digest, read }).catch((error: unknown) => {
      if (!(error instanceof Fault)) throw error;
      return error;
    });
    if (applied instanceof Fault) {
      return desk.goOn(call, { to: "/stack", tone: "bad", text: html`Nothing was applied: ${applied.message}` });
    }
    return desk.goOn(call, { to: "/stack", tone: "good", text: html`Applied. It is in force now.` });
  });
}

/** Null where Freehold knows no way to take it back. */
async function undoFor(desk: Desk, call: Call, id: string): Promise<UndoView | null> {
  try {
    return undoOf(await desk.run(call, "undo.show", { id }));
  } catch (error) {
    if (error instanceof Fault && error.code === "undo.none") return null;
    throw error;
  }
}

async function undo(desk: Desk, call: Call): Promise<Response> {
  const form = call.get("form");
  const [id, digest] = [form.get("id") ?? "", form.get("digest") ?? ""];
  const news = undoNews(await waitFor(desk.run(call, "undo.run", { id, digest })));
  return desk.goOn(call, { to: `/why/${encodeURIComponent(id)}`, ...news });
}

/** Entries before `before`, or the newest. */
function tailOf(call: Call): JsonObject {
  const before = Number(call.req.query("before") ?? "");
  if (!Number.isSafeInteger(before) || before <= 1) return { limit: ENTRIES_PER_PAGE };
  const after = Math.max(0, before - 1 - ENTRIES_PER_PAGE);
  return { after, limit: before - 1 - after };
}

/** Entries with their texts; empty when the ledger does not know the id any more. */
async function storyOf(desk: Desk, call: Call, id: string): Promise<JsonObject> {
  try {
    return await desk.run(call, "show", { id });
  } catch (error) {
    if (error instanceof Fault && error.code === "ledger.unknown") return {};
    throw error;
  }
}

async function questionFor(desk: Desk, call: Call): Promise<QuestionView> {
  return questionOf(await desk.run(call, "question.show", { id: call.req.param("id") ?? "" }));
}

async function answer(desk: Desk, call: Call): Promise<Response> {
  const form = call.get("form");
  const question = await questionFor(desk, call);
  if (form.get("digest") !== question.digest) {
    const text = html`Not sent: question ${question.id} is not the one you saw.`;
    return desk.goOn(call, { to: "/", tone: "bad", text });
  }
  const given = form.get("answer") ?? "";
  if (given === "cancel") return cancel(desk, call, question);
  const input: Record<string, JsonObject[string]> = { id: question.id, answer: given === "edit" ? "yes" : given };
  if (given === "no") input["note"] = (form.get("note") ?? "").slice(0, 1_000);
  if (given === "edit") {
    const edited = form.get("args") ?? "";
    const read = objectFrom(edited);
    if (read.kind === "refused") {
      return desk.show(call, (frame) => questionPage(question, frame, { text: edited, reason: read.reason }), 400);
    }
    if (canonical(read.value) !== question.args) input["args"] = read.value;
  }
  const news = answerNews(question, given, await waitFor(desk.run(call, "question.answer", input)));
  return desk.goOn(call, { to: "/", ...news });
}

async function cancel(desk: Desk, call: Call, { id, tool }: QuestionView): Promise<Response> {
  const cancelled = await desk.run(call, "hold.cancel", { id }).catch((error: unknown) => {
    if (!(error instanceof Fault)) throw error;
    return error;
  });
  const isDone = !(cancelled instanceof Fault);
  const text = isDone ? html`Cancelled: ${tool} was not done.` : html`Not cancelled: ${cancelled.message}`;
  return desk.goOn(call, { to: "/", tone: isDone ? "plain" : "bad", text });
}
