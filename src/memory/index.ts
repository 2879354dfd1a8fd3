// Write, recall, forget, import and export; Markdown is the truth. Nothing is exported yet.
export {};
