/**
 * Imports the package and dispatches once, and prints what was touched on the way.
 *
 * @module
 */

import { functionsOpened, touched } from "./touched.ts";
import { EventLoop } from "../../../mod.ts";

const loop = new EventLoop();
loop.addDefer(() => loop.exit(7));
const code = loop.loopSync();
const facts = { kernel: loop.kernel.name, code, touched: [...touched], functionsOpened };
console.log(JSON.stringify(facts));
