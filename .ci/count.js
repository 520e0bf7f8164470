// Prints "N passed, N failed" over the test runner's reports that are named. Fails when a test failed, and when a report is missing.
import { existsSync, readFileSync } from "node:fs";

let passed = 0;
let failed = 0;
for (const file of process.argv.slice(2)) {
  if (!existsSync(file)) {
    console.log(`${file} is missing: it counts as a failure`);
    failed++;
    continue;
  }
  const report = JSON.parse(readFileSync(file, "utf8"));
  passed += report.numPassedTests;
  // A file that could not be loaded has no tests to count: it counts as one failure.
  const unloaded = report.testResults.filter((tests) => tests.status === "failed" && tests.assertionResults.length === 0).length;
  failed += report.numFailedTests + unloaded;
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
