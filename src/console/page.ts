// The frame around every page: head, navigation, the stop button, and the owner's plain words for times.

import { html, NOTHING, type Markup } from "./html.ts";
import type { Head } from "./reading.ts";
import type { News } from "./visits.ts";

/** What a page needs to know about who looks at it. */
export interface Frame {
  readonly csrf: string;
  readonly nowMs: number;
  /** Null where nobody has proven to be the owner. */
  readonly head: Head | null;
  /** Came by a link: may stop everything, whether or not the proof has run out. */
  readonly mayStop: boolean;
  readonly news: News | null;
}

export interface Page {
  readonly title: string;
  readonly at: "inbox" | "chat" | "activity" | "stack" | "";
  /** Renews itself: by events with scripts, every half minute without. */
  readonly isLive: boolean;
  readonly body: Markup;
}

const RENEW_SECONDS = 30;

export function pageOf(page: Page, frame: Frame): string {
  const { head } = frame;
  const waiting = head === null || head.waiting === 0 ? "" : `(${head.waiting}) `;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${waiting}${page.title} · Freehold</title>
        <link rel="icon" href="/assets/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/assets/console.css" />
        ${
          page.isLive &&
          html`<script src="/assets/console.js" defer></script>
            <noscript><meta http-equiv="refresh" content="${RENEW_SECONDS}" /></noscript>`
        }
      </head>
      <body>
        <a class="skip" href="#main">Skip to the page</a>
        <header class="top">
          <a class="brand" href="/"><img src="/assets/icon.svg" alt="" width="26" height="26" />Freehold</a>
          ${head === null ? NOTHING : navigation(page, head)} ${frame.mayStop && stopForm(frame)}
        </header>
        <main id="main" ${page.isLive && html` data-live`} data-waiting="${head?.waiting ?? 0}" tabindex="-1">
          ${head?.isStopped === true && stoppedBanner()}
          ${frame.news !== null && html`<p class="news news-${frame.news.tone}" role="status">${frame.news.text}</p>`}
          ${page.body}
        </main>
        <p class="unseen" id="said" role="status" aria-live="polite"></p>
      </body>
    </html> `.toString();
}

function navigation(page: Page, head: Head): Markup {
  const link = (at: Page["at"], href: string, label: Markup): Markup =>
    html`<a href="${href}" ${page.at === at && html` aria-current="page"`}>${label}</a>`;
  const count = (value: number): Markup => (value === 0 ? NOTHING : html` <span class="badge">${value}</span>`);
  return html`<nav id="nav" aria-label="Pages">
    ${link("inbox", "/", html`Inbox${count(head.waiting)}`)} ${link("chat", "/chat", html`Chat`)}
    ${link("activity", "/activity", html`Activity`)} ${link("stack", "/stack", html`Stack${count(head.pending)}`)}
  </nav>`;
}

function stopForm(frame: Frame): Markup {
  return html`<form class="stop" method="post" action="/stop">
    ${csrfField(frame)} <button class="stop-button" aria-label="Stop everything now">Stop</button>
  </form>`;
}

function stoppedBanner(): Markup {
  return html`<section class="stopped" aria-label="Stopped">
    <p><strong>Everything is stopped.</strong> Nothing reads, writes or sends until you resume.</p>
    <a class="button" href="/resume">Resume…</a>
  </section>`;
}

export function csrfField(frame: Pick<Frame, "csrf">): Markup {
  return html`<input type="hidden" name="csrf" value="${frame.csrf}" />`;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export function ago(atMs: number, nowMs: number): Markup {
  const passedMs = nowMs - atMs;
  return time(atMs, passedMs < MINUTE_MS ? "just now" : passedMs < DAY_MS ? `${span(passedMs)} ago` : dayText(atMs));
}

export function until(atMs: number, nowMs: number): Markup {
  return time(atMs, `in ${span(Math.max(MINUTE_MS, atMs - nowMs))}`);
}

export function span(lengthMs: number): string {
  if (lengthMs < MINUTE_MS) return `${Math.max(1, Math.ceil(lengthMs / 1_000))} s`;
  if (lengthMs < HOUR_MS) return `${Math.round(lengthMs / MINUTE_MS)} min`;
  if (lengthMs < 2 * DAY_MS) return `${Math.round(lengthMs / HOUR_MS)} h`;
  return `${Math.round(lengthMs / DAY_MS)} days`;
}

function dayText(atMs: number): string {
  return isoOf(atMs).slice(0, 16).replace("T", " ");
}

function time(atMs: number, text: string): Markup {
  return html`<time datetime="${isoOf(atMs)}" title="${isoOf(atMs)}">${text}</time>`;
}

/** A date outside the calendar's range comes from a broken entry, and a page must still show the rest. */
function isoOf(atMs: number): string {
  return Math.abs(atMs) <= 8.64e15 ? new Date(atMs).toISOString() : "unknown";
}
