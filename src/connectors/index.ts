// Sandboxed children that speak MCP, one folder each. Nothing is exported yet.
export {};
