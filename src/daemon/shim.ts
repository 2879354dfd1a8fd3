// The stdio shim alone, for `freehold mcp`: a program that starts often loads nothing else of the daemon.

export { runShim } from "../gateway/stdio-shim.ts";
