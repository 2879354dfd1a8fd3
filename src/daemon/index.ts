// The daemon's public names, for the CLI.

export { startDaemon, type Daemon, type DaemonOptions } from "./compose.ts";
export { runDrill, type Drill, type DrillStep } from "./drill.ts";
