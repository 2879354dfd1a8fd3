// Rules made from a question, and one yes for alike questions. Behind a live owner session, like all of the owner's.

import type { Hono } from "hono";
import { Fault, isObject, type JsonObject } from "../kernel/index.ts";
import { answerNews, waitFor, type Answered } from "./answer-news.ts";
import type { Call, ConsoleEnv, Desk } from "./desk.ts";
import { exactText } from "./exact.ts";
import { html, NOTHING, type Markup } from "./html.ts";
import { alikePage } from "./page-alike.ts";
import { alwaysPage, changePage } from "./page-always.ts";
import { groupsOf, ideaOf, listOf, questionOf, textOf, textsOf, type QuestionView } from "./reading.ts";

export function routeRules(app: Hono<ConsoleEnv>, desk: Desk): void {
  app.get("/always/:id", async (call) => {
    const question = await questionFor(desk, call);
    const given = await desk.run(call, "rule.ideas", { id: question.id });
    const [ideas, notes] = [listOf(given, "ideas").map(ideaOf), textsOf(given, "notes")];
    return desk.show(call, (frame) => alwaysPage({ question, ideas, notes }, frame));
  });

  app.post("/always/:id", async (call) => {
    const form = call.get("form");
    const reason = (form.get("reason") ?? "").slice(0, 300);
    await desk.run(call, "rule.add", { idea: form.get("idea") ?? "", reason });
    return call.redirect(`/always/${encodeURIComponent(call.req.param("id"))}/change`, 303);
  });

  app.get("/always/:id/change", async (call) => {
    const question = await questionFor(desk, call);
    const plan = await desk.run(call, "plan");
    if (textOf(plan, "digest") === "") return call.redirect(`/always/${encodeURIComponent(question.id)}`, 303);
    return desk.show(call, (frame) => changePage(question, plan, frame));
  });

  app.post("/always/:id/change", async (call) => decideChange(desk, call));
  routeAlike(app, desk);
}

function routeAlike(app: Hono<ConsoleEnv>, desk: Desk): void {
  app.get("/alike/:id", async (call) => {
    const id = call.req.param("id");
    const questions = listOf(await desk.run(call, "question.list"), "questions").map(questionOf);
    const group = groupsOf(questions).find((one) => one.questions.some((question) => question.id === id));
    if (group === undefined) return call.redirect("/", 303);
    return desk.show(call, (frame) => alikePage(group, frame));
  });

  app.post("/alike", async (call) => {
    const form = call.get("form");
    const [ids, digests] = [listed(form.get("ids")), listed(form.get("digests"))];
    const answered = await waitFor(desk.run(call, "questions.answerAlike", { ids, digests }));
    return desk.goOn(call, { to: "/", ...alikeNews(answered) });
  });
}

function listed(text: string | null): readonly string[] {
  return (text ?? "").split(",").filter((part) => part !== "");
}

function alikeNews(answered: Answered): { readonly tone: "good" | "plain" | "bad"; readonly text: Markup } {
  switch (answered.kind) {
    case "refused":
      return { tone: "bad", text: html`None was answered: ${exactText(answered.fault.message)}` };
    case "running":
      return { tone: "plain", text: html`You said yes to all. They still run; Activity shows how each ends.` };
    case "answered": {
      const rows = listOf(answered.answer, "outcomes");
      const ran = rows.filter((row) => ["result", "withheld", "agreed"].includes(outcomeOf(row)));
      const others = rows.filter((row) => !ran.includes(row));
      const links = others.map(
        (row) => html` <a href="/why/${encodeURIComponent(textOf(row, "id"))}">${textOf(row, "id")}</a>`,
      );
      const rest = others.length === 0 ? NOTHING : html` Not done, or not surely done:${links}.`;
      return {
        tone: others.length === 0 ? "good" : "bad",
        text: html`${ran.length} of ${rows.length} ran once.${rest}`,
      };
    }
  }
}

function outcomeOf(row: JsonObject): string {
  return isObject(row["outcome"]) ? textOf(row["outcome"], "kind") : "";
}

async function questionFor(desk: Desk, call: Call): Promise<QuestionView> {
  return questionOf(await desk.run(call, "question.show", { id: call.req.param("id") ?? "" }));
}

/** The yes to the question goes first: under another policy it would only be asked anew. */
async function decideChange(desk: Desk, call: Call): Promise<Response> {
  const form = call.get("form");
  const digest = form.get("digest") ?? "";
  if (form.get("do") === "none") {
    await desk.run(call, "rule.withdraw", { digest });
    return desk.goOn(call, { to: "/", tone: "plain", text: html`No rule was made.` });
  }
  const said = form.get("do") === "both" ? await sayYes(desk, call) : null;
  if (said?.isRunning === true) {
    const text = html`${said.text} The rule waits until it has ended: apply it under Stack.`;
    return desk.goOn(call, { to: "/", tone: "plain", text });
  }
  const first = said === null ? NOTHING : html`${said.text} `;
  try {
    await desk.run(call, "apply", { digest });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const text = html`${first}The rule was not applied: ${exactText(error.message)}`;
    return desk.goOn(call, { to: "/", tone: "bad", text });
  }
  return desk.goOn(call, { to: "/", tone: "good", text: html`${first}The rule holds now.` });
}

async function sayYes(desk: Desk, call: Call): Promise<{ readonly text: Markup; readonly isRunning: boolean }> {
  const question = await questionFor(desk, call);
  if (call.get("form").get("question") !== question.digest) {
    return { text: html`Question ${question.id} is not the one you saw, so it was not answered.`, isRunning: false };
  }
  const answered = await waitFor(desk.run(call, "question.answer", { id: question.id, answer: "yes" }));
  return { text: answerNews(question, "yes", answered).text, isRunning: answered.kind === "running" };
}
