// The page of `wavetree serve`.

import { start } from "./app.js";
import { serverSource } from "./source.js";
import { compare } from "./tabs/compare.js";
import { learn } from "./tabs/learn.js";
import { next } from "./tabs/next.js";
import { train } from "./tabs/train.js";
import { tree } from "./tabs/tree.js";

start({ tabs: [tree, next, train, compare, learn], source: serverSource() });
