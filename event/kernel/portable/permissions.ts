/**
 * What the host's permissions allow, asked without a prompt.
 *
 * @module
 */

/** Whether it is granted. A host that knows no permissions allows everything. */
export function isGranted(permission: Deno.PermissionDescriptor): boolean {
  return globalThis.Deno?.permissions === undefined || Deno.permissions.querySync(permission).state === "granted";
}
