// The loop and context building; sees only the Door port. Nothing is exported yet.
export {};
