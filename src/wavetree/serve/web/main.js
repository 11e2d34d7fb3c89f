// The page of `wavetree serve`.

import { start } from "./app.js";
import { serverSource } from "./source.js";
import { tree } from "./tabs/tree.js";

start({ tabs: [tree], source: serverSource() });
