/**
 * What a machine may lack that tests run on.
 *
 * @module
 */

let ipv6: boolean | undefined;

/** Whether there is a local host by IPv6: many containers have none. */
export function hasIpv6(): boolean {
  return ipv6 ??= canListenOn("::1");
}

function canListenOn(hostname: string): boolean {
  try {
    Deno.listen({ hostname, port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

/** Registers a test that asks for it, left out where there is none. */
export function ipv6Test(name: string, fn: () => void | Promise<void>): void {
  Deno.test({ name: hasIpv6() ? name : `${name}, left out: there is no IPv6`, ignore: !hasIpv6(), fn });
}
