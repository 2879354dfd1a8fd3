// Journal, triggers and schedules; runs start under a named principal. Nothing is exported yet.
export {};
