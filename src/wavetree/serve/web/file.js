// The page as a file of its own (`wavetree export --to html`): the tabs that need no server, the model in the page.

import { start } from "./app.js";
import { fileSource } from "./source.js";
import { next } from "./tabs/next.js";
import { tree } from "./tabs/tree.js";

start({ tabs: [tree, next], source: fileSource() });
