// Write, recall, forget, import and export; Markdown is the truth. So far one file of plain notes per compartment.

export { openNotes } from "./notes.ts";
export type { Note, Notes, NotesParts } from "./notes.ts";
