// From a question to a rule: three ideas with what each would have done before, then the change itself with its diff.

import type { JsonObject } from "../kernel/index.ts";
import { exactText } from "./exact.ts";
import { html, type Markup } from "./html.ts";
import { csrfField, type Frame, type Page } from "./page.ts";
import { callShown, head } from "./page-question.ts";
import { changeShown } from "./page-stack.ts";
import { textOf, type IdeaView, type QuestionView } from "./reading.ts";

const WIDTHS: Readonly<Record<string, string>> = {
  exact: "Exactly this",
  near: "Others near it",
  any: "Any of its kind",
};

const ENDS: Readonly<Record<string, string>> = {
  no: "You said no to",
  denied: "It was denied:",
  unanswered: "Not answered:",
  yes: "You said yes to",
  ran: "It ran:",
};

export interface Always {
  readonly question: QuestionView;
  readonly ideas: readonly IdeaView[];
  readonly notes: readonly string[];
}

export function alwaysPage({ question, ideas, notes }: Always, frame: Frame): Page {
  const body = html`<h1>Always?</h1>
    <article class="card" aria-labelledby="s-${question.id}">
      ${head(question, frame)} ${callShown(question, Infinity)}
    </article>
    ${ideas.map((idea, at) => ideaPanel(idea, question, { frame, at }))}
    ${notes.map((note) => html`<p class="quiet">${exactText(note)}</p>`)}
    <p class="more">
      <a href="/q/${encodeURIComponent(question.id)}">Only answer this one</a> · <a href="/">Inbox</a>
    </p>`;
  return { title: "Always?", at: "inbox", isLive: false, body };
}

function ideaPanel(
  idea: IdeaView,
  question: QuestionView,
  { frame, at }: { readonly frame: Frame; readonly at: number },
): Markup {
  return html`<section class="panel" aria-labelledby="idea-${at}">
    <h2 id="idea-${at}">${WIDTHS[idea.width] ?? "This"}</h2>
    <p>${exactText(idea.sentence)}.</p>
    <p class="tested${idea.refused > 0 && " warn"}">${exactText(idea.said)}.</p>
    ${
      idea.worst.length > 0 &&
      html`<ul class="worst">
        ${idea.worst.map(
          (one) =>
            html`<li><span class="quiet">${ENDS[one.ended] ?? ""}</span> <code>${exactText(one.call)}</code></li>`,
        )}
      </ul>`
    }
    <form method="post" action="/always/${encodeURIComponent(question.id)}">
      ${csrfField(frame)}<input type="hidden" name="idea" value="${idea.key}" />
      <label for="reason-${at}">Reason, for you alone</label>
      <input
        id="reason-${at}"
        name="reason"
        type="text"
        maxlength="300"
        autocomplete="off"
        value="${idea.reason}"
        required
      />
      <p class="actions rule-next"><button class="button">Show the change</button></p>
    </form>
    <details>
      <summary>As it stands in rules.yaml</summary>
      <pre class="box" tabindex="0" role="region" aria-label="the rule">${exactText(idea.yaml)}</pre>
    </details>
  </section>`;
}

/** The diff above, and both ways to say yes under it. The yes to the question is bound to what stands on this page. */
export function changePage(question: QuestionView, plan: JsonObject, frame: Frame): Page {
  const isOpen = question.state === "open" && question.expiresAtMs > frame.nowMs;
  const form = html`<form class="actions" method="post" action="/always/${encodeURIComponent(question.id)}/change">
    ${csrfField(frame)}<input type="hidden" name="digest" value="${textOf(plan, "digest")}" />
    <input type="hidden" name="question" value="${question.digest}" />
    ${isOpen && html`<button class="button button-yes" name="do" value="both">Apply, and yes to this one</button>`}
    <button class="button" name="do" value="apply">Apply the rule only</button>
    <button class="button button-later" name="do" value="none">No rule</button>
  </form>`;
  const body = html`<h1>A rule from question ${question.id}</h1>
    <article class="card" aria-labelledby="s-${question.id}">
      ${head(question, frame)} ${callShown(question, Infinity)}
    </article>
    <section class="panel panel-ask">
      <h2>The change</h2>
      <p>Nothing of it is in force before you apply it.</p>
      ${changeShown(plan, form)}
    </section>`;
  return { title: "A new rule", at: "inbox", isLive: false, body };
}
