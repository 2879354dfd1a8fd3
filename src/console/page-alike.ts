// Questions that differ in values alone, each in full, and one yes for all of them at the end of the page.

import { html } from "./html.ts";
import { csrfField, type Frame, type Page } from "./page.ts";
import { callShown, head, reasons } from "./page-question.ts";
import type { QuestionView } from "./reading.ts";

export function alikePage(group: readonly QuestionView[], frame: Frame): Page {
  const body = html`<h1>${group.length} alike</h1>
    <p class="quiet">The same program, tool and arguments; only values differ. Each is decided by itself.</p>
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
  return { title: "Alike questions", at: "inbox", isLive: false, body };
}
