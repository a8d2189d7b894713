/**
 * Calls on bare descriptors.
 *
 * @module
 */

export {};
