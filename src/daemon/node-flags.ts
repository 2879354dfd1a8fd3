// How Node is started for the daemon, whoever starts it.

/**
 * Node opens its debugger at SIGUSR1, to whoever reaches the loopback port. Young objects get 2 MiB twice, not 16, so
 * that a burst of calls grows the process less; `rest.ts` calls the collector afterwards.
 */
export const DAEMON_FLAGS: readonly string[] = ["--disable-sigusr1", "--max-semi-space-size=2", "--expose-gc"];
