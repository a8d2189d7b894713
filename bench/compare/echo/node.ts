/**
 * An echo server as Node's users write it. Prints its port.
 *
 * @module
 */

import { type AddressInfo, createServer } from "node:net";

const server = createServer((socket) => {
  socket.on("data", (data) => socket.write(data));
});
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
