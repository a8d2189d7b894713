/**
 * Clients of an echo server, for machines without a compiler: see c/load.c, which prints the same.
 *
 * @module
 */

const MESSAGE_BYTES = 64;

const [port, connections, msec] = Deno.args.map(Number);
const samplesUsec: number[] = [];
let end = 0;

async function readFull(connection: Deno.Conn, buffer: Uint8Array): Promise<void> {
  for (let size = 0; size < buffer.length;) {
    const more = await connection.read(buffer.subarray(size));
    if (more === null) throw new Error("The server has closed a connection");
    size += more;
  }
}

async function ask(connection: Deno.Conn): Promise<boolean> {
  const sent = new Uint8Array(MESSAGE_BYTES);
  const answer = new Uint8Array(MESSAGE_BYTES);
  let round = 0;
  while (performance.now() < end) {
    round++;
    for (let i = 0; i < MESSAGE_BYTES; i++) sent[i] = round + i;
    const started = performance.now();
    await connection.write(sent);
    await readFull(connection, answer);
    if (sent.some((byte, i) => byte !== answer[i])) throw new Error("The server has sent something else");
    samplesUsec.push((performance.now() - started) * 1000);
  }
  return round > 0;
}

const clients = await Promise.all(Array.from({ length: connections }, () => Deno.connect({ hostname: "127.0.0.1", port })));
const began = performance.now();
end = began + msec;
const served = (await Promise.all(clients.map(ask))).filter((was) => was).length;
const seconds = (performance.now() - began) / 1000;
samplesUsec.sort((a, b) => a - b);
const quantile = (share: number) => samplesUsec[Math.floor(samplesUsec.length * share)];
const echoes = samplesUsec.length;
console.log(JSON.stringify({ rate: echoes / seconds, p50: quantile(0.5), p99: quantile(0.99), echoes, served }));
for (const client of clients) client.close();
