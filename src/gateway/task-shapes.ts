// Tasks as the two revisions of MCP write them.

import { isObject, type JsonObject } from "../kernel/index.ts";

export const TASKS_EXTENSION = "io.modelcontextprotocol/tasks";

/** `core`: 2025-11-25, in the protocol itself. `extension`: 2026-07-28. */
export type Dialect = "core" | "extension";
export type TaskStatus = "working" | "completed" | "failed" | "cancelled";

export interface TaskFacts {
  readonly id: string;
  readonly status: TaskStatus;
  readonly message: string | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** From `createdAtMs`. */
  readonly ttlMs: number;
}

/** People answer in minutes. */
const POLL_MS = 5_000;

export function shownTask(dialect: Dialect, facts: TaskFacts): JsonObject {
  const { id, status, message, createdAtMs, updatedAtMs, ttlMs } = facts;
  const shown = {
    taskId: id,
    status,
    ...(message === null ? {} : { statusMessage: message }),
    createdAt: new Date(createdAtMs).toISOString(),
    lastUpdatedAt: new Date(updatedAtMs).toISOString(),
  };
  return dialect === "core"
    ? { ...shown, ttl: ttlMs, pollInterval: POLL_MS }
    : { ...shown, ttlMs, pollIntervalMs: POLL_MS };
}

/** Clients of 2025-11-25 make a task only of tools that say so. */
export function taskTools(tools: readonly JsonObject[], own: readonly string[]): readonly JsonObject[] {
  return tools.map((tool) => {
    const { name, execution } = tool;
    if (typeof name === "string" && own.includes(name)) return tool;
    return { ...tool, execution: { ...(isObject(execution) ? execution : {}), taskSupport: "optional" } };
  });
}
