/**
 * What is still to be sent when a connection is closed.
 *
 * @module
 */

/** How long nothing of it may get through, in milliseconds, before the rest is given up. */
export const lingerMilliseconds = 60_000;

/** How long the other end of a secure connection may take to close as well, in milliseconds. */
export const partingMilliseconds = 5_000;
