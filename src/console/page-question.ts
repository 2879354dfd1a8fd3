// One question as a card that is understood in five seconds, and on a page of its own with everything there is.

import { taskRows } from "../control/index.ts";
import { revealJson } from "../kernel/index.ts";
import { argumentList, argumentsOf, CARD_TEXT_LENGTH_MAX, editable, exactText, isCut, type Argument } from "./exact.ts";
import { html, type Markup } from "./html.ts";
import { ago, csrfField, until, type Frame, type Page } from "./page.ts";
import { clauseWords, type ClauseView, type QuestionView } from "./reading.ts";

export function questionCard(question: QuestionView, frame: Frame): Markup {
  const args = shownArguments(question);
  const isWhole = args !== null && !isCut(args);
  const href = `/q/${encodeURIComponent(question.id)}`;
  return html`<article class="card" id="q-${question.id}" aria-labelledby="s-${question.id}">
    ${head(question, frame)} ${callShown(question, CARD_TEXT_LENGTH_MAX)} ${reasons(question)}
    ${
      isWhole
        ? html`${answers(question, frame)}
            <p class="more">
              <a href="${href}">Change it first, or say why not</a> · <a href="${alwaysOf(question)}">Always…</a>
            </p>`
        : html`<p class="actions"><a class="button button-yes" href="${href}">Read it all, then answer</a></p>`
    }
  </article>`;
}

/** Allowed, and still to be cancelled by one tap. */
export function heldCard(question: QuestionView, frame: Frame): Markup {
  return html`<article class="card" id="q-${question.id}" aria-labelledby="s-${question.id}">
    ${head(question, frame)} ${callShown(question, CARD_TEXT_LENGTH_MAX)}
    <form class="actions" method="post" action="/q/${encodeURIComponent(question.id)}">
      ${bound(question, frame)}
      <button class="button" name="answer" value="cancel">Cancel</button>
      <button class="button button-later" name="answer" value="yes">Do it now</button>
    </form>
    <p class="expiry">Allowed. It is done ${until(question.heldUntilMs ?? 0, frame.nowMs)}, unless you cancel it.</p>
    <p class="more">
      <a href="/q/${encodeURIComponent(question.id)}">All of it</a> ·
      <a href="/why/${encodeURIComponent(question.id)}">Why it was allowed</a>
    </p>
  </article>`;
}

export function head(question: QuestionView, frame: Frame): Markup {
  return html`<p class="meta">
      <span class="id">${question.id}</span> <span>${exactText(question.tool)}</span>
      <span>${ago(question.askedAtMs, frame.nowMs)}</span>
    </p>
    <h2 class="sentence" id="s-${question.id}">${exactText(question.sentence)}</h2>`;
}

export function callShown(question: QuestionView, lengthMax: number): Markup {
  const args = shownArguments(question);
  if (args !== null) return argumentList(args, { prefix: `a-${question.id}`, lengthMax });
  return html`<pre class="box" tabindex="0" role="region" aria-label="arguments">${revealJson(question.args)}</pre>`;
}

export function reasons(question: QuestionView): Markup {
  const asking = question.clauses.filter((given) => given.answer !== "allow");
  return html`<dl class="facts">
    <div>
      <dt>Why you are asked</dt>
      <dd>
        <ul>
          ${asking.map((given) => html`<li>${exactText(given.reason)}</li>`)}
        </ul>
      </dd>
    </div>
    <div>
      <dt>Who asks</dt>
      <dd>${exactText(question.origin === "" ? question.principal : question.origin)}</dd>
    </div>
    ${
      question.undo !== "" &&
      html`<div>
        <dt>Undo</dt>
        <dd>${exactText(question.undo)}</dd>
      </div>`
    }
  </dl>`;
}

/** A whole task is shown call by call. */
function shownArguments(question: QuestionView): readonly Argument[] | null {
  const rows = taskRows(question);
  return rows?.map((row) => ({ ...row, role: "critical" as const })) ?? argumentsOf(question.args, question.roles);
}

