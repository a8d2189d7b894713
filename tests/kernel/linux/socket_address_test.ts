import { assertEquals } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import type { Result, SocketAddress } from "../../../event/kernel/kernel.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  decodeAddress,
  encodeAddress,
  formatIpv6,
  parseIpv4,
  parseIpv6,
} from "../../../event/kernel/linux/socket_address.ts";

function encoded(address: SocketAddress): number[] | Result {
  const answer = encodeAddress(address, "127.0.0.1");
  return typeof answer === "number" ? answer : [...answer.bytes];
}

function roundTrip(address: SocketAddress): SocketAddress | undefined | Result {
  const answer = encodeAddress(address, "127.0.0.1");
  return typeof answer === "number" ? answer : decodeAddress(answer.bytes, answer.bytes.length);
}

Deno.test("encodeAddress() writes struct sockaddr_in: the family as the processor has it, port and address as the network has them", () => {
  assertEquals(encoded({ hostname: "10.0.0.254", port: 0x1234 }), [AF_INET, 0, 0x12, 0x34, 10, 0, 0, 254, 0, 0, 0, 0, 0, 0, 0, 0]);
});

Deno.test("encodeAddress() writes struct sockaddr_in6 with the zone as its scope", () => {
  const bytes = [AF_INET6, 0, 0, 80, 0, 0, 0, 0, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 1, 0, 0];
  assertEquals(encoded({ hostname: "fe80::1%258", port: 80 }), bytes);
});

Deno.test("encodeAddress() writes struct sockaddr_un: a path with a 0 behind it, an abstract name with one before it", () => {
  assertEquals(encoded({ path: "/a" }), [AF_UNIX, 0, 47, 97, 0]);
  assertEquals(encoded({ path: "@a" }), [AF_UNIX, 0, 0, 97]);
});

Deno.test("encodeAddress() takes the default for a missing hostname", () => {
  assertEquals(roundTrip({ port: 1 }), { hostname: "127.0.0.1", port: 1 });
});

Deno.test("encodeAddress() refuses what is no numeric address, no port or no path", () => {
  for (
    const hostname of [
      "",
      "localhost",
      "1.2.3",
      "1.2.3.4.5",
      "256.1.1.1",
      "01.2.3.4",
      "0x7f.0.0.1",
      " 1.2.3.4",
      "::1%eth0",
      "::1%0",
      "[::1]",
    ]
  ) {
    assertEquals(encoded({ hostname, port: 1 }), -Errno.EINVAL, hostname);
  }
  for (const port of [-1, 65_536, 1.5, NaN, Infinity]) assertEquals(encoded({ port }), -Errno.EINVAL, String(port));
  for (const path of ["", "a\0b", "@a\0b"]) assertEquals(encoded({ path }), -Errno.EINVAL, JSON.stringify(path));
});

Deno.test("encodeAddress() takes 107 bytes of path and reports ENAMETOOLONG for more, counted in UTF-8", () => {
  const longest = "/" + "x".repeat(106);
  assertEquals(roundTrip({ path: longest }), { path: longest });
  assertEquals(encoded({ path: `${longest}x` }), -Errno.ENAMETOOLONG);
  assertEquals(encoded({ path: "/" + "é".repeat(54) }), -Errno.ENAMETOOLONG);
});

Deno.test("decodeAddress() reads back what encodeAddress() wrote", () => {
  const addresses: SocketAddress[] = [
    { hostname: "0.0.0.0", port: 0 },
    { hostname: "255.255.255.255", port: 65_535 },
    { hostname: "::", port: 443 },
    { hostname: "fe80::1:2%4294967295", port: 8080 },
    { path: "/run/é.sock" },
    { path: "@hidden/name" },
  ];
  for (const address of addresses) assertEquals(roundTrip(address), address);
});

Deno.test("decodeAddress() knows a path that fills the whole struct and has no 0 behind it", () => {
  const bytes = new Uint8Array(110).fill(97);
  bytes.set([AF_UNIX, 0]);
  assertEquals(decodeAddress(bytes, 110), { path: "a".repeat(108) });
});

Deno.test("decodeAddress() says undefined for a socket without a name and EAFNOSUPPORT for another family", () => {
  assertEquals(decodeAddress(Uint8Array.of(AF_UNIX, 0), 2), undefined);
  assertEquals(decodeAddress(Uint8Array.of(16, 0, 0, 0), 4), -Errno.EAFNOSUPPORT);
});

Deno.test("parseIpv4() and parseIpv6() take every form of the standards and no other", () => {
  assertEquals(parseIpv4("192.0.2.33"), Uint8Array.of(192, 0, 2, 33));
  const groups = (text: string) => {
    const ip = parseIpv6(text);
    return ip && Array.from({ length: 8 }, (_, index) => ip.bytes[2 * index] << 8 | ip.bytes[2 * index + 1]);
  };
  assertEquals(groups("1:2:3:4:5:6:7:8"), [1, 2, 3, 4, 5, 6, 7, 8]);
  assertEquals(groups("ABCD:ef01::"), [0xabcd, 0xef01, 0, 0, 0, 0, 0, 0]);
  assertEquals(groups("::"), [0, 0, 0, 0, 0, 0, 0, 0]);
  assertEquals(groups("1::8"), [1, 0, 0, 0, 0, 0, 0, 8]);
  assertEquals(groups("1:2:3:4:5:6:7::"), [1, 2, 3, 4, 5, 6, 7, 0]);
  assertEquals(groups("::ffff:1.2.3.4"), [0, 0, 0, 0, 0, 0xffff, 0x0102, 0x0304]);
  assertEquals(groups("1:2:3:4:5:6:1.2.3.4"), [1, 2, 3, 4, 5, 6, 0x0102, 0x0304]);
  const wrong = [
    "",
    ":",
    ":::",
    "1",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "1::2::3",
    ":1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:",
    "12345::",
    "g::",
    "1.2.3.4::",
    "::1.2.3",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::%",
    "::%1%2",
    "::%01",
    "::%4294967296",
  ];
  for (const text of wrong) assertEquals(parseIpv6(text), undefined, text);
});

Deno.test("formatIpv6() writes the shortest form that RFC 5952 allows", () => {
  const forms = {
    "::": "::",
    "::1": "::1",
    "1::": "1::",
    "2001:DB8:0:0:1:0:0:1": "2001:db8::1:0:0:1", // the first of two runs
    "2001:0:0:1:0:0:0:1": "2001:0:0:1::1", // the longer run
    "1:0:3:4:5:6:7:8": "1:0:3:4:5:6:7:8", // one group is no run
    "0:0:3:4:5:6:7:8": "::3:4:5:6:7:8",
    "1:2:3:4:5:6:0:0": "1:2:3:4:5:6::",
    "::ffff:102:304": "::ffff:1.2.3.4",
    "::102:304": "::102:304",
    "fe80::0a%7": "fe80::a%7",
  };
  for (const [text, shortest] of Object.entries(forms)) assertEquals(formatIpv6(parseIpv6(text)!), shortest);
});
