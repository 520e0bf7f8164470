#!/usr/bin/env node
// Old syntax on purpose, and neither `import` nor `require`: any Node can read this file, and so say that it is too old,
// before anything native is loaded.
var needed = "22.18";
var found = process.versions.node.split(".").map(Number);
var least = needed.split(".").map(Number);

if (found[0] < least[0] || (found[0] === least[0] && found[1] < least[1])) {
  fail(
    "nexus needs Node " + needed + " or newer; this is Node " + process.versions.node + ", at " + process.execPath + ".",
    "In a clone of nexus-event-system: it brings its own Node. Run `npm ci` once, then `npx nexus` instead of this command.",
    "Anywhere else: install Node " + needed + " or newer (https://nodejs.org) and try again.",
  );
} else {
  // Starts faster the second time.
  process.getBuiltinModule("module").enableCompileCache();
  import("../dist/cli.js").catch(function (error) {
    if (error.code !== "ERR_MODULE_NOT_FOUND" || !String(error.url).endsWith("/dist/cli.js")) throw error;
    fail("nexus is not built, or is being built just now.", "Run `npm run build`, or wait for the one that runs, and try again.");
  });
}

function fail() {
  console.error(Array.prototype.join.call(arguments, "\n  "));
  process.exitCode = 2;
}
