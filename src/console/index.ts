// The owner's web console. Imports nothing heavy: its pages load with the first request.

export { openConsole } from "./console.ts";
export type { Console, ConsoleOptions } from "./shape.ts";
