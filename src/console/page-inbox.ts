// The inbox: what waits for the owner, oldest first, and effects of which nobody knows whether they happened.

import type { Together } from "../control/index.ts";
import { argumentList, argumentsOf, exactText } from "./exact.ts";
import { html, type Markup } from "./html.ts";
import { ago, csrfField, type Frame, type Page } from "./page.ts";
import { heldCard, questionCard } from "./page-question.ts";
import { groupsOf, type MeterView, type QuestionView, type UnknownView } from "./reading.ts";

/** More would not be read with care; the rest is counted and comes up as these are answered. */
export const CARDS_MAX = 20;

export interface Inbox {
  readonly questions: readonly QuestionView[];
  readonly held: readonly QuestionView[];
  readonly unknown: readonly UnknownView[];
  readonly meter: MeterView;
}

export function inboxPage(inbox: Inbox, frame: Frame): Page {
  const { questions, held, unknown } = inbox;
  const hidden = Math.max(0, questions.length - CARDS_MAX);
  const isEmpty = questions.length + held.length + unknown.length === 0;
  const body = html`<h1 class="unseen">Inbox</h1>
    ${
      isEmpty &&
      html`<section class="empty">
        <p class="sentence">Nothing waits for you.</p>
        <p class="quiet">When something needs your yes, it appears here by itself.</p>
      </section>`
    }
    ${held.slice(0, CARDS_MAX).map((effect) => heldCard(effect, frame))}
    ${unknown.slice(0, CARDS_MAX).map((effect) => unknownCard(effect, frame))} ${groupsOf(questions).map(groupLink)}
    ${questions.slice(0, CARDS_MAX).map((question) => questionCard(question, frame))}
    ${hidden > 0 && html`<p class="quiet">${hidden} more ${hidden === 1 ? "waits" : "wait"} behind these.</p>`}
    ${inbox.meter.questions > 0 && meterFoot(inbox.meter)}`;
  return { title: "Inbox", at: "inbox", isLive: true, body };
}

function groupLink({ kind, questions }: Together<QuestionView>): Markup {
  const [first] = questions;
  return html`<p class="together">
    <a class="button" href="/alike/${encodeURIComponent(first?.id ?? "")}"
      >${questions.length} of these are ${kind === "alike" ? "alike" : "of one conversation"}: read them together</a
    >
  </p>`;
}

function meterFoot(meter: MeterView): Markup {
  return html`<footer class="meter">
    <p class="quiet">${exactText(meter.sentence)}</p>
    ${meter.advice !== "" && html`<p class="warn">${exactText(meter.advice)}</p>`}
  </footer>`;
}

function unknownCard(effect: UnknownView, frame: Frame): Markup {
  const args = effect.args === null ? null : argumentsOf(effect.args, new Map());
  return html`<article class="card card-unknown" aria-labelledby="u-${effect.request}">
    <p class="meta"><span>${exactText(effect.principal)}</span> <span>${ago(effect.atMs, frame.nowMs)}</span></p>
    <h2 class="sentence" id="u-${effect.request}">${exactText(effect.tool)} may or may not have happened.</h2>
    <p>
      Freehold was interrupted while it ran and will not run it again by itself. Look where it would show, then tick it
      off.
    </p>
    ${
      args === null
        ? html`<p class="quiet">The text of the call is no longer kept.</p>`
        : argumentList(args, { prefix: `u-${effect.request}`, lengthMax: Infinity })
    }
    <form class="actions" method="post" action="/seen">
      ${csrfField(frame)}<input type="hidden" name="request" value="${effect.request}" />
      <button class="button">Seen</button>
    </form>
    <p class="more"><a href="/why/${encodeURIComponent(effect.request)}">What happened with it</a></p>
  </article>`;
}
