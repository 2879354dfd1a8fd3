// Questions of one conversation or of one shape, each in full, and one yes for all of them at the end of the page.

import type { Together } from "../control/index.ts";
import { html } from "./html.ts";
import { csrfField, type Frame, type Page } from "./page.ts";
import { callShown, head, reasons } from "./page-question.ts";
import type { QuestionView } from "./reading.ts";

export function alikePage({ kind, questions: group }: Together<QuestionView>, frame: Frame): Page {
  const isAlike = kind === "alike";
  const body = html`<h1>${group.length} ${isAlike ? "alike" : "of one conversation"}</h1>
    <p class="quiet">
      ${isAlike ? "The same program, tool and arguments; only values differ. " : ""}Each is decided by itself.
    </p>
    ${group.map(
      (question) =>
        html`<article class="card" aria-labelledby="s-${question.id}">
          ${head(question, frame)} ${callShown(question, Infinity)} ${reasons(question)}
          <p class="more"><a href="/q/${encodeURIComponent(question.id)}">Answer this one by itself</a></p>
        </article>`,
    )}
    <form class="panel" method="post" action="/alike">
      ${csrfField(frame)}
      <input type="hidden" name="ids" value="${group.map(({ id }) => id).join(",")}" />
      <input type="hidden" name="digests" value="${group.map(({ digest }) => digest).join(",")}" />
      <p class="actions">
        <button class="button button-yes">Yes to these ${group.length}</button>
        <a class="button button-later" href="/">One by one</a>
      </p>
    </form>`;
  return { title: isAlike ? "Alike questions" : "One conversation", at: "inbox", isLive: false, body };
}
