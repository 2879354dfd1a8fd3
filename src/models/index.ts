// Wire adapters, router, prices, record and replay of models. Nothing is exported yet.
export {};
