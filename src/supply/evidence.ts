// What a registry says about where a release comes from: present, absent, or unknown. Each question has its own
// deadline; a check that could not run is unknown, never a tick and never a wait.

import { isObject, oneLine, textAt, type JsonObject } from "../kernel/index.ts";
import type { Npm } from "./npm.ts";
import type { Known, VerdictFacts } from "./verdict.ts";

export const EVIDENCE_TIMEOUT_MS = 5_000;

export interface Evidence extends Readonly<VerdictFacts["evidence"]> {
  /** What is known, or why it is not, in a sentence each. */
  readonly says: Readonly<Record<"provenance" | "publisher" | "advisories", string>>;
}

export interface EvidenceRequest {
  readonly npm: Npm | null;
  readonly name: string;
  readonly before: string | null;
  readonly after: string | null;
  /** Once it is resolved; null where there is none. */
  readonly npmLock: Promise<JsonObject | null>;
  readonly timeoutMs?: number;
}

type Answer<T> = { readonly kind: "known"; readonly value: T } | { readonly kind: "unknown"; readonly why: string };

export async function gatherEvidence(request: EvidenceRequest): Promise<Evidence> {
  const { npm, name, before, after, npmLock, timeoutMs = EVIDENCE_TIMEOUT_MS } = request;
  const view = (version: string | null): Promise<Answer<JsonObject>> =>
    npm === null || version === null
      ? Promise.resolve(unknown("it comes from no registry"))
      : within(npm.view(`${name}@${version}`, timeoutMs), timeoutMs);
  const [was, is, audit] = await Promise.all([
    before === after ? Promise.resolve(unknown("")) : view(before),
    view(after),
    npmLock.then((lock) => auditOf(npm, lock, timeoutMs)),
  ]);
  const [formerly, now] = [releaseOf(was), releaseOf(is)];
  const advisories = advisoriesOf(audit);
  return {
    provenance: now.provenance,
    publisher: now.publisher === null ? "unknown" : "present",
    advisories: advisories.known,
    isProvenanceLost: formerly.provenance === "present" && now.provenance === "absent",
    isPublisherOther: formerly.publisher !== null && now.publisher !== null && formerly.publisher !== now.publisher,
    says: {
      provenance: now.says,
      publisher: now.publisher === null ? now.unpublished : `published by ${now.publisher}`,
      advisories: advisories.says,
    },
  };
}

function auditOf(npm: Npm | null, lock: JsonObject | null, timeoutMs: number): Promise<Answer<JsonObject>> {
  if (npm === null || lock === null) return Promise.resolve(unknown("it comes from no registry"));
  return within(npm.audit(lock, timeoutMs), timeoutMs);
}

function unknown(why: string): Answer<never> {
  return { kind: "unknown", why };
}

/** Whatever it takes or throws, there is an answer in time. */
async function within<T>(work: Promise<T>, timeoutMs: number): Promise<Answer<T>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Answer<T>>((resolve) => {
    timer = setTimeout(() => resolve(unknown(`no answer within ${timeoutMs / 1_000} s`)), timeoutMs);
  });
  const done = work.then(
    (value): Answer<T> => ({ kind: "known", value }),
    // No network, no such question at this registry: that is what unknown is for.
    () => unknown("the registry did not answer"),
  );
  const answer = await Promise.race([done, late]);
  clearTimeout(timer);
  return answer;
}

interface Release {
  readonly provenance: Known;
  readonly publisher: string | null;
  readonly says: string;
  readonly unpublished: string;
}

/** npm's registry gives signatures with every release; one that gives none tells nothing by silence. */
function releaseOf(view: Answer<JsonObject>): Release {
  if (view.kind === "unknown") {
    return { provenance: "unknown", publisher: null, says: view.why, unpublished: view.why };
  }
  const { dist, _npmUser: user } = view.value;
  const published = typeof user === "string" ? user : isObject(user) ? textAt(user, "name") : null;
  const publisher = published === null ? null : oneLine(published.replace(/\s*<.*$/, ""), 80);
  const unpublished = "this registry does not say";
  if (isObject(dist) && isObject(dist["attestations"])) {
    return { provenance: "present", publisher, says: "claimed by the registry, not verified here", unpublished };
  }
  const isTelling = isObject(dist) && Array.isArray(dist["signatures"]);
  const says = isTelling ? "none for this release" : "this registry gives none";
  return { provenance: isTelling ? "absent" : "unknown", publisher, says, unpublished };
}

function advisoriesOf(audit: Answer<JsonObject>): { readonly known: Known; readonly says: string } {
  if (audit.kind === "unknown") return { known: "unknown", says: audit.why };
  const { metadata, vulnerabilities } = audit.value;
  if (!isObject(metadata) || !isObject(vulnerabilities)) return { known: "unknown", says: "this registry gives none" };
  const names = Object.keys(vulnerabilities);
  if (names.length === 0) return { known: "absent", says: "none known" };
  return { known: "present", says: `for ${oneLine(names.slice(0, 5).join(", "), 200)}` };
}
