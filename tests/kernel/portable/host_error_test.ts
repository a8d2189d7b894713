import { assertEquals } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import { errnoOf } from "../../../event/kernel/portable/host_error.ts";
import { socketErrno } from "../../../event/kernel/portable/socket_error.ts";

function coded(code: string): Error {
  return Object.assign(new Error(), { code });
}

Deno.test("errnoOf() goes by the host's code, by what is not permitted, by what is no argument, and is EIO for the rest", () => {
  const notPermitted = Object.assign(new Error(), { name: "NotCapable", code: "ENOENT" });
  const errors = [coded("ENOSPC"), notPermitted, new TypeError(), new RangeError(), coded("toString"), new Error(), "text", undefined];
  const expected = ["ENOSPC", "EACCES", "EINVAL", "EINVAL", "EIO", "EIO", "EIO", "EIO"];
  assertEquals(errors.map(errnoOf), expected.map((code) => Errno[code]));
});

Deno.test("socketErrno() tells certificates that are not accepted, and what is no TLS, from the rest", () => {
  const codes: Record<string, string> = {
    ECONNREFUSED: "ECONNREFUSED",
    ERR_ACCESS_DENIED: "EACCES",
    ERR_SOCKET_CLOSED: "ECONNRESET",
    ERR_STREAM_DESTROYED: "ECONNRESET",
    CERT_HAS_EXPIRED: "EKEYREJECTED",
    DEPTH_ZERO_SELF_SIGNED_CERT: "EKEYREJECTED",
    ERR_TLS_CERT_ALTNAME_INVALID: "EKEYREJECTED",
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: "EKEYREJECTED",
    ERR_SSL_WRONG_VERSION_NUMBER: "EPROTO",
    ERR_TLS_HANDSHAKE_TIMEOUT: "EPROTO",
    ERR_WHATEVER: "EIO",
  };
  for (const [code, expected] of Object.entries(codes)) assertEquals(socketErrno(coded(code)), Errno[expected], code);
  assertEquals([socketErrno(new TypeError()), socketErrno(undefined)], [Errno.EINVAL, Errno.EIO]);
});
