/**
 * Limits that damaged model files exceed.
 * @module
 */

/** Largest number of layers. Published models have fewer than 200; lists of layers must not fill the memory. */
export const MAX_LAYERS = 10_000;
