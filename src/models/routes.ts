// In which order models are tried. Routes know nothing of who may read what: the door judges every step of one.

import type { Place } from "../kernel/index.ts";
import type { Declarations } from "./declaration.ts";

const NEAREST_FIRST: readonly Place[] = ["this-machine", "my-network", "cloud"];

/**
 * A name: that model, then what stands in for it, then what stands in for those. Null: every model that stands in for
 * nobody, the nearest first, then the others. Each stands once; a circle of stand-ins ends where it closes.
 */
export function routesOf(models: Declarations, name: string | null): readonly string[] {
  const nearest = NEAREST_FIRST.flatMap((place) => Object.keys(models).filter((one) => models[one]?.place === place));
  if (name !== null) return Object.hasOwn(models, name) ? withStandIns(models, nearest, [name]) : [];
  const primaries = nearest.filter((one) => models[one]?.fallbackFor.length === 0);
  return [...new Set([...withStandIns(models, nearest, primaries), ...nearest])];
}

function withStandIns(models: Declarations, nearest: readonly string[], first: readonly string[]): readonly string[] {
  const route = new Set(first);
  // A set is walked in order, also over what is added on the way.
  for (const one of route) {
    for (const standIn of nearest) if (models[standIn]?.fallbackFor.includes(one) === true) route.add(standIn);
  }
  return [...route];
}
