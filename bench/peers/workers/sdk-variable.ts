/** Tells the workers of the TypeScript SDK where it is, as published; without it they take the tree's. */
export const SDK_VARIABLE = "STEELYARD_BENCH_SDK";