/** The digest says which call the owner saw; a yes to another one is refused. */
function answers(question: QuestionView, frame: Frame): Markup {
  return html`<form class="actions" method="post" action="/q/${encodeURIComponent(question.id)}">
      ${bound(question, frame)}
      <button class="button button-yes" name="answer" value="yes">Yes</button>
      <button class="button" name="answer" value="no">No</button>
      <button class="button button-later" name="answer" value="later">Later</button>
    </form>
    <p class="expiry">Ends ${until(question.expiresAtMs, frame.nowMs)}. No answer means no.</p>`;
}

function alwaysOf(question: QuestionView): string {
  return `/always/${encodeURIComponent(question.id)}`;
}

export function bound(question: QuestionView, frame: Frame): Markup {
  return html`${csrfField(frame)}<input type="hidden" name="digest" value="${question.digest}" />`;
}

export interface Edit {
  readonly text: string;
  readonly reason: string;
}

export function questionPage(question: QuestionView, frame: Frame, edit: Edit | null): Page {
  const isOpen = question.state === "open" && question.expiresAtMs > frame.nowMs;
  const body = html`<h1 class="unseen">Question ${question.id}</h1>
    <article class="card" aria-labelledby="s-${question.id}">
      ${head(question, frame)} ${callShown(question, Infinity)} ${reasons(question)}
      ${
        isOpen
          ? answers(question, frame)
          : html`<p class="ended">
              ${ENDED[question.state] ?? "It has expired; that means no."}
              ${question.note !== "" && html` “${exactText(question.note)}”`}
            </p>`
      }
    </article>
    ${isOpen && refusalForm(question, frame)} ${isOpen && editForm(question, frame, edit)}
    <details class="panel">
      <summary>Exactly what runs</summary>
      <p class="quiet">These characters, after their escapes are read, are the bytes that are sent.</p>
      <pre class="box" tabindex="0" role="region" aria-label="exact arguments">${revealJson(question.args)}</pre>
      <dl class="steps">${question.clauses.map(clauseRow)}</dl>
      <p class="quiet">Bound to <code>${question.digest}</code></p>
    </details>
    <p class="more">
      <a href="${alwaysOf(question)}">Always…</a> ·
      <a href="/why/${encodeURIComponent(question.id)}">What happened with it</a> · <a href="/">Inbox</a>
    </p>`;
  return { title: `Question ${question.id}`, at: "inbox", isLive: false, body };
}

const ENDED: Readonly<Record<string, string>> = {
  held: "It was allowed, and is held for a while; the inbox has the button that cancels it.",
  yes: "You said yes.",
  spent: "You said yes, and it was let through once.",
  no: "You said no.",
  expired: "It has expired; that means no.",
  void: "It was withdrawn, because something changed after it was asked.",
};

function refusalForm(question: QuestionView, frame: Frame): Markup {
  return html`<form class="panel" method="post" action="/q/${encodeURIComponent(question.id)}">
    ${bound(question, frame)}
    <label for="note">No, because…</label>
    <p class="quiet" id="note-says">Whoever asked gets to read this.</p>
    <input
      id="note"
      name="note"
      type="text"
      maxlength="1000"
      autocomplete="off"
      aria-describedby="note-says"
      required
    />
    <button class="button" name="answer" value="no">No, with this reason</button>
  </form>`;
}

function editForm(question: QuestionView, frame: Frame, edit: Edit | null): Markup {
  const text = edit?.text ?? editable(question.args);
  const rows = Math.min(24, Math.max(5, text.split("\n").length + 1));
  return html`<form class="panel" method="post" action="/q/${encodeURIComponent(question.id)}">
    ${bound(question, frame)}
    <label for="args">Change it, then yes</label>
    <p class="quiet" id="args-say">The arguments as JSON. What you leave here is what runs, once.</p>
    ${edit !== null && html`<p class="warn" role="alert">Not sent: ${exactText(edit.reason)}</p>`}
    <textarea
      id="args"
      name="args"
      rows="${rows}"
      spellcheck="false"
      autocapitalize="off"
      autocomplete="off"
      aria-describedby="args-say"
    >
${text}</textarea>
    <button class="button button-yes" name="answer" value="edit">Yes, with my change</button>
  </form>`;
}

function clauseRow(given: ClauseView): Markup {
  return html`<div>
    <dt>${clauseWords(given.clause)} <span class="quiet">${given.clause}</span></dt>
    <dd><strong>${given.answer}</strong>: ${exactText(given.reason)}</dd>
  </div>`;
}
