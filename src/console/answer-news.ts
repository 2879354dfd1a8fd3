// What became of an answer, in the words that the next page says.

import { Fault, isObject, type JsonObject } from "../kernel/index.ts";
import { exactText } from "./exact.ts";
import { html, type Markup } from "./html.ts";
import { textOf, type QuestionView } from "./reading.ts";
import type { News } from "./visits.ts";

/** A page waits this long for the effect of a yes; the effect itself goes on. */
const WAIT_MS = 15_000;

export type Answered =
  | { readonly kind: "answered"; readonly answer: JsonObject }
  | { readonly kind: "refused"; readonly fault: Fault }
  | { readonly kind: "running" };

export async function waitFor(answering: Promise<JsonObject>, waitMs = WAIT_MS): Promise<Answered> {
  const answered = answering.then(
    (answer): Answered => ({ kind: "answered", answer }),
    (error: unknown): Answered => {
      // After the wait nobody reads this; the ledger has how it ended.
      if (error instanceof Fault) return { kind: "refused", fault: error };
      throw error;
    },
  );
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Answered>((resolve) => {
    timer = setTimeout(() => resolve({ kind: "running" }), waitMs);
  });
  try {
    return await Promise.race([answered, late]);
  } finally {
    clearTimeout(timer);
  }
}

type Told = Pick<News, "tone" | "text">;

export function answerNews(question: QuestionView, given: string, answered: Answered): Told {
  const link = html`<a href="/why/${encodeURIComponent(question.id)}">Why</a>`;
  switch (answered.kind) {
    case "refused":
      return { tone: "bad", text: html`Not done: ${exactText(answered.fault.message)} ${link}` };
    case "running":
      return { tone: "plain", text: html`You said yes. It still runs; Activity shows how it ends. ${link}` };
    case "answered":
      if (given === "no") return { tone: "plain", text: html`You said no. Nothing was done. ${link}` };
      if (given === "later")
        return { tone: "plain", text: html`Put off. It comes back in an hour, unless it ends before.` };
      return yesNews(question, answered.answer, link);
  }
}

function yesNews(question: QuestionView, answer: JsonObject, link: Markup): Told {
  const outcome = isObject(answer["outcome"]) ? answer["outcome"] : {};
  const reason = exactText(textOf(outcome, "reason"));
  const tool = exactText(question.tool);
  switch (textOf(outcome, "kind")) {
    case "agreed":
      return { tone: "good", text: html`Yes to the task. Its calls run when they are made. ${link}` };
    case "result":
      return { tone: "good", text: html`Done: ${tool} ran once. ${link}` };
    case "withheld":
      return { tone: "good", text: html`Done: ${tool} ran once. Its answer was held back: ${reason} ${link}` };
    case "waiting":
      return {
        tone: "plain",
        text: html`Not done yet: something changed after you were asked, so you are asked anew.`,
      };
    case "denied":
      return { tone: "bad", text: html`Not done: ${reason} ${link}` };
    case "failed":
      return { tone: "bad", text: html`${tool} was sent and failed: ${reason} ${link}` };
    default:
      return { tone: "plain", text: html`You said yes. ${link}` };
  }
}

export function undoNews(undone: Answered): Told {
  switch (undone.kind) {
    case "refused":
      return { tone: "bad", text: html`Not undone: ${exactText(undone.fault.message)}` };
    case "running":
      return { tone: "plain", text: html`The undo still runs; Activity shows how it ends.` };
    case "answered": {
      const outcome = isObject(undone.answer["outcome"]) ? undone.answer["outcome"] : {};
      const reason = exactText(textOf(outcome, "reason"));
      const kind = textOf(outcome, "kind");
      if (kind === "result" || kind === "withheld") return { tone: "good", text: html`The undo ran once.` };
      if (kind === "waiting") return { tone: "plain", text: html`Not yet: something changed, so you are asked anew.` };
      return { tone: "bad", text: html`The undo did not go through: ${reason}` };
    }
  }
}
